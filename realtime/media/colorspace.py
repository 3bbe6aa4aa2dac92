"""Code values of a stream to RGB and back, by the stream's own matrix, range and bit depth.

The coefficients are those of ITU-T H.273 (BT.601, BT.709, BT.2020 and their kin), the numbers by which they
are known FFmpeg's ``AVColorSpace``. Only the matrix and the range are undone: RGB stays in the stream's own
transfer curve and primaries, in which it must come back. All is one affine map a pixel, done by
``cv2.transform``.
"""

from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import Final, TypeAlias, cast

import cv2
import numpy as np
from av.video.reformatter import ColorRange
from numpy.typing import NDArray

from realtime.media.pixel_formats import Family, PixelFormat
from realtime.media.tone import from_sdr, to_sdr
from realtime.runtime.arrays import Bytes

__all__ = ["Codes", "ColorMatrix", "Conversion", "conversion", "matrix_of", "range_of"]

#: uint8 or uint16, code values as a stream holds them.
Codes: TypeAlias = NDArray[np.uint8 | np.uint16]


class ColorMatrix(IntEnum):
    """How luma and colour differences are made from RGB; FFmpeg's and H.273's numbers."""

    BT709 = 1
    FCC = 4
    BT470BG = 5
    BT601 = 6
    SMPTE240M = 7
    YCGCO = 8
    BT2020 = 9
    # Constant luminance cannot be undone by a matrix; the other kind is near, and used both ways.
    BT2020_CL = 10


# Red's and blue's shares of luma; green has the rest.
_SHARES: Final = {
    ColorMatrix.BT709: (0.2126, 0.0722),
    ColorMatrix.FCC: (0.30, 0.11),
    ColorMatrix.BT470BG: (0.299, 0.114),
    ColorMatrix.BT601: (0.299, 0.114),
    ColorMatrix.SMPTE240M: (0.212, 0.087),
    ColorMatrix.BT2020: (0.2627, 0.0593),
    ColorMatrix.BT2020_CL: (0.2627, 0.0593),
}

#: From this height on, pictures that name no matrix are taken to be BT.709, below it BT.601.
HD_HEIGHT: Final = 720


def matrix_of(code: int, height: int) -> ColorMatrix:
    """The matrix for FFmpeg's ``colorspace`` number, by the picture's height where that says nothing."""
    try:
        return ColorMatrix(code)
    except ValueError:
        return ColorMatrix.BT709 if height >= HD_HEIGHT else ColorMatrix.BT601


def range_of(code: int, pixels: PixelFormat) -> bool:
    """True for full range, by FFmpeg's ``color_range`` code or the format's custom."""
    if pixels.full_range and pixels.family is not Family.GRAY:
        return True  # RGB, and FFmpeg's "yuvj" formats, whatever else the stream claims
    return code == ColorRange.JPEG or (code != ColorRange.MPEG and pixels.full_range)


@dataclass(frozen=True, slots=True, eq=False)
class Conversion:
    """Code values of one kind of stream to RGB and back.

    ``decode`` is float64 (3, n + 1) from n components to RGB in 0..255, ``encode`` float64 (n, 4) the other
    way; the last column is added. ``top`` is the greatest code value in memory. ``curve`` is the transfer of an HDR
    stream (FFmpeg's code), whose RGB is shown as SDR here; 0 for every other.
    """

    decode: NDArray[np.float64]
    encode: NDArray[np.float64]
    dtype: type[np.uint8] | type[np.uint16]
    top: int
    curve: int = 0

    def to_rgb(self, codes: Codes) -> Bytes:
        """Code values (H, W) or (H, W, n) to uint8 (H, W, 3) RGB, rounded and clipped."""
        if self._plain:
            return np.array(codes, np.uint8)  # a copy: these may be views of a plane
        rgb = cv2.transform(codes, self.decode)
        plain = np.asarray(rgb if rgb.dtype == np.uint8 else cv2.convertScaleAbs(rgb), np.uint8)
        return np.asarray(cv2.LUT(plain, _curves(self.curve)[0]), np.uint8) if self.curve else plain

    def from_rgb(self, rgb: Bytes) -> Codes:
        """uint8 (H, W, 3) RGB to code values (H, W, n), or (H, W) where n is 1, rounded and clipped."""
        if self._plain:
            return rgb
        if self.curve:
            return self._from_sdr(rgb)
        wide: Codes = rgb if self.dtype is np.uint8 else rgb.astype(np.uint16)
        codes = cast(Codes, cv2.transform(wide, self.encode))
        if self.top not in (255, 65535):
            np.minimum(codes, self.top, out=codes)
        return codes

    def _from_sdr(self, rgb: Bytes) -> Codes:
        """The curve's steps are finer than those of 8 bits, and stay so."""
        fine = _curves(self.curve)[1][rgb]
        matrix = self.encode.copy()
        matrix[:, :3] /= 256
        codes = np.asarray(cv2.transform(fine.astype(np.float32), matrix))
        return np.clip(np.rint(codes), 0, self.top).astype(self.dtype)

    @property
    def _plain(self) -> bool:
        return not self.curve and self.dtype is np.uint8 and np.array_equal(self.decode, np.eye(3, 4))


def _basis(matrix: ColorMatrix) -> NDArray[np.float64]:
    """RGB in 0..1 to Y in 0..1 and colour differences in -0.5..0.5, float64 (3, 3)."""
    if matrix is ColorMatrix.YCGCO:
        return np.array([[0.25, 0.5, 0.25], [-0.25, 0.5, -0.25], [0.5, 0.0, -0.5]])
    red, blue = _SHARES[matrix]
    luma = np.array([red, 1 - red - blue, blue])
    to_blue = (np.array([0.0, 0.0, 1.0]) - luma) / (2 * (1 - blue))
    to_red = (np.array([1.0, 0.0, 0.0]) - luma) / (2 * (1 - red))
    return np.stack([luma, to_blue, to_red])


@lru_cache
def _curves(transfer: int) -> tuple[Bytes, NDArray[np.uint16]]:
    return to_sdr(transfer), from_sdr(transfer)


@lru_cache(maxsize=64)
def conversion(pixels: PixelFormat, matrix: ColorMatrix, full: bool, curve: int = 0) -> Conversion:
    """The conversion for a pixel format, a matrix (of no effect on RGB) and a range, full or limited.

    ``curve`` is that of the ``Conversion``.
    """
    depth = pixels.depth
    peak = 2**depth - 1
    unit = 2 ** (depth - 8)
    scale = np.array([peak, peak, peak] if full else [219 * unit, 224 * unit, 224 * unit], np.float64)
    offset = np.array([0 if full else 16 * unit, 128 * unit, 128 * unit], np.float64)
    basis = np.eye(3) if pixels.family is Family.RGB else _basis(matrix)
    if pixels.family is Family.RGB:
        offset = np.zeros(3)
    forward = scale[:, None] * basis / 255  # RGB in 0..255 to codes without offset
    backward = np.linalg.inv(forward)
    if pixels.family is Family.GRAY:
        forward, backward, offset = forward[:1], backward[:, :1], offset[:1]
        backward[:] = 255 / scale[0]
    lift = 2**pixels.shift
    encode = np.column_stack([forward, offset]) * lift
    decode = np.column_stack([backward / lift, -backward @ offset])
    return Conversion(decode, encode, pixels.dtype, peak * lift, curve)
