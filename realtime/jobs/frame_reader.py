"""Single pictures of a video, wherever they are asked for."""

from collections import OrderedDict
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Final

import cv2
import numpy as np

from realtime.media.file_source import SEEKABLE, FileSource
from realtime.media.frame import Frame
from realtime.media.interlaced import fields_of
from realtime.media.pixel_limit import MAX_PIXELS
from realtime.runtime.errors import InputError

__all__ = ["FrameReader"]

#: Pictures that are kept, and how many before one that is sought: whoever looks at it may step back.
KEPT: Final = 96
BEFORE: Final = 12
#: Seconds ahead that are read on to, and not sought.
AHEAD: Final = 2
#: A picture's longer side in pixels at most, and JPEG's quality, 0..100.
LONGEST: Final = 1920
QUALITY: Final = 90


class FrameReader:
    """Gives pictures as JPEG by their time; stepping on and back is quick, a jump decodes from the last keyframe."""

    def __init__(self, path: Path, max_pixels: int = MAX_PIXELS) -> None:
        """Open the video. Raises ``InputError``."""
        self._path, self._max_pixels = path, max_pixels
        self._source = self._open()
        self._frames: Iterator[Frame] = self._all()
        self._last: int | None = None  # the time of the frame that was read last
        self._kept: OrderedDict[tuple[int, int], bytes] = OrderedDict()

    def __enter__(self) -> "FrameReader":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._source.close()

    def picture(self, pts: int, field: int = 0) -> bytes:
        """The frame at ``pts``, in the stream's units, or one field of it. Raises ``InputError`` where none is."""
        if (pts, field) not in self._kept:
            unit = self._source.time_base
            if self._last is None or not self._last < pts <= self._last + AHEAD / unit:
                self._seek(pts)
            self._read_to(pts)
        if (pts, field) not in self._kept:
            raise InputError(f"{self._path}: has no frame at {float(pts * self._source.time_base):.3f} s")
        self._kept.move_to_end((pts, field))
        return self._kept[pts, field]

    def _read_to(self, pts: int) -> None:
        near = pts - BEFORE / (self._source.rate * self._source.time_base)
        for frame in self._frames:
            self._last = frame.pts
            if frame.pts is not None and frame.pts >= near:
                for number, each in enumerate(fields_of(frame)):
                    self._kept[frame.pts, number] = _jpeg(each)
                while len(self._kept) > KEPT:
                    self._kept.popitem(last=False)
            if frame.pts is not None and frame.pts >= pts:
                return

    def _seek(self, pts: int) -> None:
        """Let the next frames be those that lead to ``pts``."""
        unit = self._source.time_base
        if self._source.container.format.name in SEEKABLE:
            first = pts - round(BEFORE / (self._source.rate * unit))
            for back in (0, 2, 10):  # seconds: seeking in a transport stream lands late
                self._frames = self._source.frames_from(first - round(back / unit), first)
                frame = next(self._frames, None)
                if frame is not None and frame.pts is not None and frame.pts <= pts:
                    self._frames = chain((frame,), self._frames)
                    return
        self._source.close()
        self._source = self._open()
        self._frames = self._all()

    def _open(self) -> FileSource:
        return FileSource(self._path, max_pixels=self._max_pixels, keep=True)

    def _all(self) -> Iterator[Frame]:
        return (item for item in self._source if isinstance(item, Frame))


def _jpeg(frame: Frame) -> bytes:
    zoom = min(LONGEST / max(frame.width, frame.height), 1.0)
    size = (round(frame.width * zoom), round(frame.height * zoom))
    edge = (zoom - 1) / 2  # the centre of the first pixel is (0, 0), before and after
    rgb = frame.warp(np.array([[zoom, 0, edge], [0, zoom, edge]]), size)
    _, data = cv2.imencode(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return data.tobytes()
