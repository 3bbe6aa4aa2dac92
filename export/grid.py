"""The numbers that a byte stands for: evenly spaced, with zero among them."""

from dataclasses import dataclass
from itertools import product
from typing import Final

import numpy as np

from realtime.runtime.arrays import Floats

__all__ = ["BYTE", "Grid", "best_grid"]

#: The largest byte.
BYTE: Final = 255
#: Shares of the range that are tried: the rarest values may be cut off where the others gain by it.
SHARES: Final = (1.0, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.65, 0.6)


@dataclass(frozen=True, slots=True)
class Grid:
    """A byte b stands for ``scale`` * (b - ``zero``)."""

    scale: float
    zero: int

    def rounded(self, values: Floats) -> Floats:
        """``values`` as bytes would have them, float32, whatever their shape."""
        levels = np.clip(np.round(values / np.float32(self.scale)) + self.zero, 0, BYTE) - self.zero
        return np.asarray(levels * np.float32(self.scale), np.float32)


def best_grid(values: Floats, slope: float = 1.0) -> Grid:
    """The one with the least error on ``values``, float32 (N,), behind a rectifier of that ``slope``.

    Errors count by their third power: few that are large, such as in eyes, are worse than many that nobody sees.
    """
    weight = np.where(values < 0, np.float32(slope), np.float32(1))
    low, high = min(float(values.min()), 0.0), max(float(values.max()), 1e-6)
    grids = [_between(low * below, high * above) for below, above in product(SHARES if low else (1.0,), SHARES)]
    return min(grids, key=lambda grid: float((np.abs(weight * (grid.rounded(values) - values)) ** 3).mean()))


def _between(low: float, high: float) -> Grid:
    scale = (high - low) / BYTE
    return Grid(scale, round(-low / scale))
