"""What a photograph shows beside a cheek where its mesh reaches beyond the face: a bright wall, unrolled as skin.

Dark things there are hair or a beard as often as not, and stay.
"""

from functools import cache
from typing import Final

import cv2
import numpy as np

from realtime.mesh.expression import NEUTRAL
from realtime.photo_swap.skin import Skin
from realtime.photo_swap.unrolled import unrolled
from realtime.photo_swap.zones import BROW_POINTS, RIM, SKIN
from realtime.runtime.arrays import Bytes, Floats

__all__ = ["wall_in"]

#: Side of the texture in which it is looked for.
SIDE: Final = 256
#: Less like skin than this is something else, and more surely skin.
UNLIKE, ALIKE = 0.4, 0.6
#: A wall is no smaller than this, in pixels, reaches the outline, and gets brighter by so much within a pixel at its
#: edge, in logarithms: light from the side has no edge.
SMALLEST: Final = 40
OUTERMOST: Final = 0.9
EDGE: Final = 0.08
#: So many pixels on either side the edge is looked for, and so many around a wall are taken to be no skin either.
BAND: Final = 3
MARGIN: Final = 7
#: Where a wall is found, what is so near and is no sure skin belongs to it.
FRINGE: Final = 9


def wall_in(small: Bytes, skin: Skin) -> Floats:
    """Where the unrolled face, uint8 (SIDE, SIDE, 3) RGB, shows a wall and not ``skin``: float32 (SIDE, SIDE), 0..1."""
    beside, rim = _zones()
    likeness = skin.strictly(small)
    luma = np.log(small.astype(np.float32) + 4).mean(axis=2)
    bright = ((likeness < ALIKE) & (luma > skin.mean[0]) & (beside > 0.5)).astype(np.uint8)
    sure = cv2.morphologyEx(bright * (likeness < UNLIKE), cv2.MORPH_OPEN, _square(1))
    bright &= cv2.dilate(sure, _square(FRINGE))
    count, numbers = cv2.connectedComponents(bright)
    right, down = (cv2.Sobel(luma, -1, *ways, scale=1 / 8) for ways in ((1, 0), (0, 1)))
    steps = cv2.dilate(cv2.magnitude(right, down), _square(BAND))
    cheek = ((likeness > ALIKE) & (beside > 0.5)).astype(np.uint8)
    found = np.zeros_like(bright)
    for number in range(1, count):
        part = (numbers == number).astype(np.uint8)
        if sure[part > 0].sum() < SMALLEST or rim[part > 0].max() < OUTERMOST:
            continue
        edge = (cv2.dilate(part, _square(1)) > part) & (cv2.dilate(cheek, _square(BAND)) > 0)
        if edge.any() and np.median(steps[edge]) > EDGE:
            found |= part
    wide = cv2.dilate(found, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (MARGIN, MARGIN))).astype(np.float32)
    return np.asarray(cv2.blur(wide, (3, 3)), np.float32)


def _square(reach: int) -> Bytes:
    """What morphology takes: so many pixels on either side."""
    return np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)


@cache
def _zones() -> tuple[Floats, Floats]:
    """Beside and below the eyes where skin is expected, and nearness to the outline: float32 (SIDE, SIDE), 0..1."""
    cheeks = (np.abs(NEUTRAL[:, 0]) > 3.2) & (NEUTRAL[:, 1] > NEUTRAL[list(BROW_POINTS), 1].mean())
    beside, rim = unrolled(np.column_stack([np.minimum(cheeks, SKIN), RIM]), SIDE)
    return beside, rim
