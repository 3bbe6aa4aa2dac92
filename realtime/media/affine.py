"""Affine maps of the plane.

A matrix named ``a_to_b`` is float64 (2, 3) and maps points (x, y) of a, in pixels, to b; (0, 0) is the centre of the
top-left pixel.
"""

from math import sqrt

import numpy as np

from realtime.runtime.arrays import Matrix, Points

__all__ = ["apply", "compose", "invert", "scale_of", "translation"]


def apply(matrix: Matrix, points: Points) -> Points:
    """Map points, float32 (N, 2), through ``matrix``; returns float32 (N, 2)."""
    return (points @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)


# Written out, since they are asked for by the dozen for every frame: numpy takes longer to begin than these to end.


def invert(matrix: Matrix) -> Matrix:
    """The map back: ``a_to_b`` becomes ``b_to_a``. Raises ``numpy.linalg.LinAlgError`` for a singular one."""
    (a, b, x), (c, d, y) = matrix.tolist()
    det = a * d - b * c
    if det == 0:
        raise np.linalg.LinAlgError("a map onto a line has no way back")
    return np.array(((d / det, -b / det, (b * y - d * x) / det), (-c / det, a / det, (c * x - a * y) / det)))


def scale_of(matrix: Matrix) -> float:
    """Length in b of one pixel of a, for a similarity ``a_to_b``."""
    (a, b, _), (c, d, _) = matrix.tolist()
    return sqrt(abs(a * d - b * c))


def compose(a_to_b: Matrix, b_to_c: Matrix) -> Matrix:
    """First ``a_to_b``, then ``b_to_c``: the matrix ``a_to_c``, float64 (2, 3)."""
    (a, b, x), (c, d, y) = a_to_b.tolist()
    (e, f, u), (g, h, v) = b_to_c.tolist()
    return np.array(
        (
            (e * a + f * c, e * b + f * d, e * x + f * y + u),
            (g * a + h * c, g * b + h * d, g * x + h * y + v),
        )
    )


def translation(x: float, y: float) -> Matrix:
    """The matrix that adds (x, y)."""
    return np.array([[1.0, 0.0, x], [0.0, 1.0, y]])
