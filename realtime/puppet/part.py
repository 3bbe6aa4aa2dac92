"""A part of a picture."""

from dataclasses import dataclass

import numpy as np

from realtime.runtime.arrays import Floats, Points

__all__ = ["Part"]


@dataclass(frozen=True, slots=True)
class Part:
    """The left top corner, width and height, in pixels of the picture."""

    x: int
    y: int
    width: int
    height: int

    @property
    def here(self) -> tuple[slice, slice]:
        """Where it is in an array of the picture."""
        return np.s_[self.y : self.y + self.height, self.x : self.x + self.width]

    @property
    def origin(self) -> Floats:
        """Its left top corner, float32 (2,)."""
        return np.array((self.x, self.y), np.float32)

    @classmethod
    def around(cls, points: Points, room: float, size: tuple[int, int]) -> "Part":
        """The part around ``points``, float32 (N, 2), and ``room`` pixels more, at least one pixel wide and high.

        ``size`` is that of the picture (width, height).
        """
        low = np.clip(np.floor(points.min(axis=0) - room), 0, np.array(size) - 1).astype(int)
        high = np.clip(np.ceil(points.max(axis=0) + room).astype(int) + 1, low + 1, size)
        return cls(int(low[0]), int(low[1]), int(high[0] - low[0]), int(high[1] - low[1]))
