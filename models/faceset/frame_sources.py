"""What faces are taken from: videos and pictures, as sources of frames that know which file they come from."""

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Protocol

from models.faceset.colors import colors_of
from models.faceset.record import Colors, Origin
from realtime.media.file_source import FileSource, Item
from realtime.media.frame import Frame
from realtime.media.picture import decode_picture, quiet, read_bytes
from realtime.runtime.arrays import Points
from realtime.runtime.errors import InputError

__all__ = ["FrameOrigin", "FrameSource", "Pick", "PictureFrames", "Still", "VideoFrames"]


@dataclass(frozen=True, slots=True)
class FrameOrigin:
    """Where a frame comes from.

    ``still`` marks a picture that is no neighbour of the one before. ``landmarks`` are those that another aligner
    found in it, float32 (68, 2) each; None where nobody looked yet.
    """

    origin: Origin
    number: int
    still: bool = False
    landmarks: tuple[Points, ...] | None = None


class FrameSource(Iterable[Item], Protocol):
    """A source whose frames come with a ``FrameOrigin`` each, in the same order; it stops once ``enough`` is set."""

    origins: deque[FrameOrigin]
    enough: bool
    expected: int
    colors: Colors | None

    def close(self) -> None:
        """Let go of the file."""


@dataclass(frozen=True, slots=True)
class Pick:
    """Which frames of a video: every ``every``-th, or ``fps`` of them a second."""

    every: int = 1
    fps: Fraction | None = None

    def expected(self, frames: int, rate: Fraction) -> int:
        """About how many of ``frames`` frames, ``rate`` a second, will be picked."""
        step = Fraction(self.every) if self.fps is None else max(rate / self.fps, Fraction(1))
        return int(frames / step)

    def chooser(self) -> Callable[[int, Frame], bool]:
        """Says of a frame and its number, in order, whether to take it."""
        if self.fps is None:
            return lambda number, frame: number % self.every == 0
        fps, last, start = self.fps, -1, Fraction(0)

        def due(number: int, frame: Frame) -> bool:
            nonlocal last, start
            now = Fraction(number, 25) if frame.pts is None or frame.time_base is None else frame.pts * frame.time_base
            if number == 0:
                start = now
            slot = int((now - start) * fps)
            if slot <= last:
                return False
            last = slot
            return True

        return due


class VideoFrames:
    """The picked frames of a video. Raises ``InputError`` as ``FileSource`` does."""

    def __init__(self, path: Path, origin: Origin, pick: Pick) -> None:
        self.origins: deque[FrameOrigin] = deque()
        self.enough = False
        self._source = FileSource(path)
        self._origin, self._pick = origin, pick
        self.size = (self._source.first.width, self._source.first.height)
        self.expected = pick.expected(self._source.expected_frames, self._source.rate)
        self.colors: Colors | None = colors_of(self._source.first)

    @property
    def frames(self) -> int:
        """Frames decoded so far."""
        return self._source.frames

    def __iter__(self) -> Iterator[Item]:
        chosen = self._pick.chooser()
        number = 0
        for item in self._source:
            if not isinstance(item, Frame):
                continue
            if chosen(number, item):
                self.origins.append(FrameOrigin(self._origin, number))
                yield item
            number += 1
            if self.enough:
                return

    def close(self) -> None:
        """Close the file."""
        self._source.close()


@dataclass(frozen=True, slots=True)
class Still:
    """A picture on disk, with the landmarks that are known of it."""

    path: Path
    landmarks: tuple[Points, ...] | None = None


class PictureFrames:
    """Pictures, one frame each.

    Those that ``known`` knows are not decoded, but counted in ``passed``; what is to be said of those that cannot be
    read is in ``unreadable``.
    """

    def __init__(self, stills: Sequence[Still], known: Callable[[Origin], bool]) -> None:
        self.origins: deque[FrameOrigin] = deque()
        self.enough = False
        self.colors: Colors | None = None
        self.unreadable: list[str] = []
        self.passed = 0
        self.expected = len(stills)
        self._stills, self._known = stills, known

    def __iter__(self) -> Iterator[Item]:
        with quiet():
            for still in self._stills:
                if self.enough:
                    return
                try:
                    data = read_bytes(still.path)
                    origin = Origin(name=still.path.name, sha256=hashlib.sha256(data).hexdigest())
                    if self._known(origin):
                        self.passed += 1
                        continue
                    frame = Frame.from_rgb(decode_picture(still.path, data))
                except InputError as error:
                    self.unreadable.append(str(error))
                    continue
                self.origins.append(FrameOrigin(origin, 0, still=True, landmarks=still.landmarks))
                yield frame

    def close(self) -> None:
        """Nothing is held open."""
