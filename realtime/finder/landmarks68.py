"""iBUG's 68 landmarks: which points make up what, which face each other, and which change places in a mirror."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "BROWS",
    "EYES",
    "EYE_CORNERS",
    "INNER_LIPS",
    "INNER_LIP_PAIRS",
    "LID_PAIRS",
    "MIRRORED",
    "OUTER_EYE_CORNERS",
    "OUTER_LIPS",
    "lower",
    "upper",
]

#: Left and right are the picture's. Each eye runs from its left corner over the upper lid and back under the eye.
BROWS: Final = (slice(17, 22), slice(22, 27))
EYES: Final = (slice(36, 42), slice(42, 48))
OUTER_LIPS: Final = slice(48, 60)
INNER_LIPS: Final = slice(60, 68)
#: The two corners of each eye, and of both eyes those far from the nose.
EYE_CORNERS: Final = ((36, 39), (42, 45))
OUTER_EYE_CORNERS: Final = (36, 45)
#: A point of the upper and one of the lower edge, which meet when an eye or the mouth closes: two for each eye, ...
LID_PAIRS: Final = (((37, 41), (38, 40)), ((43, 47), (44, 46)))
#: ... and three for the mouth.
INNER_LIP_PAIRS: Final = ((61, 67), (62, 66), (63, 65))


def upper(*pairs: tuple[int, int]) -> list[int]:
    """The upper points of ``pairs``, to index landmarks with."""
    return [above for above, _ in pairs]


def lower(*pairs: tuple[int, int]) -> list[int]:
    """The lower points of ``pairs``."""
    return [below for _, below in pairs]


def _exchange(*pairs: tuple[int, int]) -> NDArray[np.int64]:
    """The order 0..67 with the two of every pair exchanged."""
    order = np.arange(68)
    for a, b in pairs:
        order[a], order[b] = b, a
    return order


#: Where each landmark goes when the picture is mirrored: int64 (68,), so that ``points[MIRRORED]`` is in order again.
MIRRORED: Final = _exchange(
    *((i, 16 - i) for i in range(8)), *((17 + i, 26 - i) for i in range(5)), (31, 35), (32, 34),
    (36, 45), (37, 44), (38, 43), (39, 42), (40, 47), (41, 46),
    (48, 54), (49, 53), (50, 52), (55, 59), (56, 58), (60, 64), (61, 63), (65, 67),
)  # fmt: skip
