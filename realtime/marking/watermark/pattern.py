"""The pattern: which part of the picture is made lighter or darker by which bit.

A plane of square chips with its middle on the middle of the picture *as shown*, measured in shares of the picture's
shorter side: a copy of another size has the same pattern, and what is cut off evenly on two sides changes
nothing. Half of the chips are the same in every picture (the *pilot*, by which the reader finds its way); each of
the others carries one of the 64 bits. Chips, signs and places come from SHAKE-256, so that they are the
same for ever and on every machine, and have nothing to do with any picture.
"""

from dataclasses import dataclass
from functools import lru_cache
from hashlib import shake_256
from typing import Final

import cv2
import numpy as np

from realtime.marking.watermark.code import LENGTH
from realtime.runtime.arrays import Bytes, Floats, Matrix

__all__ = ["COARSE", "FINE", "PILOT", "TILE", "TileLayout", "chip_roles", "chip_signs", "pilot_chips", "render"]

#: Chips a side of the square that repeats; only very wide pictures, and small chips, show more than one of it.
TILE: Final = 256

#: The role of the chips that carry no bit; the others' roles are 0..63.
PILOT: Final = LENGTH

# Blocks in which half of the chips are pilots and each bit has one chip.
_BLOCK_WIDTH, _BLOCK_HEIGHT = 16, 8


@dataclass(frozen=True, slots=True)
class TileLayout:
    """How large chips are: ``chips`` to the picture's shorter side.

    No chip is smaller than a pixel: in a picture with a shorter side of fewer pixels there are fewer chips.
    """

    chips: int

    def step(self, width: int, height: int) -> float:
        """Chips a pixel, in a picture of this size."""
        return min(self.chips / min(width, height), 1)

    def to_tile(self, width: int, height: int) -> Matrix:
        """The matrix, float64 (2, 3), from shown pixels to chips of the tile, whole numbers in their middles."""
        step = self.step(width, height)
        return np.array([[step, 0, TILE / 2 - (width - 1) / 2 * step], [0, step, TILE / 2 - (height - 1) / 2 * step]])


#: Over the whole picture, where an encoder changes every pixel anyway: chips that H.264 keeps.
COARSE: Final = TileLayout(80)

#: In the faces alone, where the encoder is lossless: many small chips in little room.
FINE: Final = TileLayout(240)


@lru_cache(maxsize=1)
def chip_signs() -> Floats:
    """1 or -1 for each chip of the tile, float32 (256, 256)."""
    bits = np.unpackbits(np.frombuffer(_stream("signs", TILE * TILE // 8), np.uint8))
    return 1 - 2 * bits.reshape(TILE, TILE).astype(np.float32)


@lru_cache(maxsize=1)
def chip_roles() -> Bytes:
    """The bit, 0..63, that each chip of the tile carries, or ``PILOT``; uint8 (256, 256)."""
    rows, columns, size = TILE // _BLOCK_HEIGHT, TILE // _BLOCK_WIDTH, _BLOCK_HEIGHT * _BLOCK_WIDTH
    lots = np.frombuffer(_stream("roles", rows * columns * size * 8), "<u8").reshape(-1, size)
    roles = np.minimum(lots.argsort(axis=1, kind="stable"), PILOT).astype(np.uint8)
    blocks = roles.reshape(rows, columns, _BLOCK_HEIGHT, _BLOCK_WIDTH)
    return blocks.swapaxes(1, 2).reshape(TILE, TILE)


@lru_cache(maxsize=1)
def pilot_chips() -> Floats:
    """1 or -1 for each chip of the pilot and 0 for all others, float32 (256, 256)."""
    return np.asarray(chip_signs() * (chip_roles() == PILOT), np.float32)


def render(chips: Floats, to_tile: Matrix, size: tuple[int, int]) -> Floats:
    """``chips``, float32 (256, 256), seen through ``to_tile``: float32 (H, W) for ``size`` = (width, height).

    Flat in the chips' middles, with a slope between them.
    """
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    slopes = cv2.warpAffine(chips, to_tile, size, flags=flags, borderMode=cv2.BORDER_WRAP)
    return np.asarray(np.clip(slopes * 2, -1, 1), np.float32)


def _stream(what: str, length: int) -> bytes:
    return shake_256(f"mummer watermark 1: {what}".encode()).digest(length)
