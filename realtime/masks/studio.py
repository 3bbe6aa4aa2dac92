"""The light that a mask is seen in, as tables over the directions that a surface can face: a small studio.

A table is uint8 (256, 256, 4) over the normal's x and y in the picture, -1..1 each; what faces away from the viewer
takes the value of the rim. Its RGB is mirrored, and added; its fourth channel is light on what is matt, 128 where that
is as bright as its own colour says. How bright the scene is, and from where its light falls, comes on top, from the
frame.
"""

from functools import cache
from typing import Final

import numpy as np

from realtime.runtime.arrays import Bytes, Floats

__all__ = ["SIDE", "metal", "polished"]

SIDE: Final = 256


@cache
def _facing() -> tuple[Floats, Floats]:
    """The normal of each entry, and the direction that is mirrored towards the viewer: float32 (256, 256, 3) both."""
    y, x = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j].astype(np.float32)
    length = np.maximum(np.hypot(x, y), 1e-6)
    shrink = np.minimum(1, 0.999 / length)
    x, y = x * shrink, y * shrink
    normal = np.stack([x, y, -np.sqrt(1 - x * x - y * y)], axis=-1)
    view = np.array([0, 0, -1], np.float32)
    mirrored = 2 * (normal @ view)[..., None] * normal - view
    return normal.astype(np.float32), mirrored.astype(np.float32)


def _towards(*direction: float) -> Floats:
    vector = np.array(direction, np.float32)
    return vector / np.linalg.norm(vector)


#: x to the right, y down, z away from the viewer.
KEY: Final = _towards(-0.50, -0.75, -0.85)
FILL: Final = _towards(0.85, -0.10, -0.60)
SKY: Final = _towards(0.10, -1.00, -0.30)


def polished(sharpness: float, strength: float, rim: float) -> Bytes:
    """A surface with highlights: the greater ``sharpness``, the smaller they are; ``rim`` is what shows edge-on."""
    normal, mirrored = _facing()
    light = np.zeros((SIDE, SIDE), np.float32)
    for direction, gain, spread in ((KEY, 1.0, 1.0), (FILL, 0.35, 0.6), (SKY, 0.35, 0.4)):
        light += gain * np.clip(mirrored @ direction, 0, 1) ** (sharpness * spread)
    light += rim * (1 + normal[..., 2]) ** 4  # Fresnel: what is seen edge-on mirrors more
    return _table(np.repeat(strength * light[..., None], 3, axis=2))


def metal(tint: tuple[float, float, float], polish: float) -> Bytes:
    """A metal of the colour ``tint``, which mirrors large soft lamps, a bright sky and a dark floor."""
    _, mirrored = _facing()
    x, y, z = np.moveaxis(mirrored, -1, 0)
    light = 0.16 + 0.34 * _step(-y, -0.1, 0.9 / polish) + 0.10 * np.clip(y, 0, 1)
    light = light + 1.05 * _step(mirrored @ KEY, 0.72, 0.22 / polish)  # a large lamp
    light = light + 0.55 * _step(x, 0.62, 0.2 / polish) * _step(-np.abs(y + 0.1), -0.65, 0.3)  # a strip beside
    light = light + 0.35 * _step(-x, 0.80, 0.15 / polish)
    light = light * (1 - 0.5 * _step(y, 0.35, 0.4 / polish)) * (1 - 0.25 * np.clip(z, 0, 1))
    # A metal's colour is that of its mirror image, and pales where it is brightest.
    rgb = light[..., None] ** (1 / 1.5) * np.power(np.array(tint, np.float32), 1 / (0.55 + light[..., None]))
    return _table(0.80 * rgb)


def _step(value: Floats, middle: float, width: float) -> Floats:
    share = np.clip((value - middle) / width + 0.5, 0, 1)
    return np.asarray(share * share * (3 - 2 * share), np.float32)


def _table(mirrors: Floats) -> Bytes:
    normal, _ = _facing()
    matt = 0.42 * np.clip(normal @ KEY, 0, 1) + 0.15 * np.clip(normal @ FILL, 0, 1) + 0.50 - 0.08 * normal[..., 1]
    return np.asarray(np.rint(np.clip(np.dstack([mirrors, 0.48 * matt]), 0, 1) * 255), np.uint8)
