"""Triangles to pictures: what the corners of a mesh carry, at every pixel of a small picture.

The picture is small because what varies along a triangle varies smoothly: a hundred pixels a side and ``cv2.resize``
give the same map as drawing every triangle at full size, for a tenth of the time.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.mesh.canonical import Triangles
from realtime.runtime.arrays import Floats, Points

__all__ = ["Raster", "facing", "far_to_near", "rasterise"]

#: Pixels that lie so nearly on an edge are in both its triangles, or rounding would leave them to none.
SLACK: Final = np.float32(1 / 256)
#: The sign of a triangle's area in a picture, x to the right and y down, where it shows its outer side.
OUTER: Final = -1


@dataclass(frozen=True, slots=True, eq=False)
class Raster:
    """Which triangle each pixel shows: ``numbers`` int32 (H, W), 0 for none, else one more than its index.

    ``points`` float32 (V, 2) are the corners in pixels of this picture, ``triangles`` int32 (T, 3).
    """

    numbers: NDArray[np.int32]
    points: Points
    triangles: Triangles

    def interpolate(self, values: Floats) -> Floats:
        """What the corners carry, float32 (V, K), at every pixel: float32 (H, W, K), 0 where no triangle is."""
        sheets = self.sheets(values)
        return np.asarray(cv2.merge(list(sheets)), np.float32).reshape(*self.numbers.shape, len(sheets))

    def sheets(self, values: Floats) -> Floats:
        """The same, a picture for each of the values: float32 (K, H, W). Sooner done."""
        height, width = self.numbers.shape
        planes = np.take(self._planes(values), self.numbers, axis=2, mode="clip")  # (3, K, H, W)
        x, y, one = planes
        x *= np.arange(width, dtype=np.float32)
        y *= np.arange(height, dtype=np.float32)[:, None]
        x += y
        x += one
        return np.asarray(x, np.float32)

    def _planes(self, values: Floats) -> Floats:
        """a, b and c of ``a x + b y + c`` for each triangle, and before them for none: float32 (3, K, T + 1)."""
        (x, x_b, x_c), (y, y_b, y_c) = np.take(self.points.T, self.triangles.T, axis=1)
        x_b, x_c, y_b, y_c = x_b - x, x_c - x, y_b - y, y_c - y
        twice = x_b * y_c - y_b * x_c
        # A triangle seen edge-on has no plane of its own: it takes the first corner's value.
        inverse = np.divide(1, twice, out=np.zeros_like(twice), where=np.abs(twice) > 1e-3)
        start, up_b, up_c = np.take(values.T, self.triangles.T, axis=1).transpose(1, 0, 2)  # (K, T) each
        up_b, up_c = up_b - start, up_c - start
        planes = np.zeros((3, values.shape[1], len(self.triangles) + 1), np.float32)
        planes[0, :, 1:] = (up_b * y_c - up_c * y_b) * inverse
        planes[1, :, 1:] = (up_c * x_b - up_b * x_c) * inverse
        planes[2, :, 1:] = start - planes[0, :, 1:] * x - planes[1, :, 1:] * y
        return planes


def rasterise(points: Points, triangles: Triangles, size: int, order: NDArray[np.int64] | None = None) -> Raster:
    """Draw triangles into a picture of ``size`` pixels a side, each over those before it.

    ``points`` is float32 (V, 2) in pixels of this picture; ``order`` are the indices of the triangles to draw, all by
    default. A triangle has the pixels whose middles lie in it, so that nothing is ever read beyond its corners. All
    are drawn at once, row by row: a call for each would take longer to begin than to end.
    """
    points = np.asarray(points, np.float32)
    order = np.arange(len(triangles)) if order is None else order
    x, y = np.take(points.T, triangles[order].T, axis=1)  # (3, K) each: the corners, and the edges from each
    across, down = (np.roll(each, -1, axis=0) - each for each in (x, y))
    slope = across / np.where(down == 0, np.float32(1), down)
    top, bottom = np.minimum(y, y + down) - SLACK, np.maximum(y, y + down) + SLACK
    first = np.maximum(np.ceil(top.min(axis=0)), 0).astype(np.int64)
    last = np.minimum(np.floor(bottom.max(axis=0)), size - 1).astype(np.int64)
    rows = np.maximum(last - first + 1, 0)

    which = np.repeat(np.arange(len(order)), rows)  # of the triangles, for each row of each
    row = _counted(first, rows)
    x, y, slope, across, top, bottom = np.take(np.stack([x, y, slope, across, top, bottom]), which, axis=2)
    level = row.astype(np.float32)
    at = x + np.clip(slope * (level - y), np.minimum(across, 0), np.maximum(across, 0))
    beside = (level < top) | (level > bottom)
    left = np.ceil(np.where(beside, np.float32(size), at).min(axis=0) - SLACK)
    right = np.floor(np.where(beside, np.float32(-1), at).max(axis=0) + SLACK)
    start = np.maximum(left, 0).astype(np.int64)
    length = np.maximum(np.minimum(right, size - 1).astype(np.int64) - start + 1, 0)

    numbers = np.zeros(size * size, np.int32)
    numbers[_counted(row * size + start, length)] = np.repeat(np.take(order, which) + 1, length)  # the last one stays
    return Raster(numbers.reshape(size, size), points, triangles)


def _counted(start: NDArray[np.int64], length: NDArray[np.int64]) -> NDArray[np.int64]:
    """``start``, ``start + 1``, ... ``length`` numbers of each, one after the other."""
    behind = np.cumsum(length) - length
    return np.repeat(start - behind, length) + np.arange(int(length.sum()))


def facing(points: Points, triangles: Triangles) -> NDArray[np.bool_]:
    """Which triangles show their outer side, bool (T,); ``points`` is float (V, 2 or more), x to the right, y down."""
    (x, x_b, x_c), (y, y_b, y_c) = (np.take(points[:, axis], triangles.T) for axis in (0, 1))
    twice = (x_b - x) * (y_c - y) - (x_c - x) * (y_b - y)
    return np.asarray(twice * OUTER > 0, np.bool_)


def far_to_near(points: Floats, triangles: Triangles) -> NDArray[np.int64]:
    """The triangles that show their outer side, the farthest first: int64 (K,); ``points`` is float32 (V, 3)."""
    shown = np.flatnonzero(facing(points, triangles))
    a, b, c = np.take(points[:, 2], triangles[shown].T)
    depth = a + b + c
    return shown[np.argsort(-depth, kind="stable")]
