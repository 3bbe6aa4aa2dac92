"""Turned pictures: whoever looks at a frame sees it upright, and its planes stay as they are stored."""

from pathlib import Path
from struct import pack

import numpy as np
import pytest

from realtime.marking.label import Label
from realtime.media.file_source import FileSource
from realtime.media.frame import Frame
from realtime.media.orientation import Turn
from tests.realtime.clips import Clip, make

ONE = 1 << 16
#: The display matrices of FFmpeg's av_display_rotation_set and av_display_matrix_flip, and what they do to rows.
TURNS = {
    "as it is": ((1, 0, 0, 1), lambda rows: rows),
    "a quarter clockwise": ((0, 1, -1, 0), lambda rows: np.rot90(rows, -1)),
    "upside down": ((-1, 0, 0, -1), lambda rows: np.rot90(rows, 2)),
    "a quarter back": ((0, -1, 1, 0), np.rot90),
    "mirrored": ((-1, 0, 0, 1), np.fliplr),
    "flipped": ((1, 0, 0, -1), np.flipud),
    "transposed": ((0, 1, 1, 0), lambda rows: np.swapaxes(rows, 0, 1)),
}


def matrix(a: float, b: float, c: float, d: float) -> bytes:
    return pack("9i", *(int(value * ONE) for value in (a, b, 0, c, d, 0, 0, 0)), 1 << 30)


def scene(width: int, height: int) -> np.ndarray:
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    return np.stack([x * 5 % 256, y * 7 % 256, (x + y) % 256], axis=-1).astype(np.uint8)


@pytest.mark.parametrize("name", TURNS)
def test_a_frame_is_seen_as_it_is_shown(name: str) -> None:
    entries, expected = TURNS[name]
    rgb = scene(48, 30)
    shown = np.ascontiguousarray(expected(rgb))
    frame = Frame(Frame.from_rgb(rgb).picture, turn=Turn.read(matrix(*entries)))
    assert (frame.height, frame.width) == shown.shape[:2]
    assert np.array_equal(frame.warp(np.eye(2, 3), (frame.width, frame.height)), shown)


@pytest.mark.parametrize("name", TURNS)
def test_what_is_pasted_lands_where_it_was_seen(name: str) -> None:
    entries, expected = TURNS[name]
    rgb = scene(48, 30)
    frame = Frame(Frame.from_rgb(rgb).picture, turn=Turn.read(matrix(*entries)))
    patch = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [9, 9, 9]]], np.uint8)
    at = np.array([[1.0, 0, -7], [0, 1, -4]])
    frame.paste(patch, np.full((2, 2), 255, np.uint8), at)
    shown = np.array(expected(rgb))
    shown[4:6, 7:9] = patch
    assert np.array_equal(frame.warp(np.eye(2, 3), (frame.width, frame.height)), shown)
    # In the plane itself it lies turned: what is shown as green is stored as green, wherever that is.
    stored = Frame(frame.picture).warp(np.eye(2, 3), (48, 30))
    assert np.array_equal(np.array(expected(stored)), shown)


@pytest.mark.parametrize("entries", [(0.7071, 0.7071, -0.7071, 0.7071), (0, 0, 0, 0), (1, 1, 0, 0), (2, 0, 0, 2)])
def test_what_is_no_quarter_turn_is_not_followed(entries: tuple[float, float, float, float]) -> None:
    assert Turn.read(matrix(*entries)) == Turn()


@pytest.mark.parametrize(
    ("degrees", "upright"), [(0, (160, 120)), (90, (120, 160)), (-90, (120, 160)), (180, (160, 120))]
)
def test_a_file_that_is_shown_turned_is_read_turned(tmp_path: Path, degrees: int, upright: tuple[int, int]) -> None:
    path = make(tmp_path / "in.mp4", Clip(rotation=degrees, frames=2, audio=None))
    source = FileSource(path)
    frame = source.first
    stored = frame.picture.to_ndarray(format="rgb24").astype(int)
    seen = frame.warp(np.eye(2, 3), (frame.width, frame.height)).astype(int)
    source.close()
    assert (frame.width, frame.height) == upright
    # FFmpeg's angles count against the clock.
    assert np.abs(np.rot90(stored, degrees // 90) - seen).mean() < 6


@pytest.mark.parametrize("degrees", [90, -90, 180])
def test_the_label_is_upright(degrees: int) -> None:
    """The same label as on a picture that was stored upright."""
    turns = {90: (0, -1, 1, 0), -90: (0, 1, -1, 0), 180: (-1, 0, 0, -1)}
    upright = scene(320, 240)
    stored = np.ascontiguousarray(np.rot90(upright, -(degrees // 90)))
    plain, turned = (
        Frame.from_rgb(upright),
        Frame(Frame.from_rgb(stored).picture, turn=Turn.read(matrix(*turns[degrees]))),
    )
    for frame in (plain, turned):
        Label().draw(frame)
    size = plain.width, plain.height
    assert np.array_equal(plain.warp(np.eye(2, 3), size), turned.warp(np.eye(2, 3), size))
    assert not np.array_equal(plain.warp(np.eye(2, 3), size), upright)


def test_a_label_made_for_one_turn_is_made_anew_for_another() -> None:
    label, rgb = Label(), scene(200, 200)
    frames = [Frame(Frame.from_rgb(rgb).picture, turn=Turn.read(matrix(*entries))) for entries, _ in TURNS.values()]
    for frame in frames:
        label.draw(frame)
    seen = [frame.warp(np.eye(2, 3), 200)[100:].astype(int) for frame in frames]
    before = [
        frame.warp(np.eye(2, 3), 200)
        for frame in (Frame(Frame.from_rgb(rgb).picture, turn=f.kind.turn) for f in frames)
    ]
    changed = [(now != then[100:]).any(axis=-1) for now, then in zip(seen, before, strict=True)]
    for each in changed:
        assert each[60:, 100:].any()
        assert not each[:, :30].any()
