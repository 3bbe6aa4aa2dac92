"""The model's mask made into the alpha that the paste blends with: drawn in from the edge, and feathered.

A mask blurred with a kernel of width w crosses one half at its edge and reaches one w/2 further in. Read off
from there, the blur gives an alpha that starts at nothing on the mask's edge and is whole at the feather's
depth. It swallows pinholes and crumbs, and shows nothing from beyond a straight edge.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from realtime.runtime.arrays import Bytes
from realtime.runtime.errors import UsageError

__all__ = ["BLENDS", "Blend", "inside", "open_blend"]

#: Pixels count as face above this mask value.
HALF: Final = 127
#: Faces of fewer pixels have no statistics.
LEAST: Final = 64


def inside(mask: Bytes) -> Bytes | None:
    """The pixels of a mask, uint8 (S, S), that are face: 255 there and else 0. None where they are too few to go by."""
    face = np.asarray(cv2.threshold(mask, HALF, 255, cv2.THRESH_BINARY)[1], np.uint8)
    return face if cv2.countNonZero(face) >= LEAST else None


@dataclass(frozen=True, slots=True)
class Blend:
    """How a mask's edge is treated: ``erode`` is cut off, ``feather`` fades; in shares of the crop's side."""

    erode: float = 0.0
    feather: float = 0.03

    def alpha(self, mask: Bytes) -> Bytes:
        """The alpha, uint8 (S, S), of a mask, uint8 (S, S) with 255 on the face.

        It is exactly 0 on the crop's border, whatever the mask says there, so that nothing is ever cut hard.
        """
        side = min(mask.shape)
        cut = round(self.erode * side)
        if cut > 0:
            square = np.ones((2 * cut + 1, 2 * cut + 1), np.uint8)
            mask = np.asarray(cv2.erode(mask, square, borderType=cv2.BORDER_CONSTANT, borderValue=0.0), np.uint8)
        # Two boxes make a tent: its reach is the sum of theirs, and beyond the crop there is no mask.
        half = max(1, round(self.feather * side / 2))
        box = (2 * half + 1, 2 * half + 1)
        for _ in range(2):
            mask = np.asarray(cv2.blur(mask, box, borderType=cv2.BORDER_CONSTANT), np.uint8)
        alpha: Bytes = np.asarray(cv2.LUT(mask, _RAMP), np.uint8)
        alpha[(0, -1), :] = 0
        alpha[:, (0, -1)] = 0
        return alpha


def _ramp() -> Bytes:
    """0 up to one half, then a smooth step up to 255."""
    inside = np.clip((np.arange(256) - 127.5) / 127.5, 0, 1)
    ramp: Bytes = np.rint(255 * inside * inside * (3 - 2 * inside)).astype(np.uint8)
    return ramp


_RAMP: Final = _ramp()

#: The presets by name.
BLENDS: Final = {
    "normal": Blend(),
    "soft": Blend(feather=0.1),
    "tight": Blend(feather=0.01),
    "inner": Blend(erode=0.04, feather=0.08),
}


def open_blend(name: str) -> Blend:
    """The preset of that name; ``UsageError`` where there is none."""
    try:
        return BLENDS[name]
    except KeyError:
        raise UsageError(f"there is no blend named {name!r}; choose one of {', '.join(BLENDS)}") from None
