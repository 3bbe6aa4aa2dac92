"""Carved wood: the rings of growth as the face's form cuts them, tool marks, and oil."""

import numpy as np

from realtime.masks.layout import positions
from realtime.masks.material import Material
from realtime.masks.materials.palette import cavity, cover, gloss, mix, shares, sheet, vector
from realtime.masks.noise import cells, fractal, waves
from realtime.masks.pictures import sized
from realtime.masks.relief import carve
from realtime.masks.sculpture import SHEET, TABLE, sculpture
from realtime.masks.studio import polished

__all__ = ["wood"]

#: Rings in a face unit, and how far behind the face the tree's axis stands, upright and a little askew.
RINGS, BEHIND = 1.5, 16.0


def wood() -> Material:
    """See the module's text."""
    ground, parts = positions(TABLE), sculpture(TABLE)
    wide = sized(ground, SHEET)
    bends = sized(np.stack([fractal(ground, 6.0, seed, 2) for seed in (33, 43, 53)], axis=-1), SHEET)
    x, y, z = np.moveaxis(wide + np.float32(0.35) * bends, -1, 0)
    rings = RINGS * np.hypot(x + 0.04 * y - 2.0, 1.5 * (z - BEHIND + 0.05 * y))
    rings = rings + 0.25 * sized(fractal(ground * vector(1, 0.25, 1), 1.2, 63, 3), SHEET)
    year = rings % 1
    late = shares(np.clip(year / 0.75, 0, 1) ** 3 * np.clip((1 - year) / 0.12, 0, 1))  # the dark wood of a summer's end
    fibres = waves(wide * vector(14, 0.9, 14), 1.0, 73)
    color = mix((184, 122, 70), (118, 68, 34), 0.72 * late)
    color = cover(color, (92, 50, 24), shares(0.24 * fibres + 0.04))
    color = cover(color, (214, 160, 100), shares(-0.22 * fibres))
    color = cover(color, (58, 30, 18), 0.75 * sized(shares(0.75 * parts.brows + 0.35 * parts.lips), SHEET))
    # Gouge marks: shallow scallops all over.
    scallops = shares(cells(TABLE, 900, 23)[0] / 0.012)
    height = parts.height + np.float32(0.030) * scallops
    color *= sized(cavity(carve(height).hollow, 0.75), SHEET)[..., None]
    small = sized(late, TABLE)
    mirrors = np.asarray(0.20 + 0.10 * small, np.float32)
    return Material(sheet(color), gloss(height - np.float32(0.006) * small, mirrors, polished(14, 0.7, 0.2)))
