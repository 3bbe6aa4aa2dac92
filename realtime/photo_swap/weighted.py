"""Means around each pixel in which some pixels count more than others."""

from typing import Final

import cv2
import numpy as np

from realtime.runtime.arrays import Floats

__all__ = ["blurred", "weighted_mean"]

#: Where less than this counts, there is no mean.
LEAST: Final = np.float32(1e-4)


def blurred(values: Floats, weight: Floats, sigma: float, border: int = cv2.BORDER_REPLICATE) -> tuple[Floats, Floats]:
    """``values``, float32 (H, W, K), times ``weight``, float32 (H, W), and the weight itself, both blurred."""
    product = cv2.GaussianBlur(values * weight[..., None], (0, 0), sigma, borderType=border)
    return np.asarray(product, np.float32), np.asarray(
        cv2.GaussianBlur(weight, (0, 0), sigma, borderType=border), np.float32
    )


def weighted_mean(values: Floats, weight: Floats, sigma: float) -> Floats:
    """The mean of ``values``, float32 (H, W, K), around each pixel, by a Gaussian of ``sigma`` pixels.

    ``weight``, float32 (H, W) in 0..1, says how much each counts.
    """
    product, total = blurred(values, weight, sigma, cv2.BORDER_REFLECT_101)
    return np.asarray(product / (total + LEAST)[..., None], np.float32)
