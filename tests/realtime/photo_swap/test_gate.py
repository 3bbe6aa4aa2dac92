"""What is said of photographs that make a poor face: of the trouble each has, and of no other."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from realtime.demo.portrait import LANDMARKS, load_portrait
from realtime.photo_swap.portrait import read_portrait
from realtime.runtime.arrays import Bytes
from realtime.runtime.errors import InputError
from tests.realtime.puppet.drawn import Portrait, Pose

SIDE = 512
#: What is wrong with the astronaut's portrait as it is.
SMILES = {"smiles", "mouth"}


def lit_from_the_left(picture: Bytes) -> Bytes:
    away = (np.arange(picture.shape[1]) - LANDMARKS[27, 0]) / np.ptp(LANDMARKS[:, 0])
    return np.clip(picture * (0.7 - 0.4 * np.tanh(4 * away))[:, None], 0, 255).astype(np.uint8)


def scaled(share: float) -> Callable[[Bytes], Bytes]:
    return lambda picture: np.asarray(
        cv2.resize(picture, None, fx=share, fy=share, interpolation=cv2.INTER_AREA), np.uint8
    )


def brighter(share: float) -> Callable[[Bytes], Bytes]:
    return lambda picture: np.clip(picture * share, 0, 255).astype(np.uint8)


def blurred(picture: Bytes) -> Bytes:
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), 4), np.uint8)


def troubles(picture: Bytes, folder: Path) -> set[str]:
    """A word of each warning."""
    cv2.imwrite(str(folder / "photo.png"), picture[:, :, ::-1])
    known = ("smiles", "mouth", "small", "turned", "nods", "dark", "overexposed", "side", "blurred", "glasses", "shut")
    said = read_portrait(folder / "photo.png", device="cpu").warnings
    return {next(word for word in known if f" {word}" in f" {each}".split(";")[0].split(", or")[0]) for each in said}


@pytest.mark.parametrize(
    ("spoil", "trouble"),
    [
        (brighter(1.0), set()),
        (brighter(0.25), {"dark"}),
        (brighter(2.0), {"overexposed"}),
        (lit_from_the_left, {"side"}),
        (blurred, {"blurred"}),
        (scaled(0.8), {"small"}),
    ],
    ids=["as it is", "dark", "overexposed", "side-lit", "blurred", "small"],
)
def test_the_trouble_is_named(spoil: Callable[[Bytes], Bytes], trouble: set[str], tmp_path: Path) -> None:
    said = troubles(spoil(load_portrait()), tmp_path) - SMILES
    assert trouble <= said <= trouble | {"small"}  # it is nearly too small as it is


def test_a_smile_is_told_from_a_face_at_rest(tmp_path: Path) -> None:
    assert troubles(load_portrait(), tmp_path) >= SMILES
    assert not SMILES & troubles(Portrait(SIDE, SIDE).draw(Pose()), tmp_path)


def test_a_turned_face_is_named_and_what_cannot_be_used_is_refused(tmp_path: Path) -> None:
    drawn = Portrait(SIDE, SIDE)
    assert "turned" in troubles(drawn.draw(Pose(yaw=0.45)), tmp_path)
    with pytest.raises(InputError, match="px high; at least 64 px"):
        troubles(scaled(0.25)(load_portrait()), tmp_path)
    with pytest.raises(InputError, match="no face"):
        troubles(np.full((SIDE, SIDE, 3), 120, np.uint8), tmp_path)
