"""Pixel formats: which planes a picture has, what each plane holds, and on which lattice it lies.

A table, so that another format is another row. Names and layouts are FFmpeg's (``libavutil/pixdesc``); a test
compares every row with what the library itself says.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

import av
import numpy as np

from realtime.runtime.arrays import Matrix

__all__ = ["FORMATS", "SITINGS", "Family", "Layout", "PixelFormat", "Siting", "nearest_known", "siting_of"]


class Family(Enum):
    """What the components of a pixel are."""

    GRAY = "gray"
    YCC = "ycc"
    RGB = "rgb"

    @property
    def components(self) -> int:
        """Number of colour components: 1 for gray, else 3."""
        return 1 if self is Family.GRAY else 3


class Siting(Enum):
    """Where a chroma sample lies among the luma samples it serves: (x, y), 0 on the first, 1 on the last."""

    LEFT = (0.0, 0.5)  # MPEG-2, H.264, HEVC where nothing else is said
    CENTRE = (0.5, 0.5)  # JPEG, MPEG-1
    TOP_LEFT = (0.0, 0.0)  # BT.2020 and DV
    TOP = (0.5, 0.0)
    BOTTOM_LEFT = (0.0, 1.0)
    BOTTOM = (0.5, 1.0)


@dataclass(frozen=True, slots=True)
class Layout:
    """One plane: the components interleaved in it (0: Y or R, 1: Cb or G, 2: Cr or B) and its subsampling."""

    components: tuple[int, ...]
    step_x: int = 1
    step_y: int = 1

    def to_frame(self, siting: Siting) -> Matrix:
        """The matrix, float64 (2, 3), from this plane's sample positions to frame pixels."""
        x, y = siting.value
        return np.array([[self.step_x, 0, (self.step_x - 1) * x], [0, self.step_y, (self.step_y - 1) * y]])

    def size(self, width: int, height: int) -> tuple[int, int]:
        """(width, height) of this plane in a frame of ``width`` x ``height`` pixels, rounded up."""
        return -(-width // self.step_x), -(-height // self.step_y)


@dataclass(frozen=True, slots=True)
class PixelFormat:
    """A row of the table. ``planes`` lists the planes with colour; a plane of alpha comes after them.

    A sample of ``depth`` significant bits sits ``shift`` bits up in its uint8 or (little-endian) uint16.
    ``full_range`` and ``siting`` hold where the stream does not say.
    """

    name: str
    family: Family
    planes: tuple[Layout, ...]
    depth: int = 8
    shift: int = 0
    full_range: bool = False
    siting: Siting = Siting.LEFT
    alpha: bool = False

    @property
    def alike(self) -> Iterator[list[int]]:
        """The numbers of planes that share a lattice, for such are sampled together."""
        groups: dict[tuple[int, int], list[int]] = {}
        for number, layout in enumerate(self.planes):
            groups.setdefault((layout.step_x, layout.step_y), []).append(number)
        yield from groups.values()

    @property
    def dtype(self) -> type[np.uint8] | type[np.uint16]:
        """Of the samples in memory."""
        return np.uint8 if self.depth == 8 else np.uint16


def _rows() -> Iterator[PixelFormat]:
    full, half, quarter = (1, 1), (2, 1), (2, 2)
    steps = {"420": quarter, "422": half, "444": full, "440": (1, 2), "411": (4, 1), "410": (4, 4)}
    deep = ("420", "422", "444", "440")

    def planar(name: str, step: tuple[int, int]) -> PixelFormat:
        return PixelFormat(name, Family.YCC, (Layout((0,)), Layout((1,), *step), Layout((2,), *step)))

    for sampling, step in steps.items():
        row = planar(f"yuv{sampling}p", step)
        yield row
        if sampling != "410":
            yield replace(row, name=f"yuvj{sampling}p", full_range=True, siting=Siting.CENTRE)
        depths = {"440": (10, 12)}.get(sampling, (9, 10, 12, 14, 16)) if sampling in deep else ()
        for depth in depths:
            yield replace(row, name=f"yuv{sampling}p{depth}le", depth=depth)
        if sampling in ("420", "422", "444"):
            yield replace(row, name=f"yuva{sampling}p", alpha=True)
            for depth in (9, 10, 16) if sampling == "420" else (9, 10, 12, 16):
                yield replace(row, name=f"yuva{sampling}p{depth}le", depth=depth, alpha=True)

    for name, order, step in (
        ("nv12", (1, 2), quarter),
        ("nv21", (2, 1), quarter),
        ("nv16", (1, 2), half),
        ("nv24", (1, 2), full),
        ("nv42", (2, 1), full),
    ):
        yield PixelFormat(name, Family.YCC, (Layout((0,)), Layout(order, *step)))
    for digit, step in (("0", quarter), ("2", half), ("4", full)):
        semi = (Layout((0,)), Layout((1, 2), *step))
        yield PixelFormat(f"p{digit}10le", Family.YCC, semi, depth=10, shift=6)
        yield PixelFormat(f"p{digit}12le", Family.YCC, semi, depth=12, shift=4)
        yield PixelFormat(f"p{digit}16le", Family.YCC, semi, depth=16)

    gray = PixelFormat("gray", Family.GRAY, (Layout((0,)),), full_range=True)
    yield gray
    for depth in (9, 10, 12, 14, 16):
        yield replace(gray, name=f"gray{depth}le", depth=depth)

    rgb = PixelFormat("gbrp", Family.RGB, (Layout((1,)), Layout((2,)), Layout((0,))), full_range=True)
    yield rgb
    yield replace(rgb, name="gbrap", alpha=True)
    for depth in (9, 10, 12, 14, 16):
        yield replace(rgb, name=f"gbrp{depth}le", depth=depth)
    for depth in (10, 12, 14, 16):
        yield replace(rgb, name=f"gbrap{depth}le", depth=depth, alpha=True)
    for name, packed, depth in (
        ("rgb24", (0, 1, 2), 8),
        ("bgr24", (2, 1, 0), 8),
        ("rgb48le", (0, 1, 2), 16),
        ("bgr48le", (2, 1, 0), 16),
    ):
        yield replace(rgb, name=name, planes=(Layout(packed),), depth=depth)


#: The formats that frames are worked on in as they are, by FFmpeg's name.
FORMATS: Final = {row.name: row for row in _rows()}

#: By FFmpeg's names, as streams say it.
SITINGS: Final = {
    "left": Siting.LEFT,
    "center": Siting.CENTRE,
    "topleft": Siting.TOP_LEFT,
    "top": Siting.TOP,
    "bottomleft": Siting.BOTTOM_LEFT,
    "bottom": Siting.BOTTOM,
}

# By the codec's standard, where a stream says nothing.
_SITING: Final = {
    "mjpeg": Siting.CENTRE,
    "mjpegb": Siting.CENTRE,
    "mpeg1video": Siting.CENTRE,
    "h263": Siting.CENTRE,
    "flv1": Siting.CENTRE,
    "theora": Siting.CENTRE,
    "vp8": Siting.CENTRE,
    "dvvideo": Siting.TOP_LEFT,
    "h264": Siting.LEFT,
    "hevc": Siting.LEFT,
    "mpeg2video": Siting.LEFT,
    "mpeg4": Siting.LEFT,
    "vp9": Siting.LEFT,
    "av1": Siting.LEFT,
    "libdav1d": Siting.LEFT,
}


def siting_of(codec: str) -> Siting | None:
    """The chroma siting that streams of ``codec`` (FFmpeg's name) have by default; None where unknown."""
    return _SITING.get(codec)


def nearest_known(name: str) -> str:
    """The format of the table that keeps most of a picture in format ``name`` (FFmpeg's); itself where known.

    Nothing is lost that the table can hold: colour, bits, chroma samples, alpha, in this order.
    Raises ``ValueError`` for a name that FFmpeg does not know.
    """
    if name in FORMATS:
        return name
    asked = av.VideoFormat(name, 16, 16)
    alpha = any(component.is_alpha for component in asked.components) or asked.has_palette
    family = Family.RGB if asked.is_rgb or asked.is_bayer or asked.has_palette else Family.YCC
    if family is Family.YCC and not alpha and len(asked.components) == 1:
        family = Family.GRAY
    depth = max(component.bits for component in asked.components)
    steps = 16 // asked.chroma_width(), 16 // asked.chroma_height()

    def loss(row: PixelFormat) -> tuple[float, ...]:
        step_x = max(plane.step_x for plane in row.planes)
        step_y = max(plane.step_y for plane in row.planes)
        return (
            row.family is not family,
            max(0, depth - row.depth),
            step_x > steps[0] or step_y > steps[1],
            alpha and not row.alpha,
            # From here on nothing is lost, only made bigger than it need be.
            row.alpha and not alpha,
            row.full_range and row.family is Family.YCC,
            steps[0] / step_x + steps[1] / step_y,
            row.depth - depth,
            -len(row.planes),
        )

    return min(FORMATS.values(), key=loss).name
