"""Lines of letters on a dark plate: how a text is broken to fit a width, and how it is drawn."""

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from realtime.runtime.arrays import Bytes

__all__ = ["SCRIPTS", "Lettering", "can_be_drawn", "lay_out", "render"]

#: Writing that OpenCV's font has letters for, one after the other from left to right; before version 5 it has ASCII.
SCRIPTS: Final = ("LATIN", "GREEK", "CYRILLIC", "CJK") if int(cv2.__version__.split(".")[0]) >= 5 else ()

_FONT: Final = cv2.FONT_HERSHEY_DUPLEX
# In shares of a line's height: capitals, how thick they are drawn, what is left free beside them, the plate's corners,
# and how much closer further lines stand.
_CAPITALS, _STROKE, _PAD, _RADIUS = 0.46, 0.05, 0.36, 0.22
_PITCH: Final = 0.8
_PLATE: Final = 0.62  # opacity of the dark plate behind the light letters
_INK, _GROUND = 245.0, 16.0
_FINER: Final = 4  # small letters are drawn so many times larger at most, and reduced
_SMOOTH: Final = 120  # pixels of a line's height from which on they need not be
_MEASURED: Final = 128  # pixels of capitals that widths are measured with: the font takes long over large ones
_ROUNDING: Final = 1.01  # the font's sizes are whole pixels


@dataclass(frozen=True, slots=True)
class Lettering:
    """A text in ``lines``, each ``tall`` pixels high; the plate is ``width`` x ``height`` pixels."""

    lines: tuple[str, ...]
    tall: int
    width: int
    height: int

    def of_height(self, tall: int) -> "Lettering":
        """The same lines, each ``tall`` pixels high."""
        share = tall / self.tall
        return Lettering(self.lines, tall, round(share * self.width), round(share * self.height))


def can_be_drawn(sign: str) -> bool:
    """Whether the font has the letter."""
    if sign.isascii():
        return sign.isprintable()
    return unicodedata.name(sign, "").startswith(SCRIPTS) if SCRIPTS else False


def lay_out(text: str, tall: int, widest: int) -> Lettering:
    """``text`` in as many lines of ``tall`` pixels as it needs to be no wider than ``widest`` pixels."""
    pad = 2 * round(_PAD * tall)
    lines = _wrap(text, lambda line: _width(line, tall) + pad <= widest)
    width = max(_width(line, tall) for line in lines) + pad
    return Lettering(tuple(lines), tall, width, tall + round(_PITCH * tall) * (len(lines) - 1))


def render(lettering: Lettering) -> tuple[Bytes, Bytes]:
    """The plate with its letters: RGB, uint8 (H, W, 3), and alpha, uint8 (H, W)."""
    finer = max(1, min(_FINER, _SMOOTH // lettering.tall))
    tall, size = lettering.tall * finer, (lettering.width * finer, lettering.height * finer)
    letters, plate = _letters(lettering.lines, tall, size), _plate(size, round(_RADIUS * tall))
    if finer > 1:
        fitting = lettering.width, lettering.height
        letters = np.asarray(cv2.resize(letters, fitting, interpolation=cv2.INTER_AREA), np.uint8)
        plate = np.asarray(cv2.resize(plate, fitting, interpolation=cv2.INTER_AREA), np.uint8)
    ink = np.arange(256) / 255
    opacity = ink + _PLATE * (1 - ink)
    shade = (ink * _INK + _PLATE * (1 - ink) * _GROUND) / opacity
    gray = cv2.LUT(letters, np.rint(shade).astype(np.uint8))
    alpha = cv2.multiply(cv2.LUT(letters, np.rint(255 * opacity).astype(np.uint8)), plate, scale=1 / 255)
    return np.asarray(cv2.merge([gray, gray, gray]), np.uint8), np.asarray(alpha, np.uint8)


def _width(line: str, tall: int) -> int:
    """Pixels that the letters of ``line`` take where a line is ``tall`` pixels high."""
    scale = cv2.getFontScaleFromHeight(_FONT, _MEASURED)
    (ink, _), _ = cv2.getTextSize(line, _FONT, scale, round(_STROKE / _CAPITALS * _MEASURED))
    return round(_ROUNDING * ink * _CAPITALS * tall / _MEASURED)


def _wrap(text: str, fits: Callable[[str], bool]) -> list[str]:
    """Words side by side as long as the line fits; a word that does not fit alone is broken, one letter at least."""
    lines, line = list[str](), ""
    for word in text.split():
        longer = f"{line} {word}" if line else word
        if fits(longer):
            line = longer
            continue
        if line:
            lines.append(line)
        while len(word) > 1 and not fits(word):
            cut = next((end for end in range(len(word) - 1, 1, -1) if fits(word[:end])), 1)
            lines.append(word[:cut])
            word = word[cut:]
        line = word
    return [*lines, line]


def _letters(lines: tuple[str, ...], tall: int, size: tuple[int, int]) -> Bytes:
    """White letters on black, uint8 (H, W), ``size`` being (W, H)."""
    canvas = np.zeros(size[::-1], np.uint8)
    scale = cv2.getFontScaleFromHeight(_FONT, round(_CAPITALS * tall))
    stroke, rise = max(1, round(_STROKE * tall)), round(_CAPITALS * tall)
    for number, line in enumerate(lines):
        baseline = (tall + rise) // 2 + round(number * _PITCH * tall)
        cv2.putText(canvas, line, (round(_PAD * tall), baseline), _FONT, scale, 255.0, stroke, cv2.LINE_AA)
    return canvas


def _plate(size: tuple[int, int], radius: int) -> Bytes:
    """A white rectangle of ``size`` (W, H) with round corners on black, uint8 (H, W)."""
    width, height = size
    plate = np.zeros((height, width), np.uint8)
    plate[radius : height - radius] = 255
    plate[:, radius : width - radius] = 255
    for x in (radius, width - 1 - radius):
        for y in (radius, height - 1 - radius):
            cv2.circle(plate, (x, y), radius, 255.0, -1, cv2.LINE_AA)
    return plate
