"""Interlaced video: two fields a picture, taken one after the other, each every second row.

They are coded as fields again where the encoder can. Whatever looks at a picture or changes it must take them one by
one: between them the face has moved.
"""

from collections.abc import Iterable
from fractions import Fraction
from itertools import pairwise
from typing import Final, cast

import numpy as np
from av.codec import Codec
from av.codec.context import Flags
from av.filter import Graph
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from realtime.media.affine import compose
from realtime.media.color_tags import ColorTags
from realtime.media.colorspace import Codes
from realtime.media.frame import Frame
from realtime.media.paste import Patch
from realtime.media.pixel_formats import Layout
from realtime.runtime.arrays import Bytes, Matrix

__all__ = ["Field", "code_fields", "codes_fields", "field_options", "field_times", "fields_of", "without_fields"]

#: What encoders, by FFmpeg's name, are told beyond the order of fields. Those that are not here code whole pictures
#: only, or hold every bit of a row anyway.
_FLAGS: Final = {
    "libx264": Flags.interlaced_dct | Flags.interlaced_me,
    "mpeg2video": Flags.interlaced_dct | Flags.interlaced_me,
    "mpeg4": Flags.interlaced_dct | Flags.interlaced_me,
    "prores_ks": Flags.interlaced_dct,
    "dnxhd": Flags.interlaced_dct,
    "dvvideo": Flags.interlaced_dct,
}


def codes_fields(codec: Codec) -> bool:
    """Whether pictures of two fields come back from ``codec`` as such."""
    return codec.name in _FLAGS or not codec.lossy


def code_fields(context: VideoCodecContext) -> None:
    """Let the encoder of ``context``, not yet open, code the two fields of its pictures apart."""
    if context.name in _FLAGS:
        context.flags |= _FLAGS[context.name]


def field_options(encoder: str, order: str | None) -> dict[str, str]:
    """The options that tell ``encoder`` (FFmpeg's name) of fields in this order; None is of whole pictures."""
    options = {"field_order": order or "progressive"}
    if encoder == "libx264" and order is not None:
        options["x264-params"] = f"{order[1]}ff=1"
    return options


def field_times(order: str, half: int) -> tuple[tuple[int, int], ...]:
    """The ``fields`` of a frame, by their order (``tt``, ``bb``, ...) and half the time between two frames."""
    first = 0 if order[1] == "t" else 1
    return (first, 0), (1 - first, half)


def fields_of(frame: Frame) -> tuple[Frame, ...]:
    """The fields of ``frame``, each to be looked at and changed like a frame; the frame itself where it has none."""
    return tuple(Field(frame, *field) for field in frame.fields) or (frame,)


class Field(Frame):
    """Every second row of a frame, from ``first`` on, ``later`` units of time after it.

    Points, crops and sizes are those of the whole frame, and so is what was pasted.
    """

    __slots__ = ("_first", "_later", "_whole")

    def __init__(self, whole: Frame, first: int, later: int) -> None:
        self._whole, self._first, self._later = whole, first, later
        self.picture, self.kind, self.captured_ns = whole.picture, whole.kind, whole.captured_ns
        self.fields, self.moved, self.pasted = (), whole.moved, whole.pasted

    @property
    def pts(self) -> int | None:
        """Presentation time in units of ``time_base``."""
        return None if self._whole.pts is None else self._whole.pts + self._later

    @property
    def field(self) -> int:
        """Which of the picture's fields this is, in the order of their times."""
        return [first for first, _ in self._whole.fields].index(self._first)

    def fit(self, rgb: Bytes, alpha: Bytes, frame_to_crop: Matrix) -> tuple[Patch, ...]:
        """The costly half of ``paste``; the other rows keep their bits."""
        return tuple(patch.of_field(self._first) for patch in self._fitted(rgb, alpha, frame_to_crop))

    def put(self, fitted: Iterable[Patch]) -> None:
        """The other half of ``paste``."""
        self._whole.put(fitted)

    def brightness(self) -> list[Codes]:
        """Every second row of the planes that say how bright the picture is, to be changed in place."""
        return [plane[self._first :: 2] for plane in self._whole.brightness()]

    def _to_picture(self, layout: Layout) -> Matrix:
        rows = np.array([[1.0, 0.0, 0.0], [0.0, 2.0, self._first]])
        return compose(rows, super()._to_picture(layout))

    def _plane_size(self, layout: Layout) -> tuple[int, int]:
        width, height = super()._plane_size(layout)
        return width, (height + 1 - self._first) // 2

    def _planes(self) -> list[Codes]:
        return [plane[self._first :: 2] for plane in self._whole._planes()]


def without_fields(picture: VideoFrame) -> VideoFrame:
    """A whole picture in place of one of two fields: the first, and what lies between its rows by its edges.

    One picture alone decides, so that a video may be cut anywhere.
    """
    graph = Graph()
    source = graph.add_buffer(
        width=picture.width,
        height=picture.height,
        format=picture.format,
        time_base=picture.time_base or Fraction(1, 1),
    )
    steps = [source, graph.add("estdif", "mode=frame:deint=all"), graph.add("buffersink")]
    for one, next_one in pairwise(steps):
        one.link_to(next_one)
    graph.configure()
    source.push(picture)
    source.push(None)
    whole = cast(VideoFrame, steps[-1].pull())
    whole.pts, whole.time_base, whole.duration = picture.pts, picture.time_base, picture.duration
    ColorTags.of(picture).put_on(whole)
    return whole
