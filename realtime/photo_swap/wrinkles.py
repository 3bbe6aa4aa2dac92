"""Frowns and folds, which a still texture lacks: how the performer's skin differs in brightness from its own mean.

Read in the atlas, so that a fold stays on its place of the face however the head turns (an expression ratio image).
"""

from dataclasses import dataclass
from functools import cache
from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.mesh.atlas import ATLAS
from realtime.mesh.canonical import TRIANGLES
from realtime.mesh.raster import rasterise
from realtime.photo_swap.lookup import look_up
from realtime.photo_swap.zones import COVER, SKIN
from realtime.runtime.arrays import Bytes, Floats

__all__ = ["SIDE", "Wrinkles"]

#: Side of the atlas that is read.
SIDE: Final = 64
GAIN: Final = 0.8
#: Logarithms of brightness that are believed.
DARKEST, BRIGHTEST = -0.5, 0.4
#: The mean's memory: a frame counts for no less than this share.
SLOWEST: Final = 0.01


class _Places(NamedTuple):
    """For the atlas' pixels on the face: their numbers, the triangles' corners, what each weighs; and where skin is."""

    pixels: NDArray[np.int64]
    corners: NDArray[np.int32]
    shares: Floats
    skin: Floats
    spread: Floats


@dataclass(slots=True)
class Wrinkles:
    """What is known of one performer's skin from ``count`` frames."""

    mean: Floats | None = None
    count: int = 0

    def read(self, crop: Bytes, mesh: Floats) -> Floats:
        """By what to multiply the photograph's brightness, float32 (SIDE, SIDE) in the atlas.

        ``crop`` is uint8 (S, S, 3) RGB, ``mesh`` float32 (468, 3) in its pixels.
        """
        places = _places()
        there = np.zeros((SIDE * SIDE, 2), np.float32)
        there[places.pixels] = np.einsum("nk,nkd->nd", places.shares, mesh[places.corners, :2])
        half = cv2.resize(crop, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        grey = np.asarray(cv2.cvtColor(half, cv2.COLOR_RGB2GRAY), np.uint8)
        seen = look_up(grey, there.reshape(SIDE, SIDE, 2) * np.float32(0.5) - np.float32(0.25))
        luma = _LOG[seen]
        detail = cv2.GaussianBlur(luma - _low(luma * places.skin) / places.spread, (0, 0), 0.8)
        self.count += 1
        self.mean = detail if self.mean is None else self.mean + max(1 / self.count, SLOWEST) * (detail - self.mean)
        change = np.clip(detail - self.mean, DARKEST, BRIGHTEST) * places.skin
        return np.asarray(np.exp(GAIN * change), np.float32)


def _low(picture: Floats) -> Floats:
    small = cv2.resize(picture, (SIDE // 4, SIDE // 4), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(cv2.GaussianBlur(small, (0, 0), 1.8), (SIDE, SIDE)), np.float32)


@cache
def _places() -> _Places:
    points = ATLAS * SIDE - 0.5
    raster = rasterise(points, TRIANGLES, SIDE)
    pixels = np.flatnonzero(raster.numbers.ravel())
    corners = TRIANGLES[raster.numbers.ravel()[pixels] - 1]
    a, b, c = (points[corners[:, k]] for k in range(3))
    at = np.stack([pixels % SIDE, pixels // SIDE], axis=1) - a
    to_b, to_c = b - a, c - a
    twice = to_b[:, 0] * to_c[:, 1] - to_b[:, 1] * to_c[:, 0]
    second = (at[:, 0] * to_c[:, 1] - at[:, 1] * to_c[:, 0]) / twice
    third = (to_b[:, 0] * at[:, 1] - to_b[:, 1] * at[:, 0]) / twice
    shares = np.stack([1 - second - third, second, third], axis=1).astype(np.float32)
    zones = np.clip(raster.interpolate(np.column_stack([SKIN, COVER]).astype(np.float32)), 0, 1)
    skin = np.asarray(zones[..., 0] * zones[..., 1], np.float32)
    return _Places(pixels, corners, shares, skin, np.maximum(_low(skin), np.float32(0.02)))


_LOG = np.log(np.arange(256, dtype=np.float32) + 8)
