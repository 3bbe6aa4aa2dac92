"""A clip of two people side by side, who change places: the one passes before the other."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
import numpy as np

from realtime.media.file_source import FileSource
from realtime.media.frame import Frame
from realtime.runtime.arrays import Bytes
from tests.realtime.clips import talk

SIZE: Final = (480, 270)
SIDE: Final = 180
RATE: Final = 25
#: Frames in all, and those between which the two change places.
FRAMES: Final = 70
CROSSING: Final = (10, 60)


@dataclass(frozen=True)
class Crossing:
    """The clip, and where the middles of both are in each frame, in pixels from the left; the first is in front."""

    path: Path
    places: list[tuple[float, float]]


def write_crossing(path: Path, front: Path, back: Path, cut: int | None = None) -> Crossing:
    """Write the clip ``path`` of the heads in two others, whose faces look out of the middle of each.

    In eight frames from number ``cut`` on nobody is seen.
    """
    heads = zip(_heads(front), _heads(back), strict=False)
    y, x = np.mgrid[:SIDE, :SIDE]
    edge = np.hypot((x - SIDE / 2) / (SIDE * 0.36), (y - SIDE / 2) / (SIDE * 0.48))
    mask = np.clip((1 - edge) * 12, 0, 1)[..., None]
    places = []
    with av.open(str(path), "w") as out:
        video = out.add_stream("libx264", rate=RATE, options={"preset": "veryfast", "crf": "18"})
        video.width, video.height = SIZE
        video.pix_fmt = "yuv420p"
        for number, pair in zip(range(FRAMES), heads, strict=False):
            share = float(np.clip((number - CROSSING[0]) / (CROSSING[1] - CROSSING[0]), 0, 1))
            way = 240 * share * share * (3 - 2 * share)
            lefts = (30 + round(way), 270 - round(way))
            places.append((lefts[0] + SIDE / 2, lefts[1] + SIDE / 2))
            picture = np.full((SIZE[1], SIZE[0], 3), (90, 110, 130), np.uint8)
            picture[:, ::32] = (70, 90, 120)
            for head, left, top in ((pair[1], lefts[1], 45), (pair[0], lefts[0], 38)):
                under = picture[top : top + SIDE, left : left + SIDE]
                under[:] = mask * head + (1 - mask) * under
            if cut is not None and cut <= number < cut + 8:
                picture[:] = (20, 60, 20)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
    return Crossing(path, places)


def write_two(folder: Path) -> tuple[Path, Path]:
    """Two clips of a portrait that talks: the demo's own, and the same mirrored, in other colours."""
    one, other = folder / "one.mp4", folder / "other.mp4"
    talk(one, (320, 240), 10 / RATE, RATE)
    with av.open(str(one)) as given, av.open(str(other), "w") as out:
        video = out.add_stream("libx264", rate=RATE, options={"preset": "veryfast", "crf": "18"})
        video.width, video.height = 320, 240
        video.pix_fmt = "yuv420p"
        for frame in given.decode(video=0):
            rgb = frame.to_ndarray(format="rgb24")[:, ::-1].astype(np.float32)
            darker = np.clip(rgb * (0.5, 0.55, 0.8), 0, 255).astype(np.uint8)
            out.mux(video.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(darker), format="rgb24")))
        out.mux(video.encode(None))
    return one, other


def _heads(path: Path) -> Iterator[Bytes]:
    """The middle square of each frame, uint8 (SIDE, SIDE, 3); at the end it goes back."""
    source = FileSource(path)
    heads = []
    for frame in source:
        if isinstance(frame, Frame):
            side = min(frame.width, frame.height)
            scale = SIDE / side
            matrix = np.array([[scale, 0, -(frame.width - side) / 2 * scale], [0, scale, 0]])
            heads.append(frame.warp(matrix, SIDE))
        if len(heads) == FRAMES:
            break
    source.close()
    while True:
        yield from heads
        heads.reverse()


def painted(picture: Bytes, place: float, paint: tuple[int, int, int]) -> int:
    """How many pixels of the head whose middle is at ``place`` have about the colour ``paint``."""
    head = picture[:, max(round(place) - 50, 0) : round(place) + 50].astype(np.int16)
    return int((np.abs(head - paint).max(axis=2) < 60).sum())
