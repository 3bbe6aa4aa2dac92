"""Patterns in space: the same at every place for ever, so that what is made of them is the same on every machine."""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.runtime.arrays import Floats

__all__ = ["cells", "fractal", "waves"]

#: Points of the lattice along each axis; the pattern repeats after so many.
SIDE: Final = 32


def waves(places: Floats, scale: float, seed: int) -> Floats:
    """Smooth noise, about -1..1, float32 (...): ``places`` is float32 (..., 3), a wave about ``scale`` units long."""
    lattice = np.random.default_rng(seed).uniform(-1, 1, (SIDE, SIDE, SIDE)).astype(np.float32).ravel()
    at = places.reshape(-1, 3) / np.float32(scale) + np.float32(SIDE * 64.5)
    corner = np.floor(at)
    share = at - corner
    share = np.asarray(share * share * (3 - 2 * share), np.float32)  # smooth at the lattice's points
    x, y, z = (corner.astype(np.int32) % SIDE).T
    x1, y1, z1 = (x + 1) % SIDE, (y + 1) % SIDE, (z + 1) % SIDE
    u, v, w = share.T

    def row(y: NDArray[np.int32], z: NDArray[np.int32]) -> Floats:
        base = (z * SIDE + y) * SIDE
        low, high = lattice[base + x], lattice[base + x1]
        return np.asarray(low + (high - low) * u, np.float32)

    near = row(y, z) * (1 - v) + row(y1, z) * v
    far = row(y, z1) * (1 - v) + row(y1, z1) * v
    return np.asarray(near + (far - near) * w, np.float32).reshape(places.shape[:-1])


def fractal(places: Floats, scale: float, seed: int, octaves: int = 4) -> Floats:
    """Noise with ever finer detail, about -1..1, float32 (...)."""
    total = np.zeros(places.shape[:-1], np.float32)
    for octave in range(octaves):
        total += waves(places, scale / 2**octave, seed + octave) / 2**octave
    return total


def cells(size: int, count: int, seed: int) -> tuple[Floats, Floats]:
    """``count`` cells over a sheet of ``size`` pixels: how far their border is, and a number of each cell.

    Distances float32 (size, size) in shares of the side; numbers float32 (size, size), 0..1, one for each cell.
    """
    draw = np.random.default_rng(seed)
    middles = np.full((size, size), 255, np.uint8)
    x, y = draw.integers(0, size, (2, count))
    middles[y, x] = 0
    _, labels = cv2.distanceTransformWithLabels(middles, cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL)
    numbers = draw.uniform(0, 1, labels.max() + 1).astype(np.float32)[labels]
    aside, below = np.roll(labels, 1, axis=1), np.roll(labels, 1, axis=0)
    clear = np.where((labels != aside) | (labels != below), 0, 255).astype(np.uint8)
    apart = cv2.distanceTransform(clear, cv2.DIST_L2, cv2.DIST_MASK_5)
    return np.asarray(apart / size, np.float32), numbers
