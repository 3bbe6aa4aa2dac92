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

#: Binary places of the corners that OpenCV is given: a sixteenth of a pixel.
PLACES: Final = 4
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
        height, width = self.numbers.shape
        numbers = self.numbers.ravel()
        x, y, one = (np.take(plane, numbers, axis=0, mode="clip") for plane in self._planes(values))  # (H * W, K)
        x *= np.tile(np.arange(width, dtype=np.float32), height)[:, None]
        y *= np.repeat(np.arange(height, dtype=np.float32), width)[:, None]
        x += y
        x += one
        return x.reshape(height, width, -1)

    def _planes(self, values: Floats) -> Floats:
        """a, b and c of ``a x + b y + c`` for each triangle, and before them for none: float32 (3, T + 1, K)."""
        a, b, c = (self.points[self.triangles[:, corner]] for corner in range(3))
        to_b, to_c = b - a, c - a
        twice = to_b[:, 0] * to_c[:, 1] - to_b[:, 1] * to_c[:, 0]
        # A triangle seen edge-on has no plane of its own: it takes the first corner's value.
        inverse = np.divide(1, twice, out=np.zeros_like(twice), where=np.abs(twice) > 1e-3)[:, None]
        start = values[self.triangles[:, 0]]
        up_b, up_c = values[self.triangles[:, 1]] - start, values[self.triangles[:, 2]] - start
        planes = np.zeros((3, len(self.triangles) + 1, values.shape[1]), np.float32)
        planes[0, 1:] = (up_b * to_c[:, 1:] - up_c * to_b[:, 1:]) * inverse
        planes[1, 1:] = (up_c * to_b[:, :1] - up_b * to_c[:, :1]) * inverse
        planes[2, 1:] = start - planes[0, 1:] * a[:, :1] - planes[1, 1:] * a[:, 1:]
        return planes


def rasterise(points: Points, triangles: Triangles, size: int, order: NDArray[np.int64] | None = None) -> Raster:
    """Draw triangles into a picture of ``size`` pixels a side, each over those before it.

    ``points`` is float32 (V, 2) in pixels of this picture; ``order`` are the indices of the triangles to draw, all by
    default.
    """
    numbers = np.zeros((size, size), np.int32)
    corners = np.rint(points * (1 << PLACES)).astype(np.int32)[triangles]  # (T, 3, 2)
    fill = cv2.fillConvexPoly
    for index in range(len(triangles)) if order is None else order.tolist():
        fill(numbers, corners[index], index + 1, cv2.LINE_8, PLACES)
    return Raster(numbers, np.asarray(points, np.float32), triangles)


def facing(points: Points, triangles: Triangles) -> NDArray[np.bool_]:
    """Which triangles show their outer side, bool (T,); ``points`` is float (V, 2 or more), x to the right, y down."""
    a, b, c = (points[triangles[:, corner]] for corner in range(3))
    twice = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    return np.asarray(twice * OUTER > 0, np.bool_)


def far_to_near(points: Floats, triangles: Triangles) -> NDArray[np.int64]:
    """The triangles that show their outer side, the farthest first: int64 (K,); ``points`` is float32 (V, 3)."""
    shown = np.flatnonzero(facing(points, triangles))
    depth = points[triangles[shown], 2].mean(axis=1)
    return shown[np.argsort(-depth, kind="stable")]
