"""A small label in a corner of the picture that says what it is."""

from collections.abc import Iterator
from threading import Lock
from typing import Final

import numpy as np

from realtime.marking.lettering import SCRIPTS, Lettering, can_be_drawn, lay_out, render
from realtime.media.affine import compose, translation
from realtime.media.frame import Frame, PictureFormat
from realtime.media.paste import Patch
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

# How high a line of the plate is, in shares of the frame's shorter side, and how far it keeps from the edges, in shares
# of each: the safe area for graphics of EBU R 95, which a screen shows whole.
_HEIGHT: Final = 0.048
_MARGIN: Final = 0.05
_LEAST_HEIGHT: Final = 14  # pixels; below this letters fall apart
_FULLEST: Final = 0.5  # the label takes no more than this share of the safe area's height, where it can be had
_SHORTER: Final = (LABEL, "SYNTHETIC", "AI")  # what is said instead on frames too small for the text
_MOST_PIXELS: Final = 400_000  # of the plate: a text that takes more is set smaller, or fitting it would take long
_LARGEST: Final = 80  # pixels of a line's height that are drawn; larger ones are enlarged when they are fitted


class Label:
    """White letters on a dark, translucent plate: legible on light and on dark.

    A text that is too long for a line goes on in the next one. On a frame that is too small for all of it, which is one
    of less than about 160 pixels for the longest, a shorter word says the same: letters that cannot be read are never
    drawn. Made once for each kind of frame and kept, so that drawing costs one blend of a small region.
    """

    def __init__(self, text: str = LABEL, place: str = "bottom-right") -> None:
        """``text`` is made of letters that can be drawn, ``place`` one of ``PLACES``; ``UsageError`` otherwise."""
        known = ", ".join(["ASCII", *SCRIPTS])
        if not text.strip():
            raise UsageError(f"the label {text!r} says nothing; give it letters of {known}")
        if missing := "".join(dict.fromkeys(sign for sign in text if not can_be_drawn(sign))):
            raise UsageError(
                f"the label {text!r} cannot be drawn: no font here has {missing!r}; use letters of {known}"
            )
        if place not in PLACES:
            raise UsageError(f"there is no place {place!r} for the label; choose one of {', '.join(PLACES)}")
        self.text = text.strip()
        self.place = place
        self._lock = Lock()
        self._kind: PictureFormat | None = None
        self._patches: tuple[Patch, ...] = ()
        self.lettering(640, 360)  # the font is read when it is first used, which takes as long as two frames

    def draw(self, frame: Frame) -> None:
        """Put the label into the frame."""
        self.prepare(frame)
        frame.put(self._patches)

    def prepare(self, frame: Frame) -> None:
        """Make what is drawn into frames of the kind of this one, unless it is there. From any thread."""
        with self._lock:
            if frame.kind != self._kind:
                self._patches = self._fit(frame)
                self._kind = frame.kind

    def lettering(self, width: int, height: int) -> Lettering:
        """What is drawn on a frame of ``width`` x ``height`` pixels."""
        room = width - 2 * round(_MARGIN * width), height - 2 * round(_MARGIN * height)
        tall = max(_LEAST_HEIGHT, round(_HEIGHT * min(width, height)))
        for text in (self.text, *_SHORTER):
            for lower in _lower(tall):
                laid = lay_out(text, lower, room[0])
                share = _FULLEST if lower > _LEAST_HEIGHT else 1.0
                if (
                    laid.width <= room[0]
                    and laid.height <= share * room[1]
                    and laid.width * laid.height <= _MOST_PIXELS
                ):
                    return laid
        return lay_out(_SHORTER[-1], min(_LEAST_HEIGHT, round(0.75 * min(width, height))), width)

    def _fit(self, frame: Frame) -> tuple[Patch, ...]:
        laid = self.lettering(frame.width, frame.height)
        small = laid.of_height(min(laid.tall, _LARGEST))
        beside, above = round(_MARGIN * frame.width), round(_MARGIN * frame.height)
        right, bottom = PLACES[self.place]
        x = max(0, frame.width - beside - laid.width) if right else beside
        y = max(0, frame.height - above - laid.height) if bottom else above
        scale = small.tall / laid.tall
        shrink = np.array([[scale, 0, (scale - 1) / 2], [0, scale, (scale - 1) / 2]])
        return frame.fit(*render(small), compose(translation(-x, -y), shrink))


def _lower(tall: int) -> Iterator[int]:
    """``tall``, and heights below it by steps, down to the least."""
    while tall > _LEAST_HEIGHT:
        yield tall
        tall = round(0.85 * tall)
    yield _LEAST_HEIGHT
