"""A small label in a corner of the picture that says what it is."""

import unicodedata
from typing import Final

import cv2
import numpy as np

from realtime.media.affine import translation
from realtime.media.frame import Frame, PictureFormat
from realtime.media.paste import Patch
from realtime.runtime.arrays import Bytes
from realtime.runtime.errors import UsageError
from realtime.settings import LABEL

__all__ = ["PLACES", "Label"]

#: The corners by name: 0 left or top, 1 right or bottom.
PLACES: Final = {
    "top-left": (0, 0),
    "top-right": (1, 0),
    "bottom-left": (0, 1),
    "bottom-right": (1, 1),
}

#: Writing that OpenCV's font has letters for, one after the other from left to right; before version 5 it has ASCII.
_SCRIPTS: Final = ("LATIN", "GREEK", "CYRILLIC", "CJK") if int(cv2.__version__.split(".")[0]) >= 5 else ()

# How high the plate is, in shares of the frame's shorter side, and how far it keeps from the edges, in shares of each:
# the safe area for graphics of EBU R 95, which a screen shows whole.
_HEIGHT: Final = 0.048
_MARGIN: Final = 0.05
_LEAST_HEIGHT: Final = 14  # pixels; below this letters fall apart
_PLATE: Final = 0.62  # opacity of the dark plate behind the light letters
_INK, _GROUND = 245.0, 16.0
_FINER: Final = 4  # the label is drawn so many times larger, and reduced


class Label:
    """White letters on a dark, translucent plate: legible on light and on dark.

    Made once for each kind of frame and kept, so that drawing costs one blend of a small region.
    """

    def __init__(self, text: str = LABEL, place: str = "bottom-right") -> None:
        """``text`` is one line of letters that can be drawn, ``place`` one of ``PLACES``; ``UsageError`` otherwise."""
        if not text.strip() or not all(map(_can_be_drawn, text)):
            known = ", ".join(["ASCII", *_SCRIPTS])
            raise UsageError(f"the label {text!r} cannot be drawn; use letters of {known}")
        if place not in PLACES:
            raise UsageError(f"there is no place {place!r} for the label; choose one of {', '.join(PLACES)}")
        self.text = text.strip()
        self.place = place
        self._kind: PictureFormat | None = None
        self._patches: tuple[Patch, ...] = ()

    def draw(self, frame: Frame) -> None:
        """Put the label into the frame."""
        if frame.kind != self._kind:
            self._patches = self._fit(frame)
            self._kind = frame.kind
        frame.put(self._patches)

    def _fit(self, frame: Frame) -> tuple[Patch, ...]:
        beside, above = round(_MARGIN * frame.width), round(_MARGIN * frame.height)
        tall = max(_LEAST_HEIGHT, round(_HEIGHT * min(frame.width, frame.height)))
        rgb, alpha = _render(self.text, tall, frame.width - 2 * beside)
        height, width = alpha.shape
        right, bottom = PLACES[self.place]
        x = frame.width - beside - width if right else beside
        y = frame.height - above - height if bottom else above
        return frame.fit(rgb, alpha, translation(-x, -y))


def _can_be_drawn(sign: str) -> bool:
    if sign.isascii():
        return sign.isprintable()
    return unicodedata.name(sign, "").startswith(_SCRIPTS) if _SCRIPTS else False


def _render(text: str, height: int, widest: int) -> tuple[Bytes, Bytes]:
    """The label ``height`` pixels high, or less where it would be wider than ``widest``: RGB and alpha."""
    font, full = cv2.FONT_HERSHEY_DUPLEX, height * _FINER
    scale = cv2.getFontScaleFromHeight(font, round(0.46 * full))
    stroke = max(1, round(0.05 * full))
    (ink, rise), _ = cv2.getTextSize(text, font, scale, stroke)
    pad = round(0.36 * full)
    letters = np.zeros((full, ink + 2 * pad), np.uint8)
    cv2.putText(letters, text, (pad, (full + rise) // 2), font, scale, 255.0, stroke, cv2.LINE_AA)
    plate = np.zeros_like(letters)
    radius = round(0.22 * full)
    # A rounded rectangle is what a disc covers whose centre moves over a smaller rectangle.
    plate[radius:-radius, radius:-radius] = 255
    plate = np.asarray(cv2.dilate(plate, _disc(radius)), np.uint8)

    width = round(letters.shape[1] / _FINER)
    reduced = min(1.0, widest / width)
    size = max(1, int(width * reduced)), max(1, int(height * reduced))
    over = cv2.resize(letters, size, interpolation=cv2.INTER_AREA) / 255
    under = cv2.resize(plate, size, interpolation=cv2.INTER_AREA) / 255 * _PLATE * (1 - over)
    alpha = over + under
    shade = (over * _INK + under * _GROUND) / np.maximum(alpha, 1 / 255)
    gray = np.rint(shade).astype(np.uint8)
    return np.dstack([gray, gray, gray]), np.rint(alpha * 255).astype(np.uint8)


def _disc(radius: int) -> Bytes:
    side = 2 * radius + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8)
