"""Gold leaf over a carved ground: the leaves' seams show, and the red clay below where they are worn."""

import numpy as np

from realtime.masks.layout import positions
from realtime.masks.material import Material
from realtime.masks.materials.palette import cavity, cover, gloss, mix, shares, sheet
from realtime.masks.noise import fractal, waves
from realtime.masks.relief import carve
from realtime.masks.sculpture import TABLE, sculpture
from realtime.masks.studio import metal

__all__ = ["gold"]

#: A leaf's side and a seam's width, in face units.
LEAF, SEAM = 3.1, 0.04
TINT = (1.0, 0.75, 0.34)


def gold() -> Material:
    """See the module's text."""
    ground, parts = positions(TABLE), sculpture(TABLE)
    seams = np.zeros((TABLE, TABLE), np.float32)
    for axis, seed in ((0, 29), (1, 39)):  # square leaves, laid by hand
        along = (ground[..., axis] + 0.25 * waves(ground, 5.0, seed)) / LEAF
        seams = np.maximum(seams, np.exp(-((np.abs(along % 1 - 0.5) * LEAF / SEAM) ** 2)))
    height = np.asarray(parts.height + 0.012 * fractal(ground, 0.9, 19, 3) + 0.012 * seams, np.float32)
    hollow = carve(height).hollow
    worn = shares(3.0 * (fractal(ground, 2.4, 49) - 0.55) + 5.0 * np.clip(-hollow - 0.03, 0, 0.1))
    worn = 0.85 * shares(worn * shares(0.5 + fractal(ground, 0.35, 59, 2)))
    color = cover(mix((58, 38, 12), (78, 52, 16), 0.5 + 0.5 * waves(ground, 2.0, 69)), (104, 40, 24), worn)
    color *= cavity(hollow, 0.8)[..., None]
    mirrors = np.asarray((1 - 0.75 * worn) * (0.92 + 0.08 * seams) * cavity(hollow, 0.9), np.float32)
    return Material(sheet(color), gloss(height, mirrors, metal(TINT, 0.8)))
