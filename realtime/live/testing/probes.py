"""Sources and sinks that die on purpose, and sinks that look at what they get: for benchmarks and tests."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from threading import Event
from typing import Final

import cv2
import numpy as np

from realtime.align import TEMPLATES
from realtime.finder import FaceFinder
from realtime.finder.face import Face
from realtime.live.sink import StreamFormat
from realtime.live.slate import SlateFrame
from realtime.live.source import LiveItem, LiveSource, Sound
from realtime.live.testing.scripted import ScriptedFinder
from realtime.media.frame import Frame
from realtime.runtime.arrays import Bytes, Floats
from realtime.runtime.errors import InputError, OutputError

__all__ = ["FlakySink", "FlakySource", "InspectingSink", "PrivacyProbe", "change", "similarity"]

#: Frames that an probe remembers: more than can be under way.
REMEMBERED: Final = 64
#: Side of the crop in which faces are compared: the face alone, eyes some 30 px apart.
SIDE: Final = 64
#: A face that changed by less counts as shown. Encoding a frame again changes it by 1 or 2.
LEAST_CHANGE: Final = 6.0


class FlakySource:
    """Another source that, after so many frames, breaks off with an error or falls silent."""

    def __init__(self, source: LiveSource, frames: int, silent: bool) -> None:
        self._source, self._frames, self._silent = source, frames, silent
        self._closed = Event()

    @property
    def rate(self) -> Fraction | None:
        """That of the other source."""
        return self._source.rate

    def __iter__(self) -> Iterator[LiveItem]:
        left = self._frames
        for item in self._source:
            if isinstance(item, Frame):
                if left == 0:
                    if not self._silent:
                        raise InputError("the camera was unplugged, as the script says; plug it in")
                    self._closed.wait()
                    return
                left -= 1
            yield item

    def close(self) -> None:
        """Close the other source, and wake up."""
        self._closed.set()
        self._source.close()


class InspectingSink:
    """Takes frames, counts those out of order, and shows each to ``look``."""

    def __init__(self, look: Callable[[Frame], None] = lambda frame: None) -> None:
        self._look = look
        self.frames = 0
        self.out_of_order = 0
        self.largest_gap_ms = 0.0
        self._last_ns = self._captured_ns = 0
        self._last_pts = -1

    def open(self, shape: StreamFormat) -> None:
        """Nothing is needed."""

    def write(self, frame: Frame) -> None:
        """Look at the frame."""
        now_ns, pts = frame.captured_ns or 0, -1 if frame.pts is None else frame.pts
        self.out_of_order += pts <= self._last_pts
        if self.frames:
            self.largest_gap_ms = max(self.largest_gap_ms, (now_ns - self._last_ns) / 1e6)
        self._last_pts = pts
        if isinstance(frame, SlateFrame):  # never captured: a frame that was on its way meanwhile may follow it
            self._last_ns = max(self._last_ns, now_ns)
        else:
            self.out_of_order += now_ns <= self._captured_ns
            self._captured_ns = self._last_ns = now_ns
        self.frames += 1
        self._look(frame)

    def write_sound(self, sound: Sound) -> None:
        """Leave it."""

    def close(self) -> None:
        """Nothing is left to do."""

    def abort(self) -> None:
        """Nothing is ever blocked."""


class FlakySink(InspectingSink):
    """A looking sink that breaks off with an error after so many frames; None: never."""

    def __init__(self, frames: int | None) -> None:
        super().__init__()
        self._left = frames

    def write(self, frame: Frame) -> None:
        """Look at the frame, or die."""
        if self._left is not None and self.frames == self._left:
            raise OutputError("the other end hung up, as the script says; start it again")
        super().write(frame)


class PrivacyProbe:
    """Remembers the real faces of each frame, and compares them with what is sent.

    It stands in for the finder, which is told to miss by a script, and knows better than it says. ``least_change`` is
    the mean difference of the face that changed least, 0..255; ``max_similarity`` is that of the missed face that can
    be seen best: next to nothing where it was covered. ``shown`` counts the faces that can be seen.
    """

    def __init__(self, finder: FaceFinder, misses: Callable[[int], bool]) -> None:
        self._scripted = ScriptedFinder(finder, misses)
        self._real: dict[int, list[_Real]] = {}
        self.faces = 0
        self.missed = 0
        self.least_change = 255.0
        self.max_similarity = 0.0
        self.shown = 0

    def find(self, frame: Frame) -> tuple[Face, ...]:
        """What the scripted finder says it found."""
        found = self._scripted.find(frame)
        # Before the swap changes it: the frame is swapped in place.
        while len(self._real) >= REMEMBERED:
            del self._real[next(iter(self._real))]
        self._real[frame.captured_ns or 0] = [_Real(face, frame, face in found) for face in self._scripted.truth]
        return found

    def reset(self) -> None:
        """Another source."""
        self._scripted.reset()

    @property
    def truth(self) -> tuple[Face, ...]:
        """The faces that are really in the last frame."""
        return self._scripted.truth

    def look(self, frame: Frame) -> None:
        """Compare what is sent with the real faces of its frame."""
        for real in self._real.pop(frame.captured_ns or 0, ()):
            sent = frame.warp(real.matrix, SIDE)
            self.faces += 1
            changed = change(real.crop, sent)
            self.least_change = min(self.least_change, changed)
            self.shown += changed < LEAST_CHANGE
            if not real.found:
                self.missed += 1
                self.max_similarity = max(self.max_similarity, similarity(real.crop, sent))


class _Real:
    def __init__(self, face: Face, frame: Frame, found: bool) -> None:
        self.matrix = TEMPLATES["landmarks"].frame_to_crop(face.landmarks, SIDE)
        self.crop = frame.warp(self.matrix, SIDE)
        self.found = found


def change(real: Bytes, sent: Bytes) -> float:
    """Mean absolute difference of two crops of a face, uint8 (S, S, 3), in the part of it that differs least.

    The parts are the eyes, the nose and the mouth.
    """
    return min(float(part.mean()) for part in _thirds(np.asarray(cv2.absdiff(real, sent), np.float32)))


def similarity(real: Bytes, sent: Bytes) -> float:
    """How much of a face can be seen in what was sent, crops uint8 (S, S, 3) both: 1 all of it, 0 or less nothing.

    Of the eyes, the nose and the mouth the one that is most like: the share of its detail, light and broad colours left
    out, that a least-squares fit finds in ``sent``.
    """
    a, b = _detail(real), _detail(sent)
    return max(float((x * y).sum() / max((x * x).sum(), 1e-6)) for x, y in zip(_thirds(a), _thirds(b), strict=True))


def _detail(crop: Bytes) -> Floats:
    gray = np.asarray(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), np.float32)
    return np.asarray(gray - cv2.GaussianBlur(gray, (0, 0), SIDE / 16), np.float32)


def _thirds(crop: Floats) -> list[Floats]:
    """From the brows to the mouth, and as wide as those, in three."""
    return list(np.array_split(crop[SIDE // 4 : -SIDE // 4, SIDE // 4 : -SIDE // 4], 3))
