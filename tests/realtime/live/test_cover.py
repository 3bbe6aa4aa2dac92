"""What is covered is gone, and the rest of the picture keeps its bits."""

import av
import numpy as np
import pytest

from realtime.live.cover import cover
from realtime.live.guard import Hidden
from realtime.media.frame import Frame
from realtime.runtime.arrays import Bytes

FORMATS = ("yuv420p", "nv12", "yuv422p", "yuvj420p", "yuv420p10le", "gbrp")
SIZE = (320, 240)


def noise(pixels: str) -> Frame:
    """A frame full of detail of every size."""
    random = np.random.default_rng(1)
    fine = random.integers(0, 256, (SIZE[1], SIZE[0], 3), np.uint8)
    coarse = np.kron(random.integers(0, 256, (30, 40, 3), np.uint8), np.ones((8, 8, 1), np.uint8))
    picture = av.VideoFrame.from_ndarray((fine // 2 + coarse // 2).astype(np.uint8), format="rgb24")
    return Frame(picture.reformat(format=pixels))


def shown(frame: Frame) -> Bytes:
    return frame.warp(np.eye(2, 3), SIZE)


def detail(rgb: Bytes) -> float:
    """Mean step from a pixel to the next one."""
    wide = rgb.astype(np.int16)
    return float(np.abs(np.diff(wide, axis=1)).mean() + np.abs(np.diff(wide, axis=0)).mean())


@pytest.mark.parametrize("pixels", FORMATS)
def test_everything(pixels: str) -> None:
    frame = noise(pixels)
    before = shown(frame)
    cover(frame, Hidden(everything=True))
    after = shown(frame)
    assert detail(after) < detail(before) / 20
    for corner in (np.s_[:8, :8], np.s_[-8:, -8:], np.s_[:8, -8:], np.s_[-8:, :8]):
        assert detail(after[corner]) < detail(before[corner]) / 8  # to the very edge
    assert abs(after.mean() - before.mean()) < 4  # the light is still that of the room


@pytest.mark.parametrize("pixels", FORMATS)
def test_a_region(pixels: str) -> None:
    frame = noise(pixels)
    before = shown(frame)
    cover(frame, Hidden(regions=(((100.3, 60.7, 180.2, 150.9), 60.0),)))
    after = shown(frame)
    inside = np.s_[61:150, 101:180]
    assert detail(after[inside]) < detail(before[inside]) / 8
    assert np.array_equal(after[:, 260:], before[:, 260:])
    assert np.array_equal(after[200:], before[200:])


def test_no_pixel_of_a_region_keeps_a_trace_of_itself() -> None:
    """The same place, once black and once white, differs after covering only by what its cell's mean is."""
    covered = []
    for value in (0, 255):
        rgb = np.full((SIZE[1], SIZE[0], 3), 128, np.uint8)
        rgb[90:94, 130:134] = value
        frame = Frame(av.VideoFrame.from_ndarray(rgb, format="gbrp"))
        cover(frame, Hidden(regions=(((100, 60, 180, 150), 80.0),)))
        covered.append(shown(frame).astype(int))
    assert np.abs(covered[0] - covered[1]).max() <= 255 * 16 / 32**2 + 2


def test_many_frames_tell_no_more_than_one() -> None:
    """The region grows, but where it was the picture stays the same, but for its soft edge: the grid does not move."""
    pictures = []
    for grown in range(0, 30, 5):
        frame = noise("yuv420p")
        cover(frame, Hidden(regions=(((140 - grown, 100 - grown, 180 + grown, 140 + grown), 60.0),)))
        pictures.append(shown(frame)[101:139, 141:179].astype(int))
    assert max(np.abs(picture - pictures[0]).max() for picture in pictures) <= 8


@pytest.mark.parametrize(
    "box", [(-500.0, -500.0, -400.0, -400.0), (-50.0, -50.0, 30.0, 30.0), (300.0, 200.0, 900.0, 900.0)]
)
def test_regions_may_reach_beyond_the_picture(box: tuple[float, float, float, float]) -> None:
    frame = noise("yuv420p")
    before = shown(frame)
    cover(frame, Hidden(regions=((box, 60.0),)))
    assert np.array_equal(shown(frame)[100:150, 120:200], before[100:150, 120:200])
