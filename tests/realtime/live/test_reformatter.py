"""Frames of any source are brought into the output's format: shape, pixels, colours, the right way up."""

from fractions import Fraction

import av
import numpy as np
import pytest

from realtime.live.reformatter import Reformatter, format_of
from realtime.live.sink import StreamFormat
from realtime.media.frame import Frame
from realtime.media.orientation import Turn
from realtime.runtime.arrays import Bytes

COLORS = {"red": (200, 30, 30), "green": (30, 160, 40), "blue": (40, 40, 190), "gray": (120, 120, 120)}
SHAPE = StreamFormat(320, 240, "yuv420p", Fraction(30), 0, colorspace=1, color_range=1)


def quarters(width: int, height: int) -> Bytes:
    """Red, green, blue and gray, from the top left on: uint8 (H, W, 3)."""
    rgb = np.zeros((height, width, 3), np.uint8)
    for number, color in enumerate(COLORS.values()):
        down, right = divmod(number, 2)
        rgb[down * height // 2 :, right * width // 2 :] = color
    rgb[: height // 2, : width // 2] = COLORS["red"]
    rgb[: height // 2, width // 2 :] = COLORS["green"]
    rgb[height // 2 :, : width // 2] = COLORS["blue"]
    return rgb


def frame(width: int, height: int, pixels: str, turn: Turn | None = None) -> Frame:
    picture = av.VideoFrame.from_ndarray(quarters(width, height), format="rgb24").reformat(format=pixels)
    return Frame(picture, 7, turn=turn)


def at(fitted: Frame, x: int, y: int) -> list[int]:
    return [int(value) for value in fitted.warp(np.eye(2, 3), (fitted.width, fitted.height))[y, x]]


def near(color: list[int], name: str) -> bool:
    return max(abs(a - b) for a, b in zip(color, COLORS[name], strict=True)) < 14


def test_what_fits_passes_as_it_is() -> None:
    one = frame(320, 240, "yuv420p")
    shape = format_of(one, None, Fraction(30), 0, sound=False)
    assert (shape.width, shape.height, shape.pixels) == (320, 240, "yuv420p")
    assert Reformatter(shape)(one) is one


@pytest.mark.parametrize("pixels", ["yuv420p", "nv12", "yuv422p", "yuvj420p", "yuv420p10le", "gbrp", "rgb24"])
@pytest.mark.parametrize("size", [(320, 240), (640, 480), (160, 120)])
def test_colours_stay_whatever_the_pixels(pixels: str, size: tuple[int, int]) -> None:
    fitted = Reformatter(SHAPE)(frame(*size, pixels))
    assert (fitted.width, fitted.height, fitted.picture.format.name) == (320, 240, "yuv420p")
    assert fitted.captured_ns == 7
    assert near(at(fitted, 80, 60), "red")
    assert near(at(fitted, 240, 60), "green")
    assert near(at(fitted, 80, 180), "blue")
    assert near(at(fitted, 240, 180), "gray")


def test_another_shape_gets_bars() -> None:
    fitted = Reformatter(SHAPE)(frame(320, 120, "yuv420p"))
    assert max(at(fitted, 160, 10)) < 12
    assert max(at(fitted, 160, 230)) < 12
    assert near(at(fitted, 80, 90), "red")
    assert near(at(fitted, 240, 150), "gray")


def test_what_lies_is_stood_up() -> None:
    turned = frame(320, 240, "yuv420p", Turn(0, -1, 1, 0))  # a quarter turn clockwise
    shape = format_of(turned, None, Fraction(30), 0, sound=False)
    assert (shape.width, shape.height) == (240, 320)
    fitted = Reformatter(shape)(turned)
    assert near(at(fitted, 180, 80), "red")
    assert near(at(fitted, 60, 80), "blue")
    assert near(at(fitted, 180, 240), "green")


def test_one_fitter_serves_changing_frames() -> None:
    reformatter = Reformatter(SHAPE)
    for size, pixels in (((640, 480), "yuv420p"), ((320, 240), "nv12"), ((640, 480), "yuv420p"), ((640, 480), "gbrp")):
        assert near(at(reformatter(frame(*size, pixels)), 80, 60), "red")
