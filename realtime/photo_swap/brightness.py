"""Light in a photograph's texture, in logarithms, where a lamp twice as bright adds the same everywhere."""

from typing import Final

import cv2
import numpy as np

from realtime.runtime.arrays import Bytes, Floats

__all__ = ["light_of", "with_light"]

#: Of black, so that logarithms end.
DARK: Final = 8


def light_of(picture: Bytes) -> Floats:
    """The logarithm of each colour of ``picture``, uint8 (H, W, 3) RGB: float32 (H, W, 3)."""
    return np.asarray(np.log(picture.astype(np.float32) + DARK), np.float32)


def with_light(texture: Bytes, change: Floats) -> Bytes:
    """``texture``, uint8 (S, S, 3) RGB, with so much more light; ``change``, float32 (s, s, 3), may be smaller."""
    factor = np.exp(np.asarray(cv2.resize(change, texture.shape[1::-1]), np.float32))
    return np.asarray(np.clip((texture.astype(np.float32) + DARK) * factor - DARK, 0, 255), np.uint8)
