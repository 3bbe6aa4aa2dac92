"""How a stored picture is turned and mirrored to be shown, as phones note it beside the picture."""

from dataclasses import dataclass
from struct import unpack
from typing import Final

import numpy as np

from realtime.runtime.arrays import Matrix

__all__ = ["Turn"]


@dataclass(frozen=True, slots=True)
class Turn:
    """A quarter turn, a mirror, or both: the shown x is ``xx`` times the stored x plus ``xy`` times the stored y.

    Two of the four are 0, the others 1 or -1.
    """

    xx: int = 1
    xy: int = 0
    yx: int = 0
    yy: int = 1

    @classmethod
    def read(cls, matrix: bytes) -> "Turn":
        """From FFmpeg's display matrix (nine int32). What is no quarter turn is not followed, as players do."""
        a, b, _, c, d, *_ = (round(value / ONE) for value in unpack("9i", matrix))
        turn = cls(a, c, b, d)
        quarter = sorted(map(abs, (a, b, c, d))) == [0, 0, 1, 1] and abs(a * d - b * c) == 1
        return turn if quarter else cls()

    def shown(self, width: int, height: int) -> tuple[int, int]:
        """(width, height) as shown, of a picture stored as ``width`` x ``height``."""
        return (width, height) if self.xx else (height, width)

    def to_shown(self, width: int, height: int) -> Matrix:
        """The matrix, float64 (2, 3), from stored to shown pixels of a picture stored as ``width`` x ``height``."""
        last = np.array([width - 1, height - 1])
        linear = np.array([[self.xx, self.xy], [self.yx, self.yy]], np.float64)
        return np.column_stack([linear, -np.minimum(linear, 0) @ last])


#: FFmpeg's matrices count in 65536ths.
ONE: Final = 1 << 16
