"""The frame: a decoded picture that stays in its own pixel format, and the two operations on it.

``warp`` takes a small RGB crop out, ``paste`` puts one back. Cost follows the size of the crop and the
face, not of the frame, and what is not pasted over keeps its exact bits. A full-frame RGB copy is never
made.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import cast

import av
import av.filter
import cv2
import numpy as np
from av.video.plane import VideoPlane

from realtime.media.affine import compose
from realtime.media.color_tags import ColorTags
from realtime.media.colorspace import Codes, ColorMatrix, Conversion, conversion, matrix_of, range_of
from realtime.media.orientation import Turn
from realtime.media.paste import Patch, patches
from realtime.media.pixel_formats import FORMATS, Family, Layout, PixelFormat, Siting, nearest_known
from realtime.media.resample import sample_all
from realtime.media.tone import HDR
from realtime.runtime.arrays import Bytes, Matrix
from realtime.runtime.errors import InputError

__all__ = ["Frame", "PictureFormat"]


@dataclass(frozen=True, slots=True)
class PictureFormat:
    """All that decides how RGB becomes the bits of a frame; frames of one kind take each other's patches.

    ``width`` and ``height`` are those of the stored picture, ``curve`` its transfer where that is HDR (FFmpeg's code),
    else 0: crops of it are SDR.
    """

    width: int
    height: int
    pixels: PixelFormat
    matrix: ColorMatrix
    full_range: bool
    siting: Siting
    turn: Turn
    curve: int = 0

    @property
    def coding(self) -> Conversion:
        """The conversion between this kind's code values and RGB."""
        return conversion(self.pixels, self.matrix, self.full_range, self.curve)


class Frame:
    """A picture with its time, in the pixel format it was decoded to.

    Everything here is in pixels as shown: a picture that is stored lying and shown upright (``turn``) is
    upright to whoever looks for faces in it, though its planes stay as they are.

    ``picture`` must be in one of ``planes.FORMATS`` (``ValueError`` otherwise: the source converts once, to
    ``nearest_known``). ``captured_ns`` is the monotonic clock at capture, for live sources. ``siting`` is
    where the codec's chroma lies by default (``planes.siting_of``), ``stated`` where the stream says that it does.
    ``fields`` are the two fields of an interlaced picture in the order of their times: the first row of each, and by
    how many units of ``time_base`` it is later than the picture; empty for a whole one. ``pasted`` is what ``paste``
    has put in so far. ``moved`` is by how many units of ``time_base`` the picture comes earlier here than in its file.
    """

    __slots__ = ("_own", "_views", "captured_ns", "fields", "kind", "moved", "pasted", "picture")

    def __init__(
        self,
        picture: av.VideoFrame,
        captured_ns: int | None = None,
        siting: Siting | None = None,
        turn: Turn | None = None,
        stated: Siting | None = None,
        fields: tuple[tuple[int, int], ...] = (),
    ) -> None:
        pixels = FORMATS.get(picture.format.name)
        if pixels is None:
            known = nearest_known(picture.format.name)
            raise ValueError(f"frames of format {picture.format.name} must be converted to {known} first")
        self.picture = _upright(picture)
        self.captured_ns = captured_ns
        self.fields = fields
        self.moved = 0
        matrix = matrix_of(picture.colorspace, picture.height)
        full = range_of(picture.color_range, pixels)
        siting = stated or _WIDE_GAMUT.get(matrix, siting or pixels.siting)
        curve = picture.color_trc if picture.color_trc in HDR else 0
        self.kind = PictureFormat(picture.width, picture.height, pixels, matrix, full, siting, turn or Turn(), curve)
        self.pasted: list[Patch] = []
        self._own = False
        self._views: list[Codes] | None = None

    @classmethod
    def from_rgb(cls, rgb: Bytes) -> "Frame":
        """A frame of an image, uint8 (H, W, 3) RGB, kept as it is in a ``gbrp`` picture without time.

        Raises ``InputError`` for an array that is no such image: a grey one, one with alpha, one of floats.
        """
        if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3 or not rgb.size:
            raise InputError(
                f"a picture is an array of uint8 (height, width, 3), RGB of 0 to 255, not of {rgb.dtype} {rgb.shape};"
                " convert it first"
            )
        return cls.from_samples(rgb)

    @classmethod
    def from_samples(cls, samples: Codes) -> "Frame":
        """A frame of an image, uint8 or uint16, (H, W) grey or (H, W, 3) RGB, every sample kept as it is."""
        height, width = samples.shape[:2]
        name = "gray" if samples.ndim == 2 else "gbrp"
        frame = cls(av.VideoFrame(width, height, name if samples.dtype == np.uint8 else f"{name}16le"))
        for layout, view in zip(frame.kind.pixels.planes, frame._planes(), strict=True):
            view[:] = samples if samples.ndim == 2 else samples[:, :, layout.components[0]]
        return frame

    def samples(self) -> Codes:
        """The image of a frame that was made by ``from_samples``, with what was pasted into it; a copy."""
        planes = self._planes()
        if len(planes) == 1:
            return planes[0].copy()
        image = np.empty((*planes[0].shape, len(planes)), planes[0].dtype)
        for layout, view in zip(self.kind.pixels.planes, planes, strict=True):
            image[:, :, layout.components[0]] = view
        return image

    @property
    def width(self) -> int:
        """In pixels."""
        return self.kind.turn.shown(self.kind.width, self.kind.height)[0]

    @property
    def height(self) -> int:
        """In pixels."""
        return self.kind.turn.shown(self.kind.width, self.kind.height)[1]

    @property
    def pts(self) -> int | None:
        """Presentation time in units of ``time_base``."""
        return self.picture.pts

    @property
    def field(self) -> int:
        """Which of the picture's fields this is, in the order of their times; 0 too for a whole picture."""
        return 0

    @property
    def time_base(self) -> Fraction | None:
        """Seconds a unit of ``pts``."""
        return self.picture.time_base

    def warp(self, frame_to_crop: Matrix, size: int | tuple[int, int]) -> Bytes:
        """The part of the frame that ``frame_to_crop`` maps onto a crop: uint8 (H, W, 3) RGB.

        ``size`` is the side of a square or (width, height). Anti-aliased where it shrinks; beyond the picture
        its edge goes on.
        """
        if isinstance(size, int):
            size = (size, size)
        pixels = self.kind.pixels
        picture_to_crop = compose(self._to_shown(), frame_to_crop)
        parts: dict[int, Codes] = {}
        planes = self._planes()
        for numbers in pixels.alike:
            layouts = [pixels.planes[number] for number in numbers]
            # Crop pixels are taken at plane positions: through the planes' lattice, then like the frame's.
            plane_to_crop = compose(self._to_picture(layouts[0]), picture_to_crop)
            crops = sample_all([planes[number] for number in numbers], plane_to_crop, size)
            for layout, crop in zip(layouts, crops, strict=True):
                if layout.components == (0, 1, 2):
                    return self.kind.coding.to_rgb(crop)
                split = (crop,) if len(layout.components) == 1 else cast(Sequence[Codes], cv2.split(crop))
                parts |= zip(layout.components, split, strict=True)
        ordered = [parts[component] for component in range(pixels.family.components)]
        codes = ordered[0] if len(ordered) == 1 else cast(Codes, cv2.merge(ordered))
        return self.kind.coding.to_rgb(codes)

    def paste(self, rgb: Bytes, alpha: Bytes, frame_to_crop: Matrix) -> None:
        """Blend a crop back in: ``rgb`` uint8 (H, W, 3), ``alpha`` uint8 (H, W), 255 is all crop.

        Where the crop's alpha is 0, and outside the crop, every bit of the frame stays as it is.
        """
        fitted = self.fit(rgb, alpha, frame_to_crop)
        self.put(fitted)
        self.pasted += fitted

    def fit(self, rgb: Bytes, alpha: Bytes, frame_to_crop: Matrix) -> tuple[Patch, ...]:
        """The costly half of ``paste``, for what is put into many frames of one ``kind``."""
        return tuple(self._fitted(rgb, alpha, frame_to_crop))

    def put(self, fitted: Iterable[Patch]) -> None:
        """The other half of ``paste``: blend what was fitted to a frame of the same ``kind``."""
        for patch in fitted:
            self._make_own()
            patch.put(self._planes()[patch.plane])

    def brightness(self) -> list[Codes]:
        """The planes that say how bright the picture is, to be changed in place, as stored: (H, W) or (H, W, 3).

        That is the first one, luma, and of RGB in planes of their own all three.
        """
        self._make_own()
        return self._planes() if self.kind.pixels.family is Family.RGB else self._planes()[:1]

    def _make_own(self) -> None:
        if not self._own:
            # The decoder may still predict from this picture; copies only where somebody else holds it.
            self.picture.make_writable()
            self._own, self._views = True, None

    def _fitted(self, rgb: Bytes, alpha: Bytes, frame_to_crop: Matrix) -> Iterator[Patch]:
        kind = self.kind
        lattices = [(self._to_picture(layout), self._plane_size(layout)) for layout in kind.pixels.planes]
        picture_to_crop = compose(self._to_shown(), frame_to_crop)
        return patches(rgb, alpha, picture_to_crop, lattices, kind.pixels, kind.coding)

    def _to_picture(self, layout: Layout) -> Matrix:
        """From the samples of a plane of ours to the pixels of the stored picture."""
        return layout.to_frame(self.kind.siting)

    def _plane_size(self, layout: Layout) -> tuple[int, int]:
        return layout.size(self.kind.width, self.kind.height)

    def _to_shown(self) -> Matrix:
        return self.kind.turn.to_shown(self.kind.width, self.kind.height)

    def _planes(self) -> list[Codes]:
        """Writable views of the planes with colour, (H, W) or (H, W, C), uint8 or uint16."""
        if self._views is None:
            pixels = self.kind.pixels
            self._views = [
                _view(plane, pixels, len(layout.components), Frame._plane_size(self, layout))
                for layout, plane in zip(pixels.planes, self.picture.planes, strict=False)
            ]
        return self._views


#: Bytes at whose multiples FFmpeg lets a plane begin.
_ALIGNMENT = 16

# BT.2020 puts chroma on the top left luma sample.
_WIDE_GAMUT = {ColorMatrix.BT2020: Siting.TOP_LEFT, ColorMatrix.BT2020_CL: Siting.TOP_LEFT}


def _view(plane: VideoPlane, pixels: PixelFormat, channels: int, size: tuple[int, int]) -> Codes:
    width, height = size
    flat: Codes = np.frombuffer(cast(memoryview, plane), pixels.dtype)
    stride = plane.line_size // flat.itemsize
    rows = flat[: stride * height].reshape(height, stride)[:, : width * channels]
    return rows if channels == 1 else rows.reshape(height, width, channels)


def _upright(picture: av.VideoFrame) -> av.VideoFrame:
    """Pictures stored from the bottom up, as old AVI files have them, copied to lie from the top down.

    So are those that begin at an odd address, behind a crop: encoders read sixteen bytes at a time and more.
    """
    if all(plane.line_size >= 0 and plane.buffer_ptr % _ALIGNMENT == 0 for plane in picture.planes):
        return picture
    graph = av.filter.Graph()
    source = graph.add_buffer(
        width=picture.width,
        height=picture.height,
        format=av.VideoFormat(picture.format.name),
        time_base=picture.time_base or Fraction(1, 1),
    )
    source.link_to(copy := graph.add("copy"))
    copy.link_to(sink := graph.add("buffersink"))
    graph.configure()
    source.push(picture)
    upright = cast(av.VideoFrame, sink.pull())
    upright.pts, upright.time_base = picture.pts, picture.time_base
    ColorTags.of(picture).put_on(upright)
    return upright
