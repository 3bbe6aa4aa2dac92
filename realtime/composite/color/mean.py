"""The swapped face takes on the mean and the spread of luma and colour of the face it replaces.

Reinhard et al., "Color Transfer between Images" (2001), over luma and colour differences in place of their
l-alpha-beta: these are one matrix away from RGB, so that the whole transfer is a single affine map of RGB.
"""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.composite.mask import inside
from realtime.runtime.arrays import Bytes

__all__ = ["transfer"]

#: How far contrast and saturation may be changed, as a factor and as its inverse.
LIMIT: Final = 1.6

# RGB to luma and the differences of red and blue from it, as OpenCV has them (BT.601).
_BASIS: Final = np.diag([1, 0.713, 0.564]) @ [
    [0.299, 0.587, 0.114],
    [0.701, -0.587, -0.114],
    [-0.299, -0.587, 0.886],
]
_BACK: Final = np.linalg.inv(_BASIS)


def transfer(swapped: Bytes, crop: Bytes, mask: Bytes) -> Bytes:
    """One affine map for all of the face, from the statistics inside the mask."""
    face = inside(mask)
    if face is None:
        return swapped
    our_mean, our_spread = _statistics(swapped, face)
    their_mean, their_spread = _statistics(crop, face)
    gain = np.clip((their_spread + 1) / (our_spread + 1), 1 / LIMIT, LIMIT)
    linear = _BACK @ (gain[:, None] * _BASIS)
    shift = _BACK @ (their_mean - gain * our_mean)
    return np.asarray(cv2.transform(swapped, np.column_stack([linear, shift])), np.uint8)


def _statistics(rgb: Bytes, face: Bytes) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and standard deviation of luma and colour differences inside the mask, float64 (3,) each."""
    mean, spread = cv2.meanStdDev(cv2.cvtColor(rgb, cv2.COLOR_RGB2YCrCb), mask=face)
    # OpenCV's differences are about 128.
    return np.ravel(mean).astype(np.float64) - (0, 128, 128), np.ravel(spread).astype(np.float64)
