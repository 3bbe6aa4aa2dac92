"""What the portrait says: a babble of syllables, as curves that drive the mouth and the voice alike."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["Speech", "Track", "babble"]

#: float64 (N,), one value per tick of ``RATE``.
Track = NDArray[np.float64]

#: Ticks of the curves a second.
RATE: Final = 400


@dataclass(frozen=True, slots=True)
class Vowel:
    """How a vowel looks (opening and rounding, 0..1) and sounds (its first three formants in Hz)."""

    opening: float
    rounding: float
    formants: tuple[float, float, float]


# Formants after Peterson and Barney (1952), women's means.
_VOWELS: Final = {
    "a": Vowel(1.00, 0.30, (850, 1220, 2810)),
    "e": Vowel(0.62, 0.05, (610, 2330, 2990)),
    "i": Vowel(0.36, 0.00, (370, 2670, 3300)),
    "o": Vowel(0.70, 0.80, (590, 920, 2710)),
    "u": Vowel(0.34, 1.00, (420, 950, 2670)),
}
#: Consonants for which the lips shut.
_LABIALS: Final = frozenset("bmp")
#: Nonsense to say, over and over; a comma is a breath.
_TEXT: Final = "la mo ra, mame di wa noba li, sola mi, heba nora mu de la, "
_SYLLABLE_S: Final = 0.19
_ACCENT_S: Final = 0.07  # every third syllable is longer by this
_BREATH_S: Final = 0.42
_FIRST_S: Final = 0.30


@dataclass(frozen=True, slots=True)
class Speech:
    """The curves of a stretch of babble, each float64 (N,), at ``RATE`` ticks a second from time 0.

    ``opening`` 0 (at rest) .. 1 (wide), ``rounding`` 0..1, ``shut`` 0..1 (1: the lips touch), ``voice`` 0..1
    (loudness of the larynx), ``pitch`` Hz, ``formants`` float64 (3, N) Hz.
    """

    opening: Track
    rounding: Track
    shut: Track
    voice: Track
    pitch: Track
    formants: NDArray[np.float64]

    def at(self, track: Track, seconds: float | Track) -> Track:
        """``track`` at one or many times, with straight lines between the ticks."""
        return np.asarray(np.interp(np.asarray(seconds) * RATE, np.arange(len(track)), track))


def babble(seconds: float) -> Speech:
    """Speak for ``seconds``, at least 0.1. The same length gives the same curves."""
    count = max(int(np.ceil(seconds * RATE)), RATE // 10) + 1
    time = np.arange(count) / RATE
    opening, rounding, voice = np.zeros(count), np.zeros(count), np.zeros(count)
    shut = np.ones(count)
    pitch = np.full(count, 196.0)
    formants = np.repeat(np.array([[500.0], [1500.0], [2800.0]]), count, axis=1)

    now, spoken, place = _FIRST_S, 0, 0
    while True:
        letter = _TEXT[place % len(_TEXT)]
        place += 1
        if letter == ",":
            now, spoken = now + _BREATH_S, 0
        if letter not in _VOWELS:
            continue
        length = _SYLLABLE_S + (_ACCENT_S if spoken % 3 == 1 else 0.0)
        if now + length > seconds - 0.15:
            break
        vowel, consonant = _VOWELS[letter], _TEXT[(place - 2) % len(_TEXT)]
        here = (time >= now) & (time < now + length)
        phase = (time[here] - now) / length  # 0..1
        swell = np.sin(np.pi * np.minimum(phase / 0.9, 1.0) ** 0.8) ** 0.7
        floor = 0.0 if consonant in _LABIALS or spoken == 0 else 0.30
        opening[here] = vowel.opening * (floor + (1 - floor) * swell)
        rounding[here] = vowel.rounding
        shut[here] = 1.0 if consonant in _LABIALS else 0.35
        shut[here] *= 1 - np.clip(swell * 2.5, 0, 1)
        voice[here] = 0.25 + 0.75 * swell
        # Speech falls over a phrase and rises a little on each accent.
        pitch[here] = 214 - 5.0 * spoken + (14 * swell if spoken % 3 == 1 else 0.0)
        formants[:, here] = np.asarray(vowel.formants)[:, None]
        now, spoken = now + length, spoken + 1

    return Speech(
        opening=_smooth(opening, 0.034),
        rounding=_smooth(rounding, 0.050),
        shut=_smooth(shut, 0.028),
        voice=_smooth(voice, 0.014),
        pitch=_smooth(pitch, 0.040),
        formants=np.stack([_smooth(formant, 0.028) for formant in formants]),
    )


def _smooth(track: Track, sigma_s: float) -> Track:
    """Gaussian low-pass: mouths have mass."""
    reach = int(np.ceil(3 * sigma_s * RATE))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / (sigma_s * RATE)) ** 2)
    return np.convolve(np.pad(track, reach, mode="edge"), kernel / kernel.sum(), mode="valid")
