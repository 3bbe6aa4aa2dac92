"""The face finder's report on a file, frame by frame."""

from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel

from realtime.finder import open_finder
from realtime.finder.face import Box, Face
from realtime.finder.people import People
from realtime.media.file_source import FileSource, check_regular
from realtime.media.frame import Frame
from realtime.media.picture import PICTURES, read_picture
from realtime.media.pixel_limit import MAX_PIXELS

__all__ = ["FaceRecord", "FrameFaces", "detect_faces"]


class FaceRecord(BaseModel):
    """One face: box x0, y0, x1, y1 and 68 landmarks (x, y) in pixels, score in 0..1, number of its track."""

    box: Box
    score: float
    track: int
    landmarks: list[tuple[float, float]]


class FrameFaces(BaseModel):
    """The faces of one frame; ``pts`` in the stream's own units and ``time`` in seconds, null for pictures."""

    source: str
    frame: int
    pts: int | None
    time: float | None
    faces: list[FaceRecord]


def detect_faces(
    path: Path, detector: str = "builtin", device: str = "auto", max_pixels: int = MAX_PIXELS
) -> Iterator[FrameFaces]:
    """What is seen in every frame of ``path``. Raises ``InputError`` and ``DetectorError``."""
    finder = People(open_finder(detector, device))
    check_regular(path)
    still = path.suffix.lower() in PICTURES
    frames = iter([Frame.from_rgb(read_picture(path, max_pixels))]) if still else _frames(path, max_pixels)
    for number, frame in enumerate(frames):
        time = None if frame.pts is None or frame.time_base is None else float(frame.pts * frame.time_base)
        faces = [_seen(face) for face in finder.find(frame)]
        yield FrameFaces(source=str(path), frame=number, pts=frame.pts, time=time, faces=faces)


def _frames(path: Path, max_pixels: int) -> Iterator[Frame]:
    source = FileSource(path, max_pixels=max_pixels)
    try:
        yield from (item for item in source if isinstance(item, Frame))
    finally:
        source.close()


def _seen(face: Face) -> FaceRecord:
    points = [(round(x, 2), round(y, 2)) for x, y in face.landmarks.tolist()]
    x0, y0, x1, y1 = (round(edge, 2) for edge in face.box)
    return FaceRecord(box=(x0, y0, x1, y1), score=round(face.score, 4), track=face.track, landmarks=points)
