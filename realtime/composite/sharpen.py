"""Unsharp masking of the swapped crop, which a small model leaves softer than the shot around it."""

import cv2
import numpy as np

from realtime.runtime.arrays import Bytes

__all__ = ["sharpen"]


def sharpen(rgb: Bytes, amount: float, sigma: float = 1.2) -> Bytes:
    """uint8 (H, W, 3) plus ``amount`` times what a blur of ``sigma`` pixels takes away; 0 changes nothing."""
    if amount == 0:
        return rgb
    side = 2 * round(2 * sigma) + 1
    blurred = cv2.GaussianBlur(rgb, (side, side), sigma)
    return np.asarray(cv2.addWeighted(rgb, 1 + amount, blurred, -amount, 0), np.uint8)
