"""Code values and RGB, against the formulas of the standards written out."""

import numpy as np
import pytest

from realtime.media.colorspace import Codes, ColorMatrix, conversion, matrix_of, range_of
from realtime.media.pixel_formats import FORMATS

# The published constants for Y in 0..1 and differences in -0.5..0.5: R by Cr, G by Cb and by Cr, B by Cb.
DECODING = {
    ColorMatrix.BT601: (1.402, -0.344136, -0.714136, 1.772),
    ColorMatrix.BT709: (1.5748, -0.187324, -0.468124, 1.8556),
    ColorMatrix.BT2020: (1.4746, -0.164553, -0.571353, 1.8814),
}


def decoded(codes: Codes, matrix: ColorMatrix, full: bool, depth: int) -> np.ndarray:
    """RGB in 0..255, float64, by the book."""
    unit = 2 ** (depth - 8)
    y, cb, cr = np.moveaxis(codes.astype(np.float64), -1, 0)
    if full:
        y, cb, cr = (v / (2**depth - 1) for v in (y, cb - 128 * unit, cr - 128 * unit))
    else:
        y, cb, cr = (y / unit - 16) / 219, (cb / unit - 128) / 224, (cr / unit - 128) / 224
    red, green_b, green_r, blue = DECODING[matrix]
    rgb = np.stack([y + red * cr, y + green_b * cb + green_r * cr, y + blue * cb], axis=-1)
    return np.clip(rgb * 255, 0, 255)


@pytest.mark.parametrize("depth", [8, 10, 12, 16])
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("matrix", DECODING)
def test_decoding_follows_the_standard(matrix: ColorMatrix, full: bool, depth: int) -> None:
    pixels = FORMATS["yuv444p" if depth == 8 else f"yuv444p{depth}le"]
    rng = np.random.default_rng(depth)
    codes = rng.integers(0, 2**depth, (64, 64, 3)).astype(pixels.dtype)
    got = conversion(pixels, matrix, full).to_rgb(codes)
    assert got.dtype == np.uint8
    assert np.abs(got - decoded(codes, matrix, full, depth)).max() <= (1.2 if depth == 8 else 0.6)


@pytest.mark.parametrize("name", ["yuv444p", "yuv444p10le", "yuv444p16le", "p410le", "nv24"])
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("matrix", list(ColorMatrix))
def test_rgb_comes_back(matrix: ColorMatrix, full: bool, name: str) -> None:
    pixels = FORMATS[name]
    coding = conversion(pixels, matrix, full)
    levels = np.arange(0, 256, 15, dtype=np.uint8)
    rgb = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(-1, 18, 3)
    codes = coding.from_rgb(rgb)
    assert codes.max() <= (2**pixels.depth - 1) << pixels.shift
    # With 8 bits a code is worth up to 255 / 224 levels, and blue takes nearly two of Cb.
    assert np.abs(coding.to_rgb(codes).astype(int) - rgb).max() <= (2 if pixels.depth == 8 else 1)


@pytest.mark.parametrize(
    ("name", "full", "white", "black"),
    [
        ("yuv420p", False, (235, 128, 128), (16, 128, 128)),
        ("yuv420p", True, (255, 128, 128), (0, 128, 128)),
        ("yuv420p10le", False, (940, 512, 512), (64, 512, 512)),
        ("yuv420p10le", True, (1023, 512, 512), (0, 512, 512)),
        ("p010le", False, (940 * 64, 512 * 64, 512 * 64), (64 * 64, 512 * 64, 512 * 64)),
    ],
)
def test_white_and_black_are_the_nominal_codes(
    name: str, full: bool, white: tuple[int, ...], black: tuple[int, ...]
) -> None:
    coding = conversion(FORMATS[name], ColorMatrix.BT709, full)
    rgb = np.array([[(255, 255, 255), (0, 0, 0)]], np.uint8)
    assert coding.from_rgb(rgb).tolist() == [[list(white), list(black)]]


@pytest.mark.parametrize("name", ["gray", "gray10le", "gray16le"])
def test_gray_is_luma_alone(name: str) -> None:
    coding = conversion(FORMATS[name], ColorMatrix.BT601, True)
    codes = coding.from_rgb(np.array([[(255, 0, 0), (0, 255, 0), (90, 90, 90)]], np.uint8))
    assert codes.shape == (1, 3)
    assert coding.to_rgb(codes)[0].tolist() == [[76] * 3, [150] * 3, [90] * 3]


def test_planar_rgb_is_only_scaled() -> None:
    rgb = np.arange(256 * 3, dtype=np.uint16).reshape(16, 16, 3).astype(np.uint8)
    for name in ("gbrp", "gbrp10le", "rgb48le"):
        coding = conversion(FORMATS[name], ColorMatrix.BT709, True)
        assert np.array_equal(coding.to_rgb(coding.from_rgb(rgb)), rgb)


def test_what_the_stream_leaves_open_goes_by_custom() -> None:
    assert matrix_of(2, 720) is ColorMatrix.BT709
    assert matrix_of(2, 576) is ColorMatrix.BT601
    assert matrix_of(0, 1080) is ColorMatrix.BT709  # "RGB" on a picture that is not
    assert matrix_of(9, 480) is ColorMatrix.BT2020
    for name, unsaid, limited in (
        ("yuv420p", False, False),
        ("yuvj420p", True, True),  # full by its name, whatever the stream claims
        ("gray", True, False),
        ("gbrp", True, True),
    ):
        assert (range_of(0, FORMATS[name]), range_of(1, FORMATS[name])) == (unsaid, limited)
    assert range_of(2, FORMATS["yuv420p"]) is True
