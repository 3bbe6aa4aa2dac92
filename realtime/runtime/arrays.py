"""Names for the arrays that cross module borders. Shapes and ranges stand in each function's docstring."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Bytes", "Floats", "Matrix", "Points"]

#: uint8, pictures and masks in 0..255.
Bytes: TypeAlias = NDArray[np.uint8]
#: float32, pictures and masks in 0..1 unless said otherwise.
Floats: TypeAlias = NDArray[np.float32]
#: float32 (N, 2), points (x, y) in pixels; the centre of the top-left pixel is (0, 0).
Points: TypeAlias = NDArray[np.float32]
#: float64 (2, 3), an affine map of points: ``p -> M[:, :2] @ p + M[:, 2]``.
Matrix: TypeAlias = NDArray[np.float64]
