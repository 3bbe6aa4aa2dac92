"""The light on a performer's face, told from the face itself, so that a mask on it stands in the same room.

All is measured on the mesh's sheet, where the face holds still: what is broad is light, what is narrow and changes is
the face's expression, such as a frown, and what is narrow and stays is the performer's own: brows, beard, moles.
"""

from typing import Final

import cv2
import numpy as np

from realtime.masks.layout import eyes, outline
from realtime.masks.pictures import blurred, sized
from realtime.media.resample import looked_up
from realtime.mesh.canonical import TRIANGLES, UV
from realtime.mesh.raster import Raster, rasterise
from realtime.mesh.vertices import OUTER_LIPS
from realtime.runtime.arrays import Bytes, Floats

__all__ = ["SIDE", "FaceLight"]

#: Side of the sheet that light is measured on, in pixels.
SIDE: Final = 64
#: How broad light is at least, in shares of the sheet's side.
BROAD: Final = 0.14
#: Levels of 0..255 that a lit face has usually, and how far a mask follows those that are darker or brighter.
USUAL: Final = 125.0
FOLLOWS: Final = 0.55
DARKEST, BRIGHTEST = 0.42, 1.18
#: How far the light's course over the face is followed, and within what.
COURSE: Final = 0.85
COURSE_WITHIN: Final = (0.5, 1.45)
#: How much of what is brighter than usual remains: white paint has little room above it.
GLARE: Final = 0.5
#: How strongly expressions show, and within what, in logarithms.
EXPRESSION: Final = 0.9
EXPRESSION_WITHIN: Final = (-0.40, 0.15)
#: How fast what is remembered of a face changes: each frame's share at least.
FORGETS: Final = 0.01
FLICKERS: Final = 0.25


class FaceLight:
    """What is known of the light on one face, from frame to frame."""

    def __init__(self) -> None:
        self._own: Floats | None = None
        self._light: Floats | None = None
        self._frames = 0

    def measure(self, rgb: Bytes, mesh: Floats, seen: Floats) -> Floats:
        """The light on the sheet in this frame, float32 (64, 64): 1 is a face that is lit as faces are usually.

        ``rgb`` uint8 (S, S, 3) with the face, whose ``mesh`` float32 (468, 3) is in its pixels; ``seen`` float32 (468,)
        says how much each point faces the viewer, 0..1.
        """
        small = max(16, len(rgb) // 4)
        gray = np.asarray(cv2.cvtColor(sized(rgb, small), cv2.COLOR_RGB2GRAY), np.uint8)
        at = (mesh[:, :2] + 0.5) * (small / len(rgb)) - 0.5
        x, y, there = _SHEET.sheets(np.column_stack([at, seen]).astype(np.float32))
        levels = np.log(looked_up(gray, x, y).astype(np.float32) + 8)
        weight = _SKIN * there + np.float32(1e-4)
        broad = blurred(levels * weight, BROAD * SIDE) / blurred(weight, BROAD * SIDE)
        mean = float((levels * weight).sum() / weight.sum())
        whole = np.clip(((np.exp(mean) - 8) / USUAL) ** FOLLOWS if mean > 2.2 else DARKEST, DARKEST, BRIGHTEST)
        light = np.float32(whole) * np.clip(np.exp(COURSE * (broad - mean)), *COURSE_WITHIN)
        light = np.where(light > 1, 1 + GLARE * (light - 1), light)
        self._frames += 1
        self._light = light if self._light is None else self._light + FLICKERS * (light - self._light)
        return np.asarray(self._light * self._expression(levels - broad, weight), np.float32)

    def _expression(self, narrow: Floats, weight: Floats) -> Floats:
        narrow = blurred(narrow, 1.0)
        if self._own is None:
            self._own = narrow
        change = np.clip(narrow - self._own, *EXPRESSION_WITHIN)
        self._own = self._own + max(1 / self._frames, FORGETS) * (narrow - self._own)
        return np.asarray(np.exp(EXPRESSION * change * np.clip(weight, 0, 1)), np.float32)


def _sheet() -> Raster:
    return rasterise((UV * SIDE - 0.5).astype(np.float32), TRIANGLES, SIDE)


def _skin() -> Floats:
    """Where skin is that shows light and expression, 0..1, float32 (64, 64): no eyes, no lips, nothing at the edge."""
    skin = np.clip(outline(SIDE) / np.float32(0.04), 0, 1) * np.clip(-eyes(SIDE) / np.float32(0.02), 0, 1)
    lips = np.zeros((SIDE, SIDE), np.uint8)
    cv2.fillPoly(lips, [np.rint(UV[list(OUTER_LIPS)] * SIDE - 0.5).astype(np.int32)], 255.0)
    return np.asarray(skin * (1 - cv2.GaussianBlur(lips, (0, 0), 1.2).astype(np.float32) / 255), np.float32)


_SHEET: Final = _sheet()
_SKIN: Final = _skin()
