"""Colour transfer: one body over every mode, and what each promises."""

import cv2
import numpy as np
import pytest

from realtime.composite.color import modes, open_color
from realtime.composite.sharpen import sharpen
from realtime.runtime.errors import UsageError

SIZE = 128


def scene(seed: int, tint: tuple[int, int, int], contrast: float) -> np.ndarray:
    rng = np.random.default_rng(seed)
    texture = cv2.GaussianBlur(rng.normal(0, 1, (SIZE, SIZE, 3)).astype(np.float32), (0, 0), 4)
    return np.clip(texture / texture.std() * contrast + tint, 0, 255).astype(np.uint8)


BRONZE = scene(1, (140, 95, 60), 18)
FACE = scene(2, (190, 150, 130), 26)
MASK = np.zeros((SIZE, SIZE), np.uint8)
MASK[24:104, 24:104] = 255
INSIDE = MASK > 0


def lumas(rgb: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)[INSIDE].astype(float)


@pytest.mark.parametrize("name", modes())
def test_every_mode_keeps_the_contract(name: str) -> None:
    swapped, crop, mask = BRONZE.copy(), FACE.copy(), MASK.copy()
    out = open_color(name)(swapped, crop, mask)
    assert out.dtype == np.uint8 and out.shape == swapped.shape
    assert np.array_equal(swapped, BRONZE) and np.array_equal(crop, FACE) and np.array_equal(mask, MASK)
    # Where the face is what was there before, nothing is to be changed, but for a rounding.
    assert np.abs(open_color(name)(crop, crop, mask).astype(int) - crop).max() <= 1
    # Without a face there is nothing to go by.
    assert np.array_equal(open_color(name)(swapped, crop, np.zeros_like(mask)), swapped)
    # Whatever the light, nothing breaks.
    for light in (0, 255):
        assert open_color(name)(swapped, np.full_like(crop, light), mask).shape == swapped.shape


def test_modes_go_by_name() -> None:
    assert {"none", "mean", "light"} <= set(modes())
    assert open_color("none")(BRONZE, FACE, MASK) is BRONZE
    with pytest.raises(UsageError, match=r"'sepia'.*balance, light, mean, none"):
        open_color("sepia")


def test_mean_takes_on_mean_and_spread() -> None:
    out = open_color("mean")(BRONZE, FACE, MASK)
    assert np.abs(out[INSIDE].mean(axis=0) - FACE[INSIDE].mean(axis=0)).max() < 2
    assert lumas(out).std() == pytest.approx(lumas(FACE).std(), rel=0.1)


def test_only_the_masked_part_counts() -> None:
    other = FACE.copy()
    other[~INSIDE] = (0, 255, 0)
    for name in modes():
        transfer = open_color(name)
        assert np.array_equal(transfer(BRONZE, FACE, MASK), transfer(BRONZE, other, MASK))


def test_light_follows_brightness_a_little_and_stays_bronze() -> None:
    light = open_color("light")
    bright, dark = light(BRONZE, FACE, MASK), light(BRONZE, FACE // 8, MASK)
    assert lumas(dark).mean() < lumas(BRONZE).mean() < lumas(bright).mean() < lumas(FACE).mean()
    for out in (bright, dark):
        ratio = out[INSIDE].mean(axis=0) / BRONZE[INSIDE].mean(axis=0)
        assert np.ptp(ratio) < 0.02 * ratio.mean()


def test_sharpening_raises_detail_and_nothing_else() -> None:
    assert sharpen(FACE, 0) is FACE
    flat = np.full((32, 32, 3), 77, np.uint8)
    assert np.array_equal(sharpen(flat, 1.0), flat)
    edge = np.full((32, 32, 3), 80, np.uint8)
    edge[:, 16:] = 160
    out = sharpen(edge, 0.5)
    assert out[16, 15, 0] < 80 and out[16, 16, 0] > 160
    assert np.array_equal(out[:, :10], edge[:, :10]) and np.array_equal(out[:, -10:], edge[:, -10:])


def test_balance_takes_on_the_tint_and_leaves_black_black() -> None:
    swapped = BRONZE.copy()
    swapped[60:64, 60:64] = 0  # a pupil
    out = open_color("balance")(swapped, FACE, MASK)
    assert not out[60:64, 60:64].any()
    ours, before, theirs = (each[INSIDE].mean(axis=0) for each in (out, swapped, FACE))
    assert (np.abs(ours - theirs) < 0.4 * np.abs(before - theirs)).all()
