"""Masks from landmarks: the convex hull of the face, and part of the forehead."""

from typing import Final

import cv2
import numpy as np

from realtime.runtime.arrays import Bytes, Points

__all__ = ["hull_mask"]

#: How far each of the ten brow points is raised, as a share of the height from nose to brows, which is about the
#: forehead's: less at the temples, and short of the hairline of most.
_RAISE: Final = np.array([0.2, 0.38, 0.5, 0.58, 0.6, 0.6, 0.58, 0.5, 0.38, 0.2])


def hull_mask(landmarks: Points, size: int) -> Bytes:
    """uint8 (size, size), 255 on the face, of landmarks, float32 (68, 2), in pixels of the crop."""
    brows = landmarks[17:27]
    up = landmarks[27] - landmarks[8]  # nose bridge over chin: the face's own upright, however the head is turned
    up = up / max(float(np.linalg.norm(up)), 1e-6)
    height = abs(float((brows.mean(axis=0) - landmarks[33]) @ up))
    # The half that a head turns away is seen narrower, and its temple recedes behind the hair.
    halves = [max(float(np.linalg.norm(landmarks[end] - landmarks[27])), 1e-6) for end in (17, 26)]
    turned = np.repeat(np.minimum(1.0, [halves[0] / halves[1], halves[1] / halves[0]]), 5)
    forehead = brows + (_RAISE * turned)[:, None] * height * up
    hull = cv2.convexHull(np.concatenate([landmarks, forehead]).astype(np.float32))
    mask = np.zeros((size, size), np.uint8)
    cv2.fillConvexPoly(mask, np.rint(hull).astype(np.int32), (255,))
    return mask
