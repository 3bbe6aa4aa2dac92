"""Frowns and folds, which a still texture lacks: how the performer's skin differs in brightness from its own mean.

Read in the atlas, so that a fold stays on its place of the face however the head turns (an expression ratio image).
"""

from dataclasses import dataclass
from functools import cache
from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.media.resample import looked_up
from realtime.mesh.atlas import ATLAS
from realtime.mesh.canonical import TRIANGLES
from realtime.mesh.raster import rasterise
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
    """For the atlas' pixels: the corners of their triangles (3, SIDE, SIDE), what each weighs; and where skin is."""

    corners: NDArray[np.int32]
    shares: Floats
    skin: Floats
    spread: Floats

    def of(self, values: Floats) -> Floats:
        """What the points carry, float32 (468,), at every pixel of the atlas: float32 (SIDE, SIDE)."""
        a, b, c = np.take(values, self.corners) * self.shares
        return np.asarray(a + b + c, np.float32)


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
        half = cv2.resize(crop, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        grey = np.asarray(cv2.cvtColor(half, cv2.COLOR_RGB2GRAY), np.uint8)
        x, y = (places.of(mesh[:, axis]) * np.float32(0.5) - np.float32(0.25) for axis in (0, 1))
        luma = np.asarray(cv2.LUT(looked_up(grey, x, y), _LOG), np.float32)
        detail = np.asarray(cv2.GaussianBlur(luma - _low(luma * places.skin) / places.spread, (0, 0), 0.8), np.float32)
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
    corners = TRIANGLES[raster.numbers - 1]  # (SIDE, SIDE, 3)
    a, b, c = (points[corners[..., k]] for k in range(3))
    at = np.dstack(np.meshgrid(np.arange(SIDE), np.arange(SIDE))) - a
    to_b, to_c = b - a, c - a
    twice = to_b[..., 0] * to_c[..., 1] - to_b[..., 1] * to_c[..., 0]
    second = (at[..., 0] * to_c[..., 1] - at[..., 1] * to_c[..., 0]) / twice
    third = (to_b[..., 0] * at[..., 1] - to_b[..., 1] * at[..., 0]) / twice
    shares = np.stack([1 - second - third, second, third]) * (raster.numbers > 0)
    skin, cover = np.clip(raster.sheets(np.column_stack([SKIN, COVER]).astype(np.float32)), 0, 1)
    return _Places(
        np.ascontiguousarray(np.moveaxis(corners, 2, 0)),
        shares.astype(np.float32),
        skin * cover,
        np.maximum(_low(skin * cover), np.float32(0.02)),
    )


_LOG = np.log(np.arange(256, dtype=np.float32) + 8)
