"""The sculpture under a mask: its normals and hollows, from the mean face and a height on top of it."""

from dataclasses import dataclass
from functools import cache
from typing import Final

import cv2
import numpy as np

from realtime.masks.layout import positions
from realtime.masks.pictures import blurred
from realtime.mesh.canonical import TRIANGLES, UV
from realtime.mesh.expression import NEUTRAL
from realtime.mesh.raster import OUTER, rasterise
from realtime.runtime.arrays import Floats

__all__ = ["Relief", "carve", "normals_of"]

#: How far hollows are felt, in shares of the sheet's side: narrow grooves, and broad ones like that beside the nose.
REACH: Final = ((0.006, 0.6), (0.025, 0.4))
#: How far the mesh's normals are smoothed, so that its triangles do not show.
SMOOTH: Final = 0.014


@dataclass(frozen=True, slots=True, eq=False)
class Relief:
    """``normals`` float32 (S, S, 3), of length 1, pointing out of the face at rest (z is away from the viewer).

    ``hollow`` float32 (S, S), positive in grooves and negative on ridges, in face units.
    """

    normals: Floats
    hollow: Floats


def carve(height: Floats) -> Relief:
    """The mean face with ``height`` on it, float32 (S, S) in face units, about centimetres; outwards is positive."""
    size = len(height)
    ground, bare = positions(size), _bare(size)
    raised = ground + bare * height[..., None]
    hollow = np.zeros_like(height)
    for sigma, share in REACH:
        around = cv2.GaussianBlur(raised, (0, 0), sigma * size)
        hollow += share * np.einsum("ijk,ijk->ij", around - raised, bare)
    # The normal leans away from where the height grows: Mikkelsen 2010, "Bump mapping unparametrized surfaces".
    along, down = (cv2.Scharr(ground, cv2.CV_32F, *axis, scale=1 / 32) for axis in ((1, 0), (0, 1)))
    grows, falls = (cv2.Scharr(height, cv2.CV_32F, *axis, scale=1 / 32) for axis in ((1, 0), (0, 1)))
    area = np.einsum("ijk,ijk->ij", np.cross(along, down), bare)[..., None]
    lean = grows[..., None] * np.cross(down, bare) + falls[..., None] * np.cross(bare, along)
    return Relief(_unit(np.asarray(np.abs(area) * bare - np.sign(area) * lean, np.float32)), hollow)


@cache
def _bare(size: int) -> Floats:
    """The mean face's normals, from those at the mesh's points."""
    drawn = rasterise((UV * size - 0.5).astype(np.float32), TRIANGLES, size)
    found = drawn.interpolate(normals_of(NEUTRAL))
    there = (drawn.numbers > 0).astype(np.float32)
    weight = blurred(there, SMOOTH * size)[..., None]
    smooth = _unit(np.asarray(blurred(found, SMOOTH * size) / np.maximum(weight, 1e-3), np.float32))
    smooth.setflags(write=False)  # everybody shares it
    return smooth


def normals_of(points: Floats) -> Floats:
    """Normals at the points of a mesh, float32 (468, 3) both, outwards: larger triangles count for more."""
    a, b, c = (points[TRIANGLES[:, corner]] for corner in range(3))
    across = np.cross(c - a, b - a) * OUTER
    total = np.stack([np.bincount(_CORNERS, np.repeat(across[:, axis], 3), len(points)) for axis in range(3)], axis=1)
    return _unit(total.astype(np.float32))


_CORNERS: Final = TRIANGLES.ravel()


def _unit(vectors: Floats) -> Floats:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(length, 1e-9), np.float32)
