"""What light does on a face that frowns: the performer's folds, as how much darker or lighter than at rest.

An expression ratio image (Liu, Shan and Zhang 2001) of low resolution, over the canonical texture.
"""

from typing import Final

import cv2
import numpy as np

from realtime.mesh.canonical import POINTS, TRIANGLES, UV
from realtime.mesh.raster import rasterise
from realtime.mesh.vertices import BROWS, EYES, INNER_LIPS, OUTER_LIPS
from realtime.photo_swap.lookup import look_up
from realtime.puppet.performer import Performer
from realtime.runtime.arrays import Bytes, Floats

__all__ = ["Folds"]

#: Side of the map in pixels.
SIZE: Final = 72
#: How much of it is shown, and logarithms of light that it never passes.
STRENGTH: Final = 0.8
DARKEST, LIGHTEST = -0.30, 0.18
#: The mean that it is compared with follows this share of each frame, once it is settled.
FOLLOWS: Final = 0.01


def _skin() -> Floats:
    """Which points are skin that folds, float32 (468,): no lids, brows, lips, and not the rim."""

    def near(which: list[int], reach: float) -> Floats:
        apart = np.linalg.norm(POINTS[:, None, :2] - POINTS[None, which, :2], axis=2).min(axis=1)
        return np.asarray(np.clip(1.6 * np.clip(1 - apart / reach, 0, 1), 0, 1), np.float32)

    brows = [point for brow in BROWS for edge in brow for point in edge]
    lids = [point for eye in EYES for point in eye]
    features = np.max([near(brows, 0.9), near(lids, 0.9), near([*OUTER_LIPS, *INNER_LIPS], 0.8)], axis=0)
    middle = 1.25 - ((POINTS[:, 0] / 6.2) ** 4 + ((POINTS[:, 1] - 0.6) / 8.2) ** 4)
    return np.asarray((1 - features) * np.clip(middle, 0, 1), np.float32)


class Folds:
    """Reads a performer's folds, frame by frame."""

    def __init__(self) -> None:
        raster = rasterise(UV * SIZE - 0.5, TRIANGLES, SIZE)
        seen = raster.numbers > 0
        corners = TRIANGLES[np.maximum(raster.numbers - 1, 0)]  # (S, S, 3)
        x, y = np.meshgrid(np.arange(SIZE), np.arange(SIZE))
        a, b, c = (raster.points[corners[..., corner]].astype(np.float64) for corner in range(3))
        to_b, to_c, to_p = b - a, c - a, np.dstack([x, y]) - a
        twice = to_b[..., 0] * to_c[..., 1] - to_b[..., 1] * to_c[..., 0]
        twice[np.abs(twice) < 1e-9] = 1.0
        u = (to_p[..., 0] * to_c[..., 1] - to_p[..., 1] * to_c[..., 0]) / twice
        v = (to_b[..., 0] * to_p[..., 1] - to_b[..., 1] * to_p[..., 0]) / twice
        self._corners = corners
        self._shares = (np.dstack([1 - u - v, u, v]) * seen[..., None]).astype(np.float32)
        self._skin = np.clip(raster.interpolate(_skin()[:, None])[..., 0], 0, 1) * seen.astype(np.float32)
        self._weight = np.maximum(_wide(self._skin), 0.02)
        self.forget()

    def forget(self) -> None:
        """Another performer, or another rest: what a face without folds looks like is learnt anew."""
        self._mean: Floats | None = None
        self._count = 0

    def __call__(self, performer: Performer) -> Floats:
        """How much lighter the skin is than usual, as logarithms over the canonical texture: float32 (S, S)."""
        light = self._light(performer.picture, performer.mesh)
        self._count += 1
        if self._mean is None:
            self._mean = light
        else:
            self._mean = self._mean + (light - self._mean) * np.float32(max(1 / self._count, FOLLOWS))
        return np.asarray(
            np.clip(light - self._mean, DARKEST, LIGHTEST) * self._skin * np.float32(STRENGTH), np.float32
        )

    def _light(self, picture: Bytes, mesh: Floats) -> Floats:
        """Logarithms of light without what is broad, as lamps and turning heads make it: float32 (S, S)."""
        zoom = min(1.0, 200 / len(picture))
        small = cv2.resize(picture, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA)
        places = (mesh[self._corners, :2] * self._shares[..., None]).sum(axis=2)  # (S, S, 2)
        places = ((places + 0.5) * np.float32(zoom) - 0.5).astype(np.float32)
        grey = look_up(np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.uint8), places)
        light = np.log(grey.astype(np.float32) + 8)
        return np.asarray(cv2.GaussianBlur(light - _wide(light * self._skin) / self._weight, (0, 0), 1.0), np.float32)


def _wide(values: Floats) -> Floats:
    """``values``, float32 (S, S), blurred over much of a cheek."""
    small = cv2.resize(values, (SIZE // 4, SIZE // 4), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(cv2.GaussianBlur(small, (0, 0), SIZE / 36), (SIZE, SIZE)), np.float32)
