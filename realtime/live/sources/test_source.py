"""``test:``, a camera and a microphone that the program makes itself, for trying everything behind them."""

from collections.abc import Iterator
from fractions import Fraction
from math import sin
from threading import Event
from time import monotonic_ns
from typing import Final

import av
import cv2
import numpy as np
from av.audio.frame import AudioFrame
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter

from realtime.live.settings import SourceSettings
from realtime.live.source import LiveItem, Sound
from realtime.live.sources.portrait import Portrait, Pose
from realtime.media.color_tags import BT709
from realtime.media.frame import Frame
from realtime.runtime.errors import UsageError

__all__ = ["SyntheticSource"]

#: What it gives where nothing is asked for.
SIZE: Final = (1280, 720)
FPS: Final = Fraction(30)
#: Once a second, for so long, in seconds, the mouth is open, the lamp shines and the tone sounds.
BEEP: Final = 0.2
#: The tone: Hz, loudness, samples a second, and the seconds in which it swells.
_PITCH: Final = 880
_LEVEL: Final = 0.3
_RATE: Final = 48_000
_SWELL: Final = 0.004
#: Seconds between two blinks.
_BLINKS: Final = 3.7
_LIT: Final = (255.0, 255.0, 255.0)
_UNLIT: Final = (30.0, 30.0, 30.0)
_SECOND_NS: Final = 1_000_000_000


class SyntheticSource:
    """A drawn face that turns, blinks, and opens its mouth once a second, with a lamp and a tone at the same moment.

    Frames come when they are due; those that cannot be drawn in time are left out.
    """

    def __init__(self, address: str, settings: SourceSettings) -> None:
        if address != "test:":
            raise UsageError(f"{address}: nothing comes after 'test:'; use --size and --fps")
        width, height = settings.size or SIZE
        self._fps = settings.fps or FPS
        self.rate: Fraction | None = self._fps
        self._portrait = Portrait(width // 2 * 2, height // 2 * 2)
        self._reformatter = VideoReformatter()
        self._closed = Event()

    def __iter__(self) -> Iterator[LiveItem]:
        """Frames with ``captured_ns``, each after the sound that leads up to it."""
        began_ns, number, heard = monotonic_ns(), 0, 0
        while True:
            due_ns = began_ns + round(number / self._fps * _SECOND_NS)
            late = int((monotonic_ns() - due_ns) * self._fps / _SECOND_NS)
            if late > 0:
                number += late
                continue
            picture = self.draw(number)
            if self._closed.wait(max(due_ns - monotonic_ns(), 0) / 1e9):
                return
            until = int(number / self._fps * _RATE)
            if until > heard:
                yield Sound(_tone(heard, until), began_ns + heard * _SECOND_NS // _RATE)
                heard = until
            yield Frame(picture, due_ns)
            number += 1

    def close(self) -> None:
        """End, at once."""
        self._closed.set()

    def draw(self, number: int) -> av.VideoFrame:
        """The picture of that number from 0, yuv420p of BT.709."""
        time = float(number / self._fps)
        beeps = time >= 1 and time % 1 < BEEP
        drawn = self._portrait.draw(
            Pose(
                yaw=0.3 * sin(0.9 * time),
                pitch=0.1 * sin(1.3 * time),
                roll=0.1 * sin(0.7 * time),
                mouth=0.8 if beeps else 0.0,
                blink=1.0 if time % _BLINKS > _BLINKS - BEEP else 0.0,
            )
        )
        radius = drawn.shape[0] // 20
        lamp = _LIT if beeps else _UNLIT
        cv2.circle(drawn, (2 * radius, 2 * radius), radius, lamp, cv2.FILLED, cv2.LINE_AA)
        picture = self._reformatter.reformat(
            av.VideoFrame.from_ndarray(drawn, format="rgb24"),
            format="yuv420p",
            dst_colorspace=Colorspace.ITU709,
            dst_color_range=ColorRange.MPEG,
        )
        BT709.put_on(picture)
        picture.pts, picture.time_base = number, 1 / self._fps
        return picture


def _tone(start: int, end: int) -> AudioFrame:
    """Samples ``start`` to ``end`` of the tone that sounds once a second."""
    time = np.arange(start, end) / _RATE
    phase = time % 1
    swell = np.clip(np.minimum(phase, BEEP - phase) / _SWELL, 0, 1) * (time >= 1)
    wave = (_LEVEL * swell * np.sin(2 * np.pi * _PITCH * time)).astype(np.float32)
    tone = AudioFrame.from_ndarray(wave[None], "fltp", "mono")
    tone.sample_rate = _RATE
    return tone
