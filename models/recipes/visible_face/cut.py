"""Taking hair and background out of a hull, by the colours of the picture (GrabCut, Rother et al. 2004).

Landmarks find a face's outline less exactly than its features, and know nothing of a fringe.
"""

from typing import Final

import cv2
import numpy as np

from models.faceset.hull import hull_mask
from realtime.runtime.arrays import Bytes, Points

__all__ = ["cut_mask"]

#: Side of the picture that is looked at: a hundredth of a second, and as fine as training needs.
SIDE: Final = 128
#: What is surely face: the features, and the outline drawn in to this share; the chin, which is much like the neck,
#: to that one.
CORE: Final = 0.84
CHIN: Final = 0.95
#: Beyond this rim of pixels around the hull is surely no face.
RIM: Final = 3
#: How far a forehead goes on above the hull.
FOREHEAD: Final = 12
#: Less than this share of the hull cannot be right: then the colours say nothing, as in the dark.
LEAST: Final = 0.75
ROUNDS: Final = 2


def cut_mask(crop: Bytes, landmarks: Points) -> Bytes:
    """uint8 (S, S), 255 on the face, of a crop, uint8 (S, S, 3) RGB, with landmarks, float32 (68, 2), in its pixels."""
    size = crop.shape[0]
    hull = hull_mask(landmarks, size)
    small = cv2.resize(crop, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    points = np.asarray((landmarks + np.float32(0.5)) * np.float32(SIDE / size) - np.float32(0.5), np.float32)
    inside = hull_mask(points, SIDE)
    labels = np.full((SIDE, SIDE), cv2.GC_BGD, np.uint8)
    # A forehead goes on above the hull; taken for background it would drag the rest along.
    rise = cv2.dilate(inside, np.ones((FOREHEAD, 1), np.uint8), anchor=(0, 0))
    labels[cv2.dilate(rise, np.ones((2 * RIM + 1, 2 * RIM + 1), np.uint8)) > 0] = cv2.GC_PR_BGD
    labels[rise > 0] = cv2.GC_PR_FGD
    labels[_core(points) > 0] = cv2.GC_FGD
    cv2.setRNGSeed(0)  # of this thread: the same crop has the same mask
    background, foreground = np.zeros((1, 65)), np.zeros((1, 65))  # the mixtures of colours that it learns
    cv2.grabCut(small, labels, (0, 0, 0, 0), background, foreground, ROUNDS, cv2.GC_INIT_WITH_MASK)
    face = np.where((labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD), inside, 0).astype(np.uint8)
    face = np.asarray(cv2.morphologyEx(face, cv2.MORPH_OPEN, np.ones((5, 5), np.uint8)), np.uint8)
    if cv2.countNonZero(face) < LEAST * cv2.countNonZero(inside):
        return hull
    large = cv2.resize(face, (size, size), interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.bitwise_and(hull, cv2.threshold(large, 127, 255, cv2.THRESH_BINARY)[1]), np.uint8)


def _core(points: Points) -> Bytes:
    """What is surely face."""
    middle = points[27:36].mean(axis=0)
    outline = middle + CORE * (points[:17] - middle)
    chin = middle + CHIN * (points[6:11] - middle)
    core = np.zeros((SIDE, SIDE), np.uint8)
    surely = cv2.convexHull(np.concatenate([points[17:], outline, chin]).astype(np.float32))
    cv2.fillConvexPoly(core, np.rint(surely).astype(np.int32), (255,))
    return core
