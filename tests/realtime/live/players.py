"""Sends frames and sound into a sink as the engine does, and measures what came out at the other end."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from time import monotonic, sleep

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.video.frame import VideoFrame

from realtime.live.sink import CLOCK, LiveSink, StreamFormat
from realtime.live.source import Sound
from realtime.media.frame import Frame

SIZE = (160, 120)
RATE = 48_000
FPS = 25
SECOND = 1_000_000_000
#: The engine has been running for a while when these sinks are opened.
BEGAN = 7_000 * SECOND
FIRST = BEGAN + 5 * SECOND


def shape(sound: bool = True, pixels: str = "yuv420p") -> StreamFormat:
    return StreamFormat(*SIZE, pixels, Fraction(FPS), BEGAN, sound, 1, 1, 1, 1)


def picture(number: int, bright: bool, pixels: str = "yuv420p") -> Frame:
    """A frame of the engine: its own time and clock; all white or all dark."""
    frame = VideoFrame(*SIZE, pixels)
    for index, plane in enumerate(frame.planes):
        plane.update(bytes([128 if index else 235 if bright else 16 + number % 8]) * plane.buffer_size)
    captured_ns = FIRST + number * SECOND // FPS
    frame.pts, frame.time_base = shape().pts(captured_ns), CLOCK
    frame.colorspace = frame.color_primaries = frame.color_trc = 1
    frame.color_range = 1
    return Frame(frame, captured_ns)


def noise(number: int) -> Frame:
    """A frame that no encoder makes small."""
    frame, values = picture(number, bright=False), np.random.default_rng(number)
    for plane in frame.picture.planes:
        plane.update(values.bytes(plane.buffer_size))
    return frame


def tone(number: int, loud: bool, drift: float = 0.0) -> Sound:
    """The sound of one frame's length, by a device whose clock is wrong by so much."""
    count = RATE // FPS
    wave = (0.5 * loud * np.sin(np.arange(count) * 2 * np.pi * 1000 / RATE)).astype(np.float32)
    block = AudioFrame.from_ndarray(wave[None], "fltp", "mono")
    block.sample_rate = RATE
    return Sound(block, FIRST + round(number * SECOND / FPS * (1 + drift)))


def play(
    sink: LiveSink, frames: int, paced: bool = False, sound: bool = True, enough: Callable[[], bool] = bool
) -> None:
    """Open, send and close; every second begins with a flash and a beep, but for the first.

    It closes sooner where that is ``enough``.
    """
    sink.open(shape(sound))
    try:
        began = monotonic()
        for number in range(frames):
            if enough():
                break
            marked = number >= FPS and number % FPS < 3
            if sound:
                sink.write_sound(tone(number, marked))
            sink.write(picture(number, marked))
            if paced:
                sleep(max(began + number / FPS - monotonic(), 0))
    finally:
        sink.close()


@dataclass
class Heard:
    """What came out: ``flashes`` and ``beeps`` are the times at which they begin, in seconds."""

    frames: int
    flashes: list[float]
    beeps: list[float]
    keys: list[float]
    times: list[float]
    metadata: dict[str, str]


def measure(container: av.container.InputContainer) -> Heard:
    """Decode to the end, whatever the end is."""
    pictures: list[tuple[float, float, bool]] = []
    sound: list[tuple[float, np.ndarray]] = []
    metadata = {name.lower(): text for name, text in container.metadata.items()}
    try:
        for item in container.decode(*container.streams.video[:1], *container.streams.audio[:1]):
            if item.pts is None or item.time_base is None:
                continue
            time = float(item.pts * item.time_base)
            if isinstance(item, VideoFrame):
                pictures.append((time, float(np.frombuffer(item.planes[0], np.uint8)[0]), bool(item.key_frame)))
            else:
                sound.append((time, np.abs(item.to_ndarray()[0]).astype(np.float32)))
    except (av.error.FFmpegError, OSError):
        pass  # a stream that was sent to the end
    container.close()
    flashes = [b[0] for a, b in pairwise(pictures) if b[1] > 128 > a[1]]
    beeps, quiet = [], 1.0
    for time, samples in sound:
        for start in range(0, len(samples), 48):
            if samples[start : start + 48].max() > 0.1:
                if quiet > 0.3:
                    beeps.append(time + (start + int(np.argmax(samples[start : start + 48] > 0.1))) / RATE)
                quiet = 0.0
            else:
                quiet += 48 / RATE
    keys = [time for time, _, key in pictures if key]
    return Heard(len(pictures), flashes, beeps, keys, [time for time, _, _ in pictures], metadata)


def apart(heard: Heard) -> float:
    """How far flashes and beeps are apart at most, in seconds."""
    assert heard.flashes
    assert len(heard.flashes) == len(heard.beeps)
    return max(abs(flash - beep) for flash, beep in zip(heard.flashes, heard.beeps, strict=True))
