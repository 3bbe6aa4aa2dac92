"""What the points of the mesh carry, on the unrolled face."""

import numpy as np
from numpy.typing import NDArray

from realtime.mesh.atlas import ATLAS
from realtime.mesh.canonical import TRIANGLES
from realtime.mesh.raster import rasterise
from realtime.runtime.arrays import Floats

__all__ = ["unrolled"]


def unrolled(values: NDArray[np.floating], side: int) -> list[Floats]:
    """``values`` of the points, float (468, K) in 0..1, in the atlas: K times float32 (side, side)."""
    sheets = rasterise(ATLAS * side - 0.5, TRIANGLES, side).interpolate(values.astype(np.float32))
    return list(np.ascontiguousarray(np.moveaxis(np.clip(sheets, 0, 1), 2, 0), np.float32))
