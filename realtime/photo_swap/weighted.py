"""Means around each pixel in which some pixels count more than others."""

from typing import Final

import cv2
import numpy as np

from realtime.runtime.arrays import Floats

__all__ = ["weighted_mean"]

#: Where less than this counts, there is no mean.
LEAST: Final = np.float32(1e-4)


def weighted_mean(values: Floats, weight: Floats, sigma: float) -> Floats:
    """The mean of ``values``, float32 (H, W, 3), around each pixel, by a Gaussian of ``sigma`` pixels.

    ``weight``, float32 (H, W) in 0..1, says how much each counts.
    """
    product, total = (cv2.GaussianBlur(each, (0, 0), sigma) for each in (values * weight[..., None], weight))
    return np.asarray(product / (total + LEAST)[..., None], np.float32)
