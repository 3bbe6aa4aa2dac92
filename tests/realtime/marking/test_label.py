"""The label: legible on anything, small, in its corner, and nowhere else."""

import av
import cv2
import numpy as np
import pytest

from realtime.marking.label import PLACES, Label
from realtime.media.frame import Frame
from realtime.runtime.errors import UsageError
from realtime.settings import LABEL

LONG = "All the faces in this picture are made up, and depict nobody, not even me. OK?"
SIZES = [(1920, 1080), (1280, 720), (720, 1280), (640, 360), (320, 240), (128, 96)]


def flat(colour: tuple[int, int, int], size: tuple[int, int], name: str) -> Frame:
    rgb = np.broadcast_to(np.asarray(colour, np.uint8), (size[1], size[0], 3))
    shown = Frame.from_rgb(rgb).picture.reformat(format=name, dst_colorspace="itu709")
    shown.colorspace = 1
    return Frame(shown)


def seen(frame: Frame) -> np.ndarray:
    return frame.warp(np.eye(2, 3), (frame.width, frame.height)).astype(int)


def drawn(frame: Frame, label: Label) -> tuple[np.ndarray, tuple[int, int, int, int]]:
    """The picture with the label, and the box (x0, y0, x1, y1) of what it changed."""
    before = seen(frame)
    label.draw(frame)
    after = seen(frame)
    # Subsampled chroma runs over the edge a little; that is no part of the plate.
    rows, columns = np.nonzero(np.abs(after - before).max(axis=-1) > 24)
    return after, (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)


@pytest.mark.parametrize("name", ["yuv420p", "yuv420p10le", "nv12", "p010le", "yuv444p", "gbrp", "rgb24", "gray"])
@pytest.mark.parametrize("ground", [(255, 255, 255), (0, 0, 0), (128, 128, 128), (200, 40, 40)])
def test_it_reads_on_any_ground(name: str, ground: tuple[int, int, int]) -> None:
    after, (x0, y0, x1, y1) = drawn(flat(ground, (640, 360), name), Label())
    inside = after[y0 + 2 : y1 - 2, x0 + 2 : x1 - 2].mean(axis=-1)
    letters, plate = np.percentile(inside, 97), np.percentile(inside, 15)
    assert letters > 200 and letters - plate > 90
    # Letters and plate are as good as colourless, chroma and all.
    core = after[y0:y1, x0:x1][after[y0:y1, x0:x1].mean(axis=-1) > 220]
    assert np.ptp(core, axis=-1).mean() < 25


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("place", PLACES)
def test_it_stays_in_its_corner(place: str, size: tuple[int, int]) -> None:
    width, height = size
    _, (x0, y0, x1, y1) = drawn(flat((90, 130, 90), size, "yuv420p"), Label(place=place))
    right, bottom = place.endswith("right"), place.startswith("bottom")
    gaps = (width - x1 if right else x0), (height - y1 if bottom else y0)
    assert gaps == pytest.approx((0.05 * width, 0.05 * height), abs=3)
    assert 12 <= y1 - y0 <= max(20, 0.07 * min(size)) or x1 - x0 >= 0.9 * width - 6
    assert x1 - x0 <= 0.9 * width + 6


def test_it_grows_with_the_frame() -> None:
    heights = []
    for size in SIZES[:2]:
        _, (_, y0, _, y1) = drawn(flat((0, 0, 255), size, "yuv420p"), Label())
        heights.append(y1 - y0)
    assert heights[0] / heights[1] == pytest.approx(1.5, rel=0.1)


@pytest.mark.parametrize("text", ["W" * 80, LONG])
@pytest.mark.parametrize("size", [*SIZES, (160, 120), (64, 48), (32, 32), (16, 16)])
def test_however_long_it_can_be_read(text: str, size: tuple[int, int]) -> None:
    after, (x0, y0, x1, y1) = drawn(flat((0, 0, 120), size, "rgb24"), Label(text))
    assert y0 > 0 and y1 < size[1] and y1 - y0 >= 11
    inked = after[y0:y1, x0:x1].mean(axis=-1) > 130
    rows = np.flatnonzero(inked.any(axis=1))
    runs = np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1)
    assert max(map(len, runs)) >= (5 if min(size) > 16 else 4), "pixels of a letter's height"
    # Nothing is cut off by the plate's edge.
    assert not inked[:, :2].any() and not inked[:, -2:].any() and not inked[0].any() and not inked[-1].any()


def test_a_long_text_goes_on_in_the_next_line() -> None:
    label = Label(LONG)
    wide, narrow = label.lettering(1280, 720), label.lettering(160, 120)
    assert len(wide.lines) == 1 and len(narrow.lines) > 2
    assert " ".join(narrow.lines) == wide.lines[0] == label.text
    assert label.lettering(64, 48).lines == ("SYNTHETIC", "FACES"), "a small frame says less, not less legibly"


@pytest.mark.parametrize("size", [(7680, 4320), (8192, 8192)])
@pytest.mark.parametrize("text", [LABEL, "W" * 80])
def test_the_largest_frames_cost_no_more_than_large_ones(text: str, size: tuple[int, int]) -> None:
    laid = Label(text).lettering(*size)
    assert laid.width * laid.height <= 400_000  # pixels; what a label costs to make goes with them
    assert laid.tall > 80


def test_it_is_made_once_for_a_kind_of_frame() -> None:
    label = Label("MADE UP")
    first = flat((10, 10, 10), (320, 240), "yuv420p")
    label.draw(first)
    kept = label._patches
    second = flat((10, 10, 10), (320, 240), "yuv420p")
    label.draw(second)
    assert label._patches is kept and np.array_equal(seen(first), seen(second))
    # Another kind gets its own: a bigger frame, other bits, other colours.
    for other in (flat((10, 10, 10), (640, 480), "yuv420p"), flat((10, 10, 10), (640, 480), "p010le")):
        label.draw(other)
        assert label._patches is not kept and seen(other).max() > 200
        kept = label._patches


def test_what_it_says_can_be_told_apart() -> None:
    one, two = (drawn(flat((0, 0, 0), (640, 360), "gray"), Label(text))[0] for text in (LABEL, "SYNTHETIC FADES"))
    assert not np.array_equal(one, two)


def test_the_rest_of_the_picture_keeps_its_bits() -> None:
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (240 * 3 // 2, 320), dtype=np.uint8)
    frame = Frame(av.VideoFrame.from_ndarray(noise, "yuv420p"))
    Label(place="top-left").draw(frame)
    after = frame.picture.to_ndarray()
    assert np.array_equal(after[40:240], noise[40:240])  # luma below the label
    assert np.array_equal(after[:240, 160:], noise[:240, 160:])  # and beside it
    assert not np.array_equal(after[:40, :160], noise[:40, :160])


@pytest.mark.skipif(cv2.__version__ < "5", reason="its font has ASCII only")
@pytest.mark.parametrize(
    "text", ["KÜNSTLICHE GESICHTER", "VISAGES SYNTHÉTIQUES", "ВЫМЫШЛЕННЫЕ ЛИЦА", "ΠΡΟΣΩΠΑ", "合成面孔"]
)
def test_it_speaks_more_than_english(text: str) -> None:
    after, (x0, y0, x1, y1) = drawn(flat((0, 0, 0), (640, 360), "gray"), Label(text))
    inked = (after[y0:y1, x0:x1].mean(axis=-1) > 200).any(axis=0)  # columns with ink
    letters = np.count_nonzero(np.diff(inked.astype(int)) == 1)
    assert letters >= len(text.split())
    missing = drawn(flat((0, 0, 0), (640, 360), "gray"), Label("?" * len(text)))[0]
    assert not np.array_equal(after, missing)


@pytest.mark.parametrize("text", ["", "  ", "תווים", "वर्ण", "😀", "TWO\nLINES", "\x1b[31m"])
def test_what_cannot_be_drawn_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="ASCII"):
        Label(text)


def test_an_unknown_place_is_refused() -> None:
    with pytest.raises(UsageError, match="top-left, top-right"):
        Label(place="middle")


def test_a_label_says_which_letters_no_font_here_has() -> None:
    with pytest.raises(UsageError, match="no font here has 'עש'; use letters of ASCII"):
        Label("face: עש, ע")
