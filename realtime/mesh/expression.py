"""What of a face's shape is expression and what is the person, estimated from one mesh by statistics.

``models/recipes/expression.py`` learns them. The estimate is linear, so that small motions stay small.
"""

from pathlib import Path
from typing import Final

import numpy as np

from realtime.mesh.canonical import VERTICES
from realtime.runtime.arrays import Floats

__all__ = ["NEUTRAL", "expression_of"]

_ASSET: Final = Path(__file__).parent.parent / "assets" / "expression.npz"


def _load() -> tuple[Floats, Floats, Floats]:
    with np.load(_ASSET) as arrays:
        neutral, read, write = (arrays[name].astype(np.float32) for name in ("neutral", "read", "write"))
    for array in (neutral, read, write):
        array.setflags(write=False)  # everybody shares them
    return neutral, read, write


_STATISTICS: Final = _load()
#: The mean face at rest, symmetric, float32 (468, 3) in face axes: those of ``canonical``, in about centimetres.
NEUTRAL: Final = _STATISTICS[0]


def expression_of(shape: Floats) -> Floats:
    """By how much ``shape``, float32 (468, 3) in face axes, is displaced by its expression: float32 (468, 3)."""
    _, read, write = _STATISTICS
    return np.asarray((write @ (read @ (shape - NEUTRAL).ravel())).reshape(VERTICES, 3), np.float32)
