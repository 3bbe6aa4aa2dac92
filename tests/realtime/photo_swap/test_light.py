"""The performer's light and colour on the photographed skin, and not on its brows."""

import cv2
import numpy as np

from realtime.photo_swap.light import SMALL, Relight, relit, to_planes


def test_black_brows_stay_black_where_the_skin_turns_pale() -> None:
    texture = np.full((256, 256, 3), (214, 158, 116), np.uint8)  # in warm light
    cv2.rectangle(texture, (60, 100), (196, 112), (52, 50, 50), -1)
    flat = np.ones((SMALL, SMALL), np.float32)
    paler = Relight(flat, -0.15 * flat, 0.15 * flat, 1.0, flat)
    as_it_is = Relight(flat, 0 * flat, 0 * flat, 1.0, flat)
    folds = np.ones((64, 64), np.float32)
    before, after = (relit(to_planes(texture), each, folds).astype(int) for each in (as_it_is, paler))
    skin, brow = (slice(10, 40), slice(10, 40)), (slice(104, 108), slice(90, 160))
    warm = [float((each[skin][..., 0] - each[skin][..., 2]).mean()) for each in (before, after)]
    assert warm[0] > 80 and warm[1] < 0.4 * warm[0]
    assert np.abs(before[brow] - texture[brow]).max() < 8
    assert np.abs(after[brow] - before[brow]).max() < 8
