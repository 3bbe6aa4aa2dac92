"""The puppet: one photograph, moved as if it had depth.

Two warps a frame: the first, on the face at rest, moves lids, brows and lips; the second turns the head and
frames the picture.
"""

from typing import Final

import cv2
import numpy as np

from realtime.demo.features import FACE, Eye, Mouth
from realtime.demo.fields import pixels, take, unwarp
from realtime.demo.gesture import Gesture
from realtime.demo.head import Head
from realtime.runtime.arrays import Bytes

__all__ = ["Puppet"]

_HEAD_X: Final = 227.0
#: The frame shows the photograph this much closer, about this point, which leaves room above the hair.
_CLOSE: Final = 1.22
_CLOSE_IN_ON: Final = (236.0, 12.0)


class Puppet:
    """Draws the portrait at any moment, as frames of ``width`` x ``height``."""

    def __init__(self, photo: Bytes, width: int, height: int) -> None:
        """``photo`` is uint8 (512, 512, 3) RGB; ``width`` and ``height`` are a frame's, in pixels."""
        self.width, self.height = width, height
        side = photo.shape[0]
        self._ratio = max(width, height) / side  # frame pixels per photograph pixel
        columns, rows = width / self._ratio, height / self._ratio
        self._origin = (min(max(_HEAD_X - columns / 2, 0.0), side - columns), 0.0)
        self._grid = (round(columns), round(rows))  # of the coarse maps

        # All drawing happens on an enlargement by a whole number, softly sharpened.
        self._scale = max(1, round(self._ratio * _CLOSE))
        large = cv2.resize(photo, None, fx=self._scale, fy=self._scale, interpolation=cv2.INTER_CUBIC)
        blurred = cv2.GaussianBlur(large, (0, 0), 0.8 * self._scale)
        self._photo = np.asarray(cv2.addWeighted(large, 1.4, blurred, -0.4, 0), np.uint8)
        self._stage = self._photo.copy()

        self._head = Head(side)
        self._mouth = Mouth()
        self._eyes = (Eye(range(36, 42)), Eye(range(42, 48)))

    def draw(self, moment: Gesture) -> Bytes:
        """The frame at ``moment``: uint8 (height, width, 3) RGB."""
        x0, y0, x1, y1 = (self._scale * edge for edge in FACE)
        face = self._photo[y0:y1, x0:x1].copy()
        for eye in self._eyes:
            eye.draw(face, self._scale, moment)
        self._stage[y0:y1, x0:x1] = self._mouth.draw(face, self._scale, moment)

        # The camera: frame pixels to the photograph, closing in on the face.
        centre = np.array(_CLOSE_IN_ON, np.float32)
        target = pixels(*self._grid) + np.asarray(self._origin, np.float32)
        target = ((target - centre) / (_CLOSE * moment.zoom) + centre).astype(np.float32)
        source = unwarp(self._head.turn(moment), target)
        maps = cv2.resize((source + 0.5) * self._scale - 0.5, (self.width, self.height))
        return take(self._stage, np.asarray(maps, np.float32))
