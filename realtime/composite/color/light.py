"""The swapped face follows the brightness of the face it replaces a little, and keeps its own colours.

For identities whose material is their point: bronze in a dark room is dark bronze, not skin.
"""

from typing import Final

import cv2
import numpy as np

from realtime.composite.mask import inside
from realtime.runtime.arrays import Bytes

__all__ = ["transfer"]

#: Exponent of the ratio of brightnesses: 0 would ignore the shot, 1 would match it.
STRENGTH: Final = 0.35
#: The gain stays within 1/LIMIT..LIMIT.
LIMIT: Final = 1.35


def transfer(swapped: Bytes, crop: Bytes, mask: Bytes) -> Bytes:
    """One gain for all of the face, from the mean lumas inside the mask."""
    face = inside(mask)
    if face is None:
        return swapped
    ours = cv2.mean(cv2.cvtColor(swapped, cv2.COLOR_RGB2GRAY), mask=face)[0]
    theirs = cv2.mean(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), mask=face)[0]
    gain = ((theirs + 1) / (ours + 1)) ** STRENGTH
    gain = min(max(gain, 1 / LIMIT), LIMIT)
    return np.asarray(cv2.convertScaleAbs(swapped, alpha=gain), np.uint8)
