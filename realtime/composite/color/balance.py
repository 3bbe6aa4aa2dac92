"""The swapped face takes on the tint of the light: one gain a channel, as a camera's white balance sets it.

A gain leaves black black and keeps the contrast of eyes and lips, where a shift would tint them (von Kries 1902, on RGB
as it is coded).
"""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.composite.mask import inside
from realtime.runtime.arrays import Bytes

__all__ = ["transfer"]

#: Exponent of the ratio of means: 0 would ignore the shot, 1 would give the face the mean colour of what it replaces.
STRENGTH: Final = 0.8
#: A gain stays within 1/LIMIT..LIMIT.
LIMIT: Final = 1.8


def transfer(swapped: Bytes, crop: Bytes, mask: Bytes) -> Bytes:
    """Three gains for all of the face, from the mean colours inside the mask."""
    face = inside(mask)
    if face is None:
        return swapped
    gain = np.clip((_mean(crop, face) / _mean(swapped, face)) ** STRENGTH, 1 / LIMIT, LIMIT)
    return np.asarray(cv2.transform(swapped, np.diag(gain)), np.uint8)


def _mean(rgb: Bytes, face: Bytes) -> NDArray[np.float64]:
    """Mean colour inside the mask, float64 (3,), above 0."""
    return np.array(cv2.mean(rgb, mask=face)[:3]) + 1
