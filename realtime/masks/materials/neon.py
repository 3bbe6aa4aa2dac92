"""A wire frame that glows, over glass as dark as night."""

import cv2
import numpy as np

from realtime.masks.layout import outline, positions
from realtime.masks.material import Material
from realtime.masks.materials.palette import mix, shares, sheet, vector
from realtime.masks.pictures import blurred, sized
from realtime.masks.sculpture import SHEET, TABLE, sculpture
from realtime.mesh.canonical import TRIANGLES, UV
from realtime.runtime.arrays import Floats

__all__ = ["neon"]

ABOVE, BELOW = (20, 235, 255), (255, 40, 200)


def neon() -> Material:
    """See the module's text."""
    wire, ground = _wire(), sized(positions(TABLE), SHEET)
    light = mix(ABOVE, BELOW, 0.5 + ground[..., 1] / 16 + 0.014 * ground[..., 0])
    rim = np.exp(-(((sculpture(SHEET).rim - 0.5) / 0.28) ** 2))
    edge = shares(1 - np.asarray(np.abs(outline(SHEET)), np.float32) / np.float32(0.02)) ** 2
    glow = 0.9 * blurred(wire, 3.5) + 0.8 * blurred(wire, 10)
    color = vector(7, 9, 22) + light * (0.45 * glow + 0.8 * edge)[..., None]
    color += (0.55 * light + 100) * shares(1.1 * wire + 0.9 * rim)[..., None]
    return Material(sheet(color), lit=0.0)


def _wire() -> Floats:
    """The mesh's edges, float32 (SHEET, SHEET) of 0..1."""
    lines = np.zeros((2 * SHEET, 2 * SHEET), np.uint8)
    corners = np.rint((UV * 2 * SHEET - 0.5) * 16).astype(np.int32)
    cv2.polylines(lines, list(corners[TRIANGLES]), True, 255.0, 3, cv2.LINE_AA, 4)
    return np.asarray(sized(lines, SHEET) / np.float32(255), np.float32)
