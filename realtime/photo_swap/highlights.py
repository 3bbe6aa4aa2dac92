"""Highlights in a photograph's texture: bright spots that are smaller than what is read as light, and so would stay.

The side of a nose that a window shines on is one: mirrored it is a strip that no light on the performer explains.
"""

from functools import cache
from typing import Final

import cv2
import numpy as np

from realtime.photo_swap.brightness import light_of, with_light
from realtime.photo_swap.unrolled import unrolled
from realtime.photo_swap.weighted import weighted_mean
from realtime.photo_swap.zones import SKIN
from realtime.runtime.arrays import Bytes, Floats

__all__ = ["without_highlights"]

#: Side of the texture in which they are looked for.
SIDE: Final = 256
#: Spots are wider than the first and narrower than the second, in its pixels: some 3 and 27 millimetres.
FINE, WIDE = 3.0, 26.0
#: By how much a spot may be brighter than what is around it, in logarithms of each colour; beyond that it goes on by no
#: more than the second.
LIMIT, BEYOND = 0.05, 0.02


def without_highlights(texture: Bytes) -> Bytes:
    """The texture, uint8 (S, S, 3) RGB, with bright spots on the skin held down, see ``LIMIT``."""
    skin = _skin()
    small = np.asarray(cv2.resize(texture, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)
    light = light_of(small)
    near, wide = (weighted_mean(light, skin, sigma) for sigma in (FINE, WIDE))
    over = np.maximum(near - wide - np.float32(LIMIT), 0)
    less = (np.float32(BEYOND) * np.tanh(over / np.float32(BEYOND)) - over) * skin[..., None]
    return with_light(texture, less)


@cache
def _skin() -> Floats:
    return unrolled(SKIN[:, None], SIDE)[0]
