"""Which landmark is which once a picture is mirrored."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["MIRRORED"]


def _exchange(*pairs: tuple[int, int]) -> NDArray[np.int64]:
    """The order 0..67 with the two of every pair exchanged."""
    order = np.arange(68)
    for a, b in pairs:
        order[a], order[b] = b, a
    return order


#: Where each iBUG landmark goes when the picture is mirrored: int64 (68,).
MIRRORED: Final = _exchange(
    *((i, 16 - i) for i in range(8)), *((17 + i, 26 - i) for i in range(5)), (31, 35), (32, 34),
    (36, 45), (37, 44), (38, 43), (39, 42), (40, 47), (41, 46),
    (48, 54), (49, 53), (50, 52), (55, 59), (56, 58), (60, 64), (61, 63), (65, 67),
)  # fmt: skip
