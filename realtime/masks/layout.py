"""The mask's sheet: a square picture in the mesh's texture coordinates, and where on it which part of a face lies.

A mask ends a little within the face's outline, so that its edge lies on skin and not on hair or a collar, and it has
openings for the eyes. The mouth's opening is not on the sheet: lips that part have no width here.
"""

from collections.abc import Sequence
from functools import cache
from typing import Final

import cv2
import numpy as np

from realtime.masks.pictures import blurred
from realtime.mesh.canonical import TRIANGLES, UV
from realtime.mesh.expression import NEUTRAL
from realtime.mesh.raster import rasterise
from realtime.mesh.vertices import EYES, OVAL
from realtime.runtime.arrays import Floats, Points

__all__ = ["INSET", "distance", "eyes", "inside", "outline", "path", "positions", "smooth_loop"]

#: How far within the face's outline a mask ends, and how far its openings reach beyond the lids, in shares of the
#: sheet's side.
INSET: Final = 0.022
EYE_ROOM: Final = 0.012
#: Points that a smooth curve has for each one that it is drawn through.
FINE: Final = 8
#: Distances are measured up to this share of the side.
FAR: Final = 0.25


def smooth_loop(corners: Points, fine: int = FINE) -> Points:
    """A closed smooth curve (Catmull-Rom) through ``corners``, float32 (N, 2): float32 (N * fine, 2)."""
    before, after, beyond = np.roll(corners, 1, axis=0), np.roll(corners, -1, axis=0), np.roll(corners, -2, axis=0)
    t = (np.arange(fine, dtype=np.float32) / fine)[None, :, None]
    p0, p1, p2, p3 = (each[:, None] for each in (before, corners, after, beyond))
    curve = 0.5 * (2 * p1 + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2 + (3 * p1 - p0 - 3 * p2 + p3) * t**3)
    return curve.reshape(-1, 2).astype(np.float32)


def path(vertices: Sequence[int]) -> Points:
    """Where ``vertices`` lie on the sheet, float32 (N, 2) in shares of its side."""
    return UV[list(vertices)]


def distance(loop: Points, size: int) -> Floats:
    """How far inside the closed curve ``loop`` each pixel of a sheet lies, float32 (size, size) in shares of its side.

    Negative outside. ``loop`` is float32 (N, 2) in shares of the side.
    """
    # Twice as fine, so that the line itself falls between pixels.
    filled = np.zeros((2 * size, 2 * size), np.uint8)
    cv2.fillPoly(filled, [np.rint((loop * 2 * size - 0.5) * 16).astype(np.int32)], 255.0, cv2.LINE_8, 4)
    within = cv2.distanceTransform(filled, cv2.DIST_L2, cv2.DIST_MASK_5)
    beyond = cv2.distanceTransform(cv2.bitwise_not(filled), cv2.DIST_L2, cv2.DIST_MASK_5)
    apart = np.clip((within - beyond) / (2 * size), -FAR, FAR)
    return np.asarray(cv2.resize(apart, (size, size), interpolation=cv2.INTER_AREA), np.float32)


@cache
def outline(size: int) -> Floats:
    """How far within the mask's edge each pixel lies, in shares of the side, negative outside: float32 (size, size)."""
    return _kept(distance(smooth_loop(path(OVAL)), size) - np.float32(INSET))


@cache
def eyes(size: int) -> Floats:
    """The same for the openings of the eyes: positive in them, negative around."""
    return _kept(np.maximum(*(distance(smooth_loop(path(eye)), size) for eye in EYES)) + np.float32(EYE_ROOM))


def inside(apart: Floats, softness: float = 0.0) -> Floats:
    """A distance as a share, 0 outside to 1 inside, float32; its edge is a pixel and ``softness`` of the side wide."""
    width = softness + 1.0 / len(apart)
    return np.asarray(np.clip(apart / np.float32(width) + np.float32(0.5), 0, 1), np.float32)


@cache
def positions(size: int) -> Floats:
    """Where in face axes each pixel of the sheet lies on the mean face: float32 (size, size, 3), smooth.

    Beyond the face it goes on as it is at the edge.
    """
    drawn = rasterise((UV * size - 0.5).astype(np.float32), TRIANGLES, size)
    found = drawn.interpolate(NEUTRAL)
    there = (drawn.numbers > 0).astype(np.float32)[..., None]
    # Normalised blurs: a narrow one rounds off the triangles, wide ones carry the rest outwards.
    total, weight = np.zeros_like(found), np.zeros_like(there)
    for sigma, gain in ((0.009, 1.0), (0.04, 1e-3), (0.15, 1e-6)):
        total += gain * blurred(found * there, sigma * size)
        weight += gain * blurred(there, sigma * size)[..., None]
    return _kept(np.asarray(total / np.maximum(weight, 1e-12), np.float32))


def _kept(array: Floats) -> Floats:
    array.setflags(write=False)  # everybody shares it
    return array
