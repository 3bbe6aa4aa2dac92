"""A painted mask: a picture in the mesh's texture coordinates, as its user drew it."""

from pathlib import Path
from typing import Final

import cv2
import numpy as np

from realtime.masks.material import Gloss, Material
from realtime.masks.pictures import blurred
from realtime.masks.relief import carve
from realtime.masks.sculpture import TABLE
from realtime.masks.studio import polished
from realtime.media.picture import kind_of
from realtime.media.pixel_limit import MAX_PIXELS
from realtime.media.still import read_still
from realtime.runtime.arrays import Bytes
from realtime.runtime.errors import InputError

__all__ = ["LARGEST", "painted", "read_mask"]

#: Sides of a mask's picture that are taken, in pixels; larger ones are made smaller.
SMALLEST: Final = 64
LARGEST: Final = 2048
#: A mask that covers less of the face than this hides nobody.
LEAST: Final = 0.05
#: How far colours are carried into what is see-through, in shares of the side: nothing of it is to show at an edge.
BLEED: Final = 0.01


def read_mask(path: Path, max_pixels: int = MAX_PIXELS) -> Bytes:
    """The mask in the picture ``path``: uint8 (S, S, 4) RGB and opacity.

    Raises ``InputError`` for what is no such picture. One without transparency is none: a photograph of a face is that
    person's, and needs another kind of model and a consent record.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such picture")
    kind = kind_of(path, max_pixels)
    if kind == "animated":
        raise InputError(f"{path}: moves, and a mask is one picture; save one of its frames as PNG")
    if kind == "other":
        raise InputError(f"{path}: not a picture that can be read; save the mask as PNG")
    still = read_still(path, max_pixels)
    height, width = still.samples.shape[:2]
    if width != height:
        raise InputError(
            f"{path}: is {width}x{height}, and a mask is square: paint on what `mummer mask template OUT.png` writes"
        )
    if width < SMALLEST:
        raise InputError(f"{path}: is {width}x{height}; a mask has {SMALLEST}x{SMALLEST} pixels at least")
    color, alpha = (
        None if each is None else (each >> 8 if each.dtype == np.uint16 else each).astype(np.uint8)
        for each in (still.samples, still.alpha)
    )
    assert color is not None  # noqa: S101  # a still has samples
    if color.ndim == 2:
        color = np.repeat(color[..., None], 3, axis=2)
    if alpha is None or alpha.min() == 255:
        raise InputError(
            f"{path}: is opaque everywhere, so it is no mask: leave the eyes see-through, as on what `mummer mask"
            " template OUT.png` writes; a photograph has no transparency, and needs --consent"
        )
    mask = np.dstack([color, alpha])
    if width > LARGEST:
        mask = np.asarray(cv2.resize(mask, (LARGEST, LARGEST), interpolation=cv2.INTER_AREA), np.uint8)
    if (mask[..., 3] / 255).mean() < LEAST:
        raise InputError(f"{path}: is see-through nearly everywhere, and hides nobody; paint it on opaque")
    return mask


def painted(mask: Bytes) -> Material:
    """The material of a mask, uint8 (S, S, 4): its colours on a smooth face, a little glossy."""
    height = np.zeros((TABLE, TABLE), np.float32)
    surface = np.dstack([carve(height).normals, np.full_like(height, 0.22)]).astype(np.float32)
    return Material(_bled(mask), Gloss(surface, polished(18, 0.6, 0.2)))


def _bled(mask: Bytes) -> Bytes:
    """``mask`` with the colours of what is opaque carried on into what is not."""
    size = len(mask)
    weight = np.asarray(mask[..., 3] / np.float32(255), np.float32)
    color = mask[..., :3].astype(np.float32)
    around = blurred(color * weight[..., None], BLEED * size)
    around /= np.maximum(blurred(weight, BLEED * size), 1e-3)[..., None]
    share = np.clip(4 * weight, 0, 1)[..., None]
    return np.dstack([np.clip(color * share + around * (1 - share), 0, 255).round().astype(np.uint8), mask[..., 3]])
