"""Bringing the frames of any source into the one format that the output keeps."""

from fractions import Fraction
from typing import Final, TypeAlias

import av
import av.filter
import numpy as np
from av.filter.context import FilterContext
from av.video.reformatter import ColorRange

from realtime.live.sink import StreamFormat
from realtime.media.colorspace import ColorMatrix, matrix_of, range_of
from realtime.media.frame import Frame, PictureFormat
from realtime.media.orientation import Turn
from realtime.media.pixel_formats import FORMATS

__all__ = ["OUTPUT_PIXELS", "Reformatter", "format_of"]

#: What live frames are sent in: the two that virtual cameras and encoders take as they are.
OUTPUT_PIXELS: Final = ("yuv420p", "nv12")

_MATRIX_NAMES: Final = {
    ColorMatrix.BT709: "bt709",
    ColorMatrix.FCC: "fcc",
    ColorMatrix.BT470BG: "bt601",
    ColorMatrix.BT601: "bt601",
    ColorMatrix.SMPTE240M: "smpte240m",
    ColorMatrix.BT2020: "bt2020",
    ColorMatrix.BT2020_CL: "bt2020",
}

#: Where a filter graph begins and ends.
_Ends: TypeAlias = tuple[av.filter.Graph, FilterContext, FilterContext]


def format_of(frame: Frame, size: tuple[int, int] | None, rate: Fraction, began_ns: int, sound: bool) -> StreamFormat:
    """The output's format for a source whose first frame is ``frame``; ``size`` (width, height) where one is asked for.

    Width and height are even: encoders want it so.
    """
    width, height = size or (frame.width, frame.height)
    picture = frame.picture
    pixels = picture.format.name
    full = range_of(picture.color_range, frame.kind.pixels)
    return StreamFormat(
        width=max(width // 2 * 2, 2),
        height=max(height // 2 * 2, 2),
        pixels=pixels if pixels in OUTPUT_PIXELS else OUTPUT_PIXELS[0],
        rate=rate,
        began_ns=began_ns,
        sound=sound,
        colorspace=int(matrix_of(picture.colorspace, height)),
        color_range=ColorRange.JPEG if full and pixels in OUTPUT_PIXELS else ColorRange.MPEG,
        color_primaries=picture.color_primaries,
        color_trc=picture.color_trc,
    )


class Reformatter:
    """Frames in, frames of one format out: scaled with bars where the shape differs, upright, in its pixels.

    What fits already passes as it is.
    """

    def __init__(self, shape: StreamFormat) -> None:
        self.shape = shape
        self._kind: PictureFormat | None = None
        self._fits = False
        self._graph: _Ends | None = None

    def __call__(self, frame: Frame) -> Frame:
        """The frame in the output's format, with its own ``captured_ns``."""
        if frame.kind != self._kind:
            self._kind = frame.kind
            self._fits = self._is_fit(frame)
            self._graph = None
        if self._fits:
            return frame
        picture = frame.picture
        if frame.kind.turn != Turn():
            rgb = frame.warp(np.eye(2, 3), (frame.width, frame.height))
            picture = av.VideoFrame.from_ndarray(rgb, format="rgb24")
        if self._graph is None:
            self._graph = self._build(picture, frame.kind)
        _, entry, exit_ = self._graph
        picture.pts, picture.time_base = 0, Fraction(1, 90_000)
        entry.push(picture)
        fitted = exit_.pull()
        assert isinstance(fitted, av.VideoFrame)  # noqa: S101  # a buffersink of pictures gives pictures
        fitted.colorspace, fitted.color_range = self.shape.colorspace, self.shape.color_range
        return Frame(fitted, frame.captured_ns)

    def _is_fit(self, frame: Frame) -> bool:
        picture, shape = frame.picture, self.shape
        return (
            (picture.width, picture.height, picture.format.name) == (shape.width, shape.height, shape.pixels)
            and frame.kind.turn == Turn()
            and frame.kind.matrix == shape.colorspace
            and frame.kind.full_range == (shape.color_range == ColorRange.JPEG)
        )

    def _build(self, picture: av.VideoFrame, kind: PictureFormat) -> _Ends:
        """Scale into the output's picture, and centre there between black bars."""
        shape = self.shape
        graph = av.filter.Graph()
        entry = graph.add_buffer(
            width=picture.width,
            height=picture.height,
            format=av.VideoFormat(picture.format.name),
            time_base=Fraction(1, 90_000),
        )
        rgb = picture.format.is_rgb
        colors = {
            "out_color_matrix": _MATRIX_NAMES.get(ColorMatrix(shape.colorspace), "bt709"),
            "out_range": "full" if shape.color_range == ColorRange.JPEG else "limited",
        }
        if not rgb:
            colors["in_color_matrix"] = _MATRIX_NAMES.get(kind.matrix, "bt709")
            colors["in_range"] = "full" if range_of(picture.color_range, FORMATS[picture.format.name]) else "limited"
        options = ":".join(f"{name}={value}" for name, value in colors.items())
        size = f"w={shape.width}:h={shape.height}"
        steps = (
            ("scale", f"{size}:force_original_aspect_ratio=decrease:force_divisible_by=2:flags=bilinear:{options}"),
            ("pad", f"{size}:x=(ow-iw)/2:y=(oh-ih)/2"),
            ("format", f"pix_fmts={shape.pixels}"),
        )
        last = entry
        for name, arguments in steps:
            step = graph.add(name, arguments)
            last.link_to(step)
            last = step
        exit_ = graph.add("buffersink")
        last.link_to(exit_)
        graph.configure()
        return graph, entry, exit_
