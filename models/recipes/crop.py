"""Crops of still pictures."""

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.media.affine import scale_of
from realtime.runtime.arrays import Bytes, Matrix

__all__ = ["crop_still", "turned"]


def crop_still(picture: Bytes, frame_to_crop: Matrix, size: int) -> Bytes:
    """A crop of a still picture, uint8 (S, S, 3), with more care than frames have time for.

    Blurred first where it shrinks, cubic where it grows; its edges are replicated.
    """
    scale = scale_of(frame_to_crop)
    if scale < 1:
        sigma = 0.5 * np.sqrt(1 / scale**2 - 1) + 1e-3
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma), np.uint8)
    flags = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_LINEAR
    crop = cv2.warpAffine(picture, frame_to_crop, (size, size), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(crop, np.uint8)


def turned(angle: float, zoom: float) -> NDArray[np.float64]:
    """The rotation by ``angle`` in radians, clockwise as one looks at it, times ``zoom``: float64 (2, 2)."""
    return zoom * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
