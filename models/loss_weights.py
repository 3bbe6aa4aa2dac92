"""What of a face matters most: eyes and mouth, as maps of how often a pixel counts."""

from typing import Final

import cv2
import numpy as np

from models.pairs import WEIGHT_ONE
from realtime.finder.landmarks68 import EYES, OUTER_LIPS
from realtime.runtime.arrays import Bytes, Points

__all__ = ["MAP", "priority_maps"]

#: Side of a map; it is sampled to the picture's size together with the picture.
MAP: Final = 64
#: Landmarks (iBUG 68) of each part, and its room around them in shares of its own width.
PARTS: Final = (*((eye, 0.25) for eye in EYES), (OUTER_LIPS, 0.1))


def priority_maps(landmarks: Points, size: int, priority: float) -> Bytes:
    """Maps uint8 (N, 64, 64) for landmarks float32 (N, 68, 2) in pixels of crops ``size`` wide.

    A pixel counts value / ``WEIGHT_ONE`` times: ``priority`` times in the eyes and the mouth, else once.
    """
    maps = np.full((len(landmarks), MAP, MAP), WEIGHT_ONE, np.uint8)
    inside = round(priority * WEIGHT_ONE)
    places = (landmarks + 0.5) * (MAP / size) - 0.5
    for drawn, points in zip(maps, places, strict=True):
        for part, room in PARTS:
            outline = cv2.convexHull(points[part]).reshape(-1, 2)
            cv2.fillConvexPoly(drawn, np.round(outline).astype(np.int32), inside)
            width = max(1, round(2 * room * float(np.ptp(outline[:, 0]))))
            cv2.polylines(drawn, [np.round(outline).astype(np.int32)], True, inside, thickness=width)
        cv2.GaussianBlur(drawn, (5, 5), 0, dst=drawn)
    return maps
