"""OpenCV's functions on small pictures, with types."""

from typing import TypeVar, cast

import cv2
import numpy as np

from realtime.runtime.arrays import Bytes, Floats

__all__ = ["blurred", "sized", "split"]

_Picture = TypeVar("_Picture", Floats, Bytes)


def sized(picture: _Picture, size: int) -> _Picture:
    """``picture`` (H, W) or (H, W, C) with ``size`` x ``size`` pixels: means where it shrinks, bilinear else."""
    way = cv2.INTER_AREA if size < len(picture) else cv2.INTER_LINEAR
    return cast(_Picture, cv2.resize(picture, (size, size), interpolation=way))


def blurred(picture: Floats, sigma: float) -> Floats:
    """``picture`` (H, W) or (H, W, C) under a Gaussian of ``sigma`` pixels."""
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma), np.float32)


def split(picture: object) -> list[Floats]:
    """The channels of a picture, float32 (H, W) each."""
    return list(cast(tuple[Floats, ...], cv2.split(cast(Floats, picture))))
