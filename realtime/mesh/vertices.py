"""The mesh's 468 points by name: which make up what, which face each other, and which change places in a mirror."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from realtime.mesh.canonical import POINTS, VERTICES

__all__ = [
    "BROWS",
    "EYES",
    "FOLDS",
    "INNER_LIPS",
    "INNER_LIP_PAIRS",
    "LID_PAIRS",
    "LOWER_LIDS",
    "MIRRORED",
    "OUTER_EYE_CORNERS",
    "OUTER_LIPS",
    "OVAL",
    "QUICK_PARTS",
    "UPPER_LIDS",
    "rigid",
]

#: Left and right are the picture's. The two lid margins: outer corner, lower lid, inner corner (position 8), upper lid.
EYES: Final = (
    (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246),
    (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466),
)
#: The corners of both eyes that are far from the nose.
OUTER_EYE_CORNERS: Final = (33, 263)
#: The margins of the lids between the corners, from the outer to the inner one: seven points for each eye.
LOWER_LIDS: Final = tuple(eye[1:8] for eye in EYES)
UPPER_LIDS: Final = tuple(eye[15:8:-1] for eye in EYES)
#: A point of the upper and one of the lower lid, which meet when the eye closes: seven for each eye.
LID_PAIRS: Final = tuple(tuple(zip(*lids, strict=True)) for lids in zip(UPPER_LIDS, LOWER_LIDS, strict=True))
#: The inner edge of the lips: a corner, the lower lip, the other corner (position 10), the upper lip.
INNER_LIPS: Final = (
    78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191,
)  # fmt: skip
#: The outer edge of the lips, in the same order.
OUTER_LIPS: Final = (
    61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185,
)  # fmt: skip
#: A point of the upper and one of the lower lip's inner edge, which meet when the mouth closes: nine.
INNER_LIP_PAIRS: Final = tuple(zip(INNER_LIPS[19:10:-1], INNER_LIPS[1:10], strict=True))
#: What moves as one and fast: each lid, and the edges of each lip between the corners.
QUICK_PARTS: Final = (
    *UPPER_LIDS, *LOWER_LIDS,
    (*INNER_LIPS[11:20], *OUTER_LIPS[11:20]), (*INNER_LIPS[1:10], *OUTER_LIPS[1:10]),
)  # fmt: skip
#: The outline of the face, from the top of the forehead round by the picture's right.
OVAL: Final = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
    152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)  # fmt: skip
#: The brows, upper edge then lower edge, each from the temple to the nose.
BROWS: Final = (
    ((70, 63, 105, 66, 107), (46, 53, 52, 65, 55)),
    ((300, 293, 334, 296, 336), (276, 283, 282, 295, 285)),
)
#: The folds above the upper lids, from the temple to the nose.
FOLDS: Final = ((247, 30, 29, 27, 28, 56, 190), (467, 260, 259, 257, 258, 286, 414))


def _mirrored() -> NDArray[np.int64]:
    """For each point the nearest to its mirror image; the canonical face is symmetric."""
    apart = np.abs(POINTS[:, None] * np.array((-1, 1, 1), np.float32) - POINTS[None]).sum(axis=2)
    return np.asarray(apart.argmin(axis=1), np.int64)


#: Where each point goes when the picture is mirrored: int64 (468,), so that ``points[MIRRORED]`` is in order again.
MIRRORED: Final = _mirrored()


def rigid() -> NDArray[np.int64]:
    """The points that move with the skull: those above the upper lip, without the lids and the outline; int64 (K,)."""
    moving = {*EYES[0], *EYES[1], *OVAL, *INNER_LIPS, *OUTER_LIPS}
    lip = POINTS[2, 1]  # point 2 is where the nose meets the lip
    return np.array([v for v in range(VERTICES) if POINTS[v, 1] < lip and v not in moving], np.int64)
