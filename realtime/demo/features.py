"""The parts of the face that move by themselves: eyes, mouth and brows.

Every movement is a displacement field, scaled by how far it goes; the fields are summed, inverted, and
sampled. Coordinates are pixels of the photograph. ``face`` is the part of it that expressions reach, enlarged
by ``scale``.
"""

from typing import Final

import cv2
import numpy as np

from realtime.demo import portrait
from realtime.demo.fields import Scalars, fine, pixels, ramp, sample, smooth_line, take, unwarp
from realtime.demo.gesture import Gesture
from realtime.runtime.arrays import Bytes, Floats, Points

__all__ = ["FACE", "Eye", "Mouth"]

#: The part of the photograph that expressions reach: x0, y0, x1, y1.
FACE: Final = (168, 60, 280, 204)
_NOSE_X: Final = 223.0
#: How far the lower lip goes down at most, in pixels.
_OPEN: Final = 7.8
_LID_REACH: Final = 6.0  # of the skin above a lid that stretches when it closes
_LASHES: Final = 2.0  # of the lid's edge, which moves without stretching
_INSIDE: Final = (46.0, 16.0, 15.0)  # RGB of an open mouth's dark
_TONGUE: Final = (128.0, 62.0, 58.0)


class Eye:
    """One eye: its lid comes down by stretching the skin above it, its iris shifts between the lids."""

    def __init__(self, landmarks: range) -> None:
        points = portrait.LANDMARKS[list(landmarks)]
        left, right = points[0], points[3]
        above = smooth_line(np.stack([left, points[1], points[2], right]))
        below = smooth_line(np.stack([left, points[5], points[4], right]))
        self._box = (
            int(left[0]) - 3, int(above[:, 1].min() - _LID_REACH) - 2,
            int(right[0]) + 4, int(below[:, 1].max()) + 5,
        )  # fmt: skip
        self._above, self._below = above, below

    def draw(self, face: Bytes, scale: int, moment: Gesture) -> None:
        """Close and turn the eye in ``face``, the enlarged face region, in place."""
        x0, y0, x1, y1 = self._box
        region = face[(y0 - FACE[1]) * scale : (y1 - FACE[1]) * scale, (x0 - FACE[0]) * scale : (x1 - FACE[0]) * scale]
        x, y = fine(x0, x1, scale), fine(y0, y1, scale)[:, None]
        above = np.interp(x, self._above[:, 0], self._above[:, 1])
        below = np.interp(x, self._below[:, 0], self._below[:, 1])
        # The eyeball: most shift in the middle, none at the lids' meeting points.
        middle, half = (self._above[0, 0] + self._above[-1, 0]) / 2, np.ptp(self._above[:, 0]) / 2
        give = np.clip(1 - ((x - middle) / half) ** 2, 0, 1)
        ball = sample(
            region, scale, x - moment.gaze[0] * give + 0 * y, y - moment.gaze[1] * give, (x0, y0)
        )  # (h, w, 3)
        inside = np.clip((y - above - 0.3) * scale, 0, 1) * np.clip((below - 0.2 - y) * scale + 0.5, 0, 1)
        drawn = region + (ball - region) * inside[..., None]

        down = moment.blink * np.maximum(below - above + 0.3, 0) * (below > above)
        edge, top = above + down, above - _LID_REACH
        stretch = (above - _LASHES - top) / (edge - _LASHES - top)
        skin_y = np.where(y > edge - _LASHES, y - down, top + (y - top) * stretch)
        skin_y = np.where(y < top, y, skin_y)
        skin = sample(region, scale, x + 0 * y, skin_y, (x0, y0))
        lid = np.clip((edge - y) * scale + 0.5, 0, 1)[..., None]
        region[:] = np.rint(skin * lid + drawn * (1 - lid)).astype(np.uint8)


class Mouth:
    """Lips, jaw and brows: fields for the part above the mouth's line and for the part below it."""

    def __init__(self) -> None:
        x0, y0, x1, y1 = FACE
        place = pixels(x1 - x0, y1 - y0) + np.array([x0, y0], np.float32)
        x, y = place[..., 0], place[..., 1]
        self._upper, self._lower = smooth_line(portrait.UPPER_LIP), smooth_line(portrait.LOWER_LIP)
        aside = x - _NOSE_X
        gap = np.interp(x, self._upper[:, 0], self._lower[:, 1] - self._upper[:, 1], left=0, right=0)

        near = np.exp(-((aside / 34) ** 4) - ((y - 144) / 17) ** 2)
        rounding = (-0.19 * aside * near, 2.2 * np.minimum(np.abs(aside) / 21, 1.2) ** 2 * near)
        over = np.exp(-((np.minimum(y - 142, 0) / 7) ** 2))
        under = np.exp(-((np.maximum(y - 150, 0) / 11) ** 2))
        # The jaw: as wide as the mouth on its line, as the chin further down; it fades out on the neck.
        half = 21.0 + 21.0 * ramp((y - 141) / 24)
        jaw = np.clip(1 - (aside / half) ** 2, 0, 1) ** 1.5 * ramp((196 - y) / 26)
        # Far above the mouth the lower layer is never seen, and its fields end.
        below = ramp((y - 95) / 35)
        brow = np.exp(-(((y - 90) / 5.5) ** 2)) * np.clip(1 - (aside / 50) ** 4, 0, 1)
        still = np.zeros_like(x)
        self._fields_upper = _fields(rounding, (still, 0.4 * gap * over), (still, still), (still, -1.9 * brow))
        self._fields_lower = _fields(
            rounding, (still, -0.6 * gap * under * below), (still, _OPEN * jaw * below), (still, still)
        )

    def draw(self, face: Bytes, scale: int, moment: Gesture) -> Bytes:
        """The face region with the mouth and the brows of ``moment``; same shape as ``face``."""
        amounts = np.array([moment.rounding, moment.shut, moment.opening, moment.brow], np.float32)
        up, down = (np.tensordot(amounts, fields, 1) for fields in (self._fields_upper, self._fields_lower))
        upper, lower = self._upper + _at(up, self._upper), self._lower + _at(down, self._lower)
        above, below = _drawn(face, scale, up), _drawn(face, scale, down)

        x0, y0, x1, y1 = FACE
        x, y = fine(x0, x1, scale), fine(y0, y1, scale)[:, None]
        ceiling = np.interp(x, upper[:, 0], upper[:, 1])
        floor = np.maximum(np.interp(x, lower[:, 0], lower[:, 1]), ceiling)
        # Beside the mouth the layers run into each other, the further from its corners the softer.
        outside = np.maximum(np.maximum(upper[0, 0] - x, x - upper[-1, 0]), 0)
        under = np.clip((y - ceiling) / (1 / scale + 1.2 * outside) + 0.5, 0, 1)[..., None]
        drawn = above + (below - above) * under

        teeth_end = np.interp(x, self._lower[:, 0], self._lower[:, 1]) - 0.7
        teeth = np.clip((teeth_end - y) * 0.8 + 0.5, 0, 1)[..., None]
        deep = np.clip((y - teeth_end - 2.5) / 9, 0, 1)[..., None]
        dark = np.asarray(_INSIDE, np.float32) + deep * (np.asarray(_TONGUE, np.float32) - _INSIDE)
        shade = (0.62 + 0.38 * np.clip((y - ceiling) / 3.0, 0, 1))[..., None]  # the upper lip's shadow
        inside = (face * teeth + dark * (1 - teeth)) * shade
        open_here = np.clip((floor - ceiling) * 1.2, 0, 1) * (outside == 0)
        mouth = np.clip((y - ceiling) * scale + 0.5, 0, 1) * np.clip((floor - y) * scale + 0.5, 0, 1) * open_here
        drawn += (inside - drawn) * mouth[..., None]
        whole: Bytes = np.rint(np.clip(drawn, 0, 255)).astype(np.uint8)
        return whole


def _fields(*parts: tuple[Scalars, Scalars]) -> Floats:
    """Stack (dx, dy) pairs to float32 (N, h, w, 2), faded out at the border of the region."""
    fields = np.stack([np.stack(part, axis=-1) for part in parts]).astype(np.float32)
    rows, columns = fields.shape[1:3]
    y, x = (np.minimum(np.arange(n), np.arange(n)[::-1]) / 6.0 for n in (rows, columns))
    border: Floats = np.minimum(np.minimum(y[:, None], x), 1).astype(np.float32)
    faded: Floats = fields * border[..., None]
    return faded


def _drawn(face: Bytes, scale: int, field: Floats) -> Floats:
    """``face`` moved by ``field``: float32, same shape."""
    rows, columns = field.shape[:2]
    source = unwarp(field, pixels(columns, rows))
    maps = np.asarray(cv2.resize((source + 0.5) * scale - 0.5, (face.shape[1], face.shape[0])), np.float32)
    return take(face, maps).astype(np.float32)


def _at(field: Floats, points: Points) -> Points:
    """A field's value at points of the photograph, float32 (N, 2); the field covers the face region."""
    local = (points - np.array(FACE[:2], np.float32)).astype(np.float32)
    return take(field, local[:, None])[:, 0]
