"""Mixing colours on a sheet, and making a material of it. Colours are RGB, 0..255."""

import numpy as np

from realtime.masks.layout import inside, outline
from realtime.masks.material import Gloss
from realtime.masks.pictures import sized
from realtime.masks.relief import carve
from realtime.masks.sculpture import SHEET, veil
from realtime.runtime.arrays import Bytes, Floats

__all__ = ["cavity", "cover", "gloss", "mix", "shares", "sheet", "vector"]

Colour = tuple[float, float, float]


def vector(*numbers: float) -> Floats:
    """A few numbers, float32 (N,)."""
    return np.array(numbers, np.float32)


def shares(values: Floats) -> Floats:
    """``values`` within 0..1, float32."""
    return np.asarray(np.clip(values, 0, 1), np.float32)


def mix(low: Colour, high: Colour, share: Floats) -> Floats:
    """From ``low`` where ``share``, float32 (S, S), is 0 to ``high`` where it is 1: float32 (S, S, 3)."""
    return np.asarray(vector(*low) + (vector(*high) - vector(*low)) * shares(share)[..., None], np.float32)


def cover(color: Floats, over: Colour, share: Floats) -> Floats:
    """``color``, float32 (S, S, 3), covered by ``over`` as much as ``share`` says, float32 (S, S) of 0..1."""
    return np.asarray(color + (vector(*over) - color) * share[..., None], np.float32)


def cavity(hollow: Floats, strength: float) -> Floats:
    """How much light reaches hollows, float32 (S, S): 1 on the plane, less in grooves, a little more on ridges."""
    return np.asarray(np.exp(-strength * np.clip(8 * hollow, -0.25, 2.0)), np.float32)


def gloss(height: Floats, mirrors: Floats, table: Bytes) -> Gloss:
    """A sculpture with ``height`` on it, float32 (S, S), that mirrors as much as ``mirrors`` says, float32 (S, S)."""
    return Gloss(np.dstack([carve(height).normals, mirrors]).astype(np.float32), table)


def sheet(color: Floats) -> Bytes:
    """The sheet of a material that covers all but the eyes; ``color`` is float32 (S, S, 3)."""
    # What lies beyond the edge is the mask's shadow on the skin: black.
    shown = sized(color, SHEET) * inside(outline(SHEET) + np.float32(0.003))[..., None]
    return np.dstack([np.clip(shown, 0, 255), 255 * veil(SHEET)]).round().astype(np.uint8)
