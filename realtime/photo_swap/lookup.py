"""A picture read at places that a map gives for each pixel."""

from typing import Final, cast

import cv2
import numpy as np

from realtime.runtime.arrays import Bytes, Floats

__all__ = ["look_up", "look_up_values"]

#: The second map, where one has both coordinates: None, which OpenCV takes and its types do not know.
_NONE: Final = cast(Floats, None)


def look_up(picture: Bytes, places: Floats, interpolation: int = cv2.INTER_LINEAR) -> Bytes:
    """``picture``, uint8 (H, W) or (H, W, C), at ``places``, float32 (h, w, 2) in its pixels; its edge goes on."""
    there = cv2.remap(picture, places, _NONE, interpolation, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(there, np.uint8)


def look_up_values(values: Floats, places: Floats) -> Floats:
    """The same for float32."""
    there = cv2.remap(values, places, _NONE, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(there, np.float32)
