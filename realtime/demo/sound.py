"""The voice of the sample clip: harmonics under a formant envelope, in step with the mouth.

Additive synthesis: each harmonic of the larynx gets, from moment to moment, the gain that three resonances
give its frequency (Fant's source-filter model), so no recursive filter is needed and numpy does all of it at
once.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from realtime.demo.speech import Speech
from realtime.runtime.arrays import Floats

__all__ = ["SAMPLE_RATE", "synthesise"]

SAMPLE_RATE: Final = 48_000
_HARMONICS: Final = 22
_BANDWIDTHS: Final = (90.0, 130.0, 190.0)  # Hz, of the three formants
_LEVELS: Final = (1.0, 0.55, 0.22)
_PEAK: Final = 0.5
_JITTER_S: Final = 0.03


def synthesise(speech: Speech, seconds: float) -> Floats:
    """The voice as float32 (samples,), mono at ``SAMPLE_RATE``, within -1..1, exactly ``seconds`` long."""
    count = round(seconds * SAMPLE_RATE)
    time = np.arange(count) / SAMPLE_RATE
    # A voice is never quite even: a slow vibrato, and a little jitter from a fixed seed.
    wander = _noise(int(seconds / _JITTER_S) + 2)
    jitter = np.interp(time, np.arange(len(wander)) * _JITTER_S, wander)
    pitch = speech.at(speech.pitch, time) * (1 + 0.008 * np.sin(2 * np.pi * 5.1 * time) + 0.006 * jitter)
    phase = 2 * np.pi * np.cumsum(pitch) / SAMPLE_RATE
    formants = [speech.at(track, time) for track in speech.formants]
    gain = speech.at(speech.voice, time) * (0.12 + 0.88 * speech.at(speech.opening, time) ** 0.5)

    sound = np.zeros(count)
    for number in range(1, _HARMONICS + 1):
        frequency = number * pitch
        envelope = sum(
            level / (1 + ((frequency - formant) / bandwidth) ** 2) ** 0.7
            for level, formant, bandwidth in zip(_LEVELS, formants, _BANDWIDTHS, strict=True)
        )
        # The larynx falls by 12 dB an octave, the lips' radiation gives back 6.
        sound += envelope / number**0.9 * np.sin(number * phase)
    sound = _room(sound * gain)
    fade = np.clip(np.minimum(time, seconds - time) / 0.03, 0, 1)
    sound *= fade
    return (sound * (_PEAK / max(float(np.abs(sound).max()), 1e-9))).astype(np.float32)


def _noise(count: int) -> NDArray[np.float64]:
    return np.random.default_rng(68).standard_normal(count)


def _room(sound: NDArray[np.float64]) -> NDArray[np.float64]:
    """A small room around the voice: an exponentially decaying tail, convolved by FFT."""
    tail = int(0.22 * SAMPLE_RATE)
    response = 0.010 * _noise(tail) * np.exp(-np.arange(tail) / (0.045 * SAMPLE_RATE))
    response[0] = 1.0
    size = 1 << (len(sound) + tail).bit_length()
    wet = np.fft.irfft(np.fft.rfft(sound, size) * np.fft.rfft(response, size), size)
    return wet[: len(sound)]
