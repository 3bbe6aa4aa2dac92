"""Glazed white with painted brows and lips and a gilt rim; the glaze has cracked with age."""

import cv2
import numpy as np

from realtime.masks.layout import positions
from realtime.masks.material import Material
from realtime.masks.materials.palette import cavity, cover, gloss, mix, shares, sheet
from realtime.masks.noise import cells, fractal
from realtime.masks.pictures import sized
from realtime.masks.relief import carve
from realtime.masks.sculpture import SHEET, TABLE, sculpture
from realtime.masks.studio import polished
from realtime.media.resample import looked_up
from realtime.mesh.canonical import UV
from realtime.runtime.arrays import Floats

__all__ = ["porcelain"]

#: The middles of the cheeks, by their points on the mesh, and how far their blush reaches, in shares of the side.
CHEEKS = (50, 280)
BLUSH = 0.095


def porcelain() -> Material:
    """See the module's text."""
    ground, parts = positions(TABLE), sculpture(TABLE)
    hollow = carve(parts.height).hollow
    color = mix((230, 228, 223), (221, 222, 222), 0.5 + 0.5 * fractal(ground, 4.0, 13))
    color = cover(color, (224, 128, 118), 0.38 * _cheeks())
    color = cover(color, (176, 48, 56), 0.80 * parts.lips)
    color = cover(color, (44, 62, 116), 0.85 * parts.brows)
    color = cover(color, (196, 160, 84), 0.95 * parts.rim)
    color *= cavity(hollow, 0.36)[..., None]
    old, young = _cracks(ground)
    fine = cover(sized(color, SHEET), (96, 80, 66), 0.66 * old)
    fine = cover(fine, (150, 134, 118), 0.30 * young)
    small = sized(old, TABLE)
    height = parts.height - np.float32(0.02) * small
    mirrors = np.asarray(0.62 - 0.4 * small, np.float32)
    return Material(sheet(fine), gloss(height, mirrors, polished(90, 0.8, 0.2)))


def _cheeks() -> Floats:
    y, x = np.mgrid[0:TABLE, 0:TABLE].astype(np.float32) / TABLE
    apart = [np.hypot(x - u, y - v) for u, v in UV[list(CHEEKS)]]
    return np.asarray(np.exp(-((np.minimum(*apart) / BLUSH) ** 2)), np.float32)


def _cracks(ground: Floats) -> tuple[Floats, Floats]:
    """A coarse net of cracks that is old and dark and a fine one that is pale: float32 (SHEET, SHEET) of 0..1 both."""
    y, x = np.mgrid[0:SHEET, 0:SHEET].astype(np.float32)
    bend = np.float32(0.009 * SHEET)
    right, down = (
        x + bend * sized(fractal(ground, 1.6, 17, 3), SHEET),
        y + bend * sized(fractal(ground, 1.6, 27, 3), SHEET),
    )
    nets = [looked_up(cells(SHEET, count, seed)[0] * SHEET, right, down) for count, seed in ((300, 37), (2200, 47))]
    worn = sized(shares(0.5 + 0.9 * fractal(ground, 3.5, 57, 2)), SHEET)
    old, young = (cv2.GaussianBlur(shares(1.6 - net), (0, 0), 0.5) for net in nets)
    return shares(old * (0.35 + 0.65 * worn)), shares(young * worn)
