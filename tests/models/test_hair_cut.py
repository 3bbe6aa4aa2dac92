"""Masks without hair and background."""

import cv2
import numpy as np

from models.faceset.hull import hull_mask
from models.recipes.visible_face.cut import cut_mask
from realtime.align import TEMPLATES
from realtime.demo.portrait import LANDMARKS
from realtime.media.affine import apply

SIZE = 256
POINTS = apply(TEMPLATES["whole-face"].frame_to_crop(LANDMARKS, SIZE), LANDMARKS)
HULL = hull_mask(POINTS, SIZE) > 0
SKIN, HAIR = (205, 160, 135), (60, 40, 32)


def grainy(picture: np.ndarray) -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, 6, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


def test_hair_over_the_hull_is_cut_and_the_face_is_kept() -> None:
    picture = np.full((SIZE, SIZE, 3), HAIR, np.uint8)
    picture[HULL] = SKIN
    picture[150:] = SKIN  # the neck
    y, x = np.indices((SIZE, SIZE))
    fringe = HULL & (y < POINTS[17:27, 1].min() - 4) & (x < SIZE // 2)
    curtain = HULL & (x > POINTS[15, 0] - 6) & (y < POINTS[14, 1])
    assert fringe.sum() > 200 and curtain.sum() > 100
    picture[fringe | curtain] = HAIR
    mask = cut_mask(grainy(picture), POINTS) > 0
    assert not (mask & ~HULL).any()
    assert (mask & fringe).sum() < 0.15 * fringe.sum() and (mask & curtain).sum() < 0.3 * curtain.sum()
    kept = HULL & ~cv2.dilate((fringe | curtain).astype(np.uint8), np.ones((7, 7), np.uint8)).astype(bool)
    assert (mask & kept).sum() > 0.94 * kept.sum()


def test_where_colours_say_nothing_the_hull_stays() -> None:
    for level in (0, 128):
        picture = np.full((SIZE, SIZE, 3), level, np.uint8)
        assert (cut_mask(picture, POINTS) > 0).sum() > 0.9 * HULL.sum()


def test_the_same_face_has_the_same_mask() -> None:
    picture = grainy(np.where(HULL[..., None], np.uint8(200), np.uint8(90)).repeat(3, axis=2))
    once = cut_mask(picture, POINTS)
    cv2.setRNGSeed(99)
    assert np.array_equal(once, cut_mask(picture, POINTS))
