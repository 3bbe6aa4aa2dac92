"""Beyond the face's outline and within it: rings of points around the face, and how far the outline's motion reaches.

What moves the outline moves the picture around it, too, less and less, and nothing at the last ring.
"""

from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from typing import Final

import numpy as np

from realtime.mesh.canonical import TRIANGLES, VERTICES, Triangles
from realtime.mesh.expression import NEUTRAL
from realtime.mesh.vertices import OVAL
from realtime.runtime.arrays import Floats, Points

__all__ = ["AROUND", "ring_triangles", "rings", "spread", "spread_over"]

#: The outline's vertices in order, int64 (36,).
AROUND: Final = np.array(OVAL)
#: How soon the outline's motion fades inwards: 0 would carry it to the middle of the face.
FADE: Final = 0.06


def rings(outline: Points, sizes: Sequence[float]) -> Points:
    """Rings around a face: its outline, float32 (36, 2), made larger about its middle by each of ``sizes``.

    Returns float32 (36 * len(sizes), 2), ring after ring.
    """
    middle = outline.mean(axis=0)
    return np.concatenate([middle + size * (outline - middle) for size in sizes]).astype(np.float32)


def ring_triangles(count: int) -> Triangles:
    """Triangles between the outline and ``count`` rings whose points follow those of the mesh: int32 (72 * count, 3).

    Point k of ring n is ``468 + 36 n + k``. They show their outer side where the rings do not fold.
    """
    loops = [AROUND, *(VERTICES + len(AROUND) * ring + np.arange(len(AROUND)) for ring in range(count))]
    bands = []
    for inner, outer in pairwise(loops):
        onward, beyond = np.roll(inner, -1), np.roll(outer, -1)
        bands += [np.stack([inner, onward, outer], axis=1), np.stack([onward, beyond, outer], axis=1)]
    return np.concatenate(bands).astype(np.int32)


@cache
def spread() -> Floats:
    """``spread_over`` the face at rest, read-only."""
    shares = spread_over(NEUTRAL)
    shares.setflags(write=False)  # everybody shares it
    return shares


def spread_over(shape: Floats) -> Floats:
    """How the outline's motion spreads over a face of ``shape``, float32 (468, 3) in face axes: float32 (468, 36).

    1 on the outline, fading inwards within some centimetres: the smooth solution of a screened Laplace equation over
    the mesh.
    """
    weights = np.zeros((VERTICES, VERTICES))
    for a, b in ((0, 1), (1, 2), (2, 0)):
        i, j = TRIANGLES[:, a], TRIANGLES[:, b]
        weights[i, j] = weights[j, i] = 1 / np.maximum(np.linalg.norm(shape[i] - shape[j], axis=1), 1e-3)
    degree = weights.sum(axis=1)
    area = 1 / degree
    laplace = np.diag(degree) - weights + np.diag(area / area.mean() * FADE)
    inner = np.setdiff1d(np.arange(VERTICES), AROUND)
    shares = np.zeros((VERTICES, len(AROUND)), np.float32)
    shares[inner] = np.linalg.solve(laplace[np.ix_(inner, inner)], -laplace[np.ix_(inner, AROUND)])
    shares[AROUND, np.arange(len(AROUND))] = 1
    return shares
