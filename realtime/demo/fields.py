"""Displacement fields and the warps made of them.

A field is float32 (h, w, 2) over pixels of a picture, forward: what lies at p goes to p + field(p).
"""

from typing import Final, TypeAlias, TypeVar, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.runtime.arrays import Bytes, Floats, Points

__all__ = ["Scalars", "fine", "pixels", "ramp", "sample", "smooth_line", "take", "unwarp"]

#: Any floating numpy array.
Scalars: TypeAlias = NDArray[np.floating]

#: A picture or a field; what comes out is what went in.
Picture = TypeVar("Picture", Bytes, Floats)

#: Rounds of the fixed-point search. The error left is below 0.05 px nearly everywhere, and below 1 px where
#: a field is steepest, on the hair of a head that is turned far.
_ROUNDS: Final = 8


def take(picture: Picture, maps: Scalars) -> Picture:
    """``picture`` at the points ``maps``, float32 (h, w, 2), bilinear; the border goes on outside."""
    x, y = cv2.split(maps)
    taken = cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return cast(Picture, taken)


def unwarp(field: Floats, target: Floats) -> Floats:
    """For each target point, float32 (h, w, 2), the point that ``field`` takes there.

    A fixed point of source = target - field(source); it converges where the field does not fold the picture.
    """
    source = target
    for _ in range(_ROUNDS):
        source = target - take(field, source)
    return source


def sample(region: Bytes, scale: int, x: Scalars, y: Scalars, origin: tuple[int, int]) -> Floats:
    """``region``, enlarged by ``scale``, at points of the photograph; ``origin`` is its corner's."""
    map_x = ((x - origin[0] + 0.5) * scale - 0.5).astype(np.float32)
    map_y = ((y - origin[1] + 0.5) * scale - 0.5).astype(np.float32)
    sampled = cv2.remap(region, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(sampled, np.float32)


def fine(start: int, stop: int, scale: int) -> Floats:
    """Coordinates of the enlarged pixels between two whole pixels of the photograph."""
    return ((np.arange((stop - start) * scale) + 0.5) / scale - 0.5 + start).astype(np.float32)


def pixels(columns: int, rows: int) -> Floats:
    """Each pixel's own coordinates: float32 (rows, columns, 2)."""
    x, y = np.meshgrid(np.arange(columns, dtype=np.float32), np.arange(rows, dtype=np.float32))
    return np.stack([x, y], axis=-1)


def ramp(x: Scalars) -> Scalars:
    """0 below 0, 1 above 1, smooth in between."""
    x = np.clip(x, 0, 1)
    smooth: Scalars = x * x * (3 - 2 * x)
    return smooth


def smooth_line(points: Points) -> Points:
    """A polyline through few points as a smooth one with many: Catmull-Rom, x strictly rising."""
    padded = np.concatenate([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
    t = np.linspace(0, 1, 9, endpoint=False)[:, None]
    parts = []
    for a, b, c, d in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
        parts.append(b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a))))  # (9, 2)
    return np.concatenate([*parts, points[-1:]]).astype(np.float32)
