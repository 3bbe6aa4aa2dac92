"""How far each point of a mesh faces the camera."""

from typing import Final

import numpy as np

from realtime.mesh.canonical import TRIANGLES, VERTICES
from realtime.runtime.arrays import Floats

__all__ = ["towards_camera"]

_CORNERS: Final = np.ascontiguousarray(TRIANGLES.T).ravel()


def towards_camera(mesh: Floats) -> Floats:
    """By which share the normal of each vertex of ``mesh``, float32 (468, 3), points at the camera: float32, -1..1."""
    a, b, c = np.take(mesh.T, TRIANGLES.T, axis=1).transpose(1, 0, 2)  # (3, T) each
    (x, y, z), (x_c, y_c, z_c) = b - a, c - a
    crossed = (y * z_c - z * y_c, z * x_c - x * z_c, x * y_c - y * x_c)
    normals = np.stack([np.bincount(_CORNERS, np.tile(each, 3), VERTICES) for each in crossed])
    towards = -normals[2] / np.maximum(np.sqrt((normals * normals).sum(axis=0)), 1e-6)
    return np.asarray(towards * np.sign(towards.mean()), np.float32)
