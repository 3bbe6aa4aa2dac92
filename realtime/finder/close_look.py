"""When the whole frame is looked at closely: the detector sees it small, and loses what is small there or in a crowd.

Hardly all of them are lost: some faces show, if only as a suspicion that the landmark net shares.
"""

from collections.abc import Callable, Iterable
from typing import Final

from realtime.finder.detector import SURE, zoom_of
from realtime.finder.face import Box
from realtime.finder.tracks import NESTED, nesting
from realtime.media.frame import Frame

__all__ = ["CROWD", "CloseLook"]

#: Faces less wide than this many pixels in the detector's picture may have others around them that it does not see.
SMALL: Final = 24.0
#: Weak boxes less wide than this may be faces that a close look would show: blurred leaves can look like large ones,
#: even to the landmark net. Among so many faces larger ones may be overlooked, too.
SUSPECT, CROWD, CROWD_SUSPECT = 30.0, 4, 64.0
#: Frames between two close looks while they show what the quick ones do not, and in frames so large that the net sees
#: less than this share: a face that people know by sight may not even raise a suspicion there.
CROWD_INTERVAL, LARGE_INTERVAL, LARGE_ZOOM = 15, 90, 0.25
#: Frames for which a weak box in which there was no face is not looked into again.
REFUSED: Final = 30
#: What lies in a doubtful head and is less wide than this share of it is an eye, or a mouth.
PART: Final = 0.35


class CloseLook:
    """Decides when to look closely. ``doubtful`` holds the head boxes of the last close look without a clear face."""

    def __init__(self) -> None:
        self.doubtful: list[Box] = []
        self._last: int | None = None
        self._shows_more = False  # whether the last one showed what a quick look did not
        self._refused: list[tuple[Box, int]] = []

    @property
    def is_first(self) -> bool:
        """Whether there was none yet: where no face is in sight, the first one needs no hint of something small."""
        return self._last is None

    def is_due(
        self,
        now: int,
        frame: Frame,
        boxes: Iterable[tuple[Box, float]],
        heads: Iterable[Box],
        followed: list[Box],
        anew: bool,
        has_face: Callable[[Box], bool],
    ) -> bool:
        """Whether ``frame``, number ``now``, calls for it.

        ``boxes`` are what the quick look showed, with scores in 0..1, ``heads`` those that came or went in this frame,
        ``followed`` all in which there is a face, and ``anew`` says that this may be another picture than the last.
        ``has_face`` asks the landmark net about a box.
        """
        self._refused = [(box, when) for box, when in self._refused if now - when < REFUSED]
        zoom = zoom_of(frame)
        if zoom == 1.0:  # it would show the same picture
            return False
        if anew or any(width(box) * zoom < SMALL for box in heads) or self._is_time(now, zoom):
            return True
        widest = widest_of(len(followed)) / zoom
        known = [*followed, *(box for box, _ in self._refused)]
        for box, score in boxes:
            if score < SURE and width(box) < widest and nesting(box, known) <= NESTED:
                self._refused.append((box, now))  # whatever it is, it is not asked about again soon
                if has_face(box):
                    return True
        return False

    def small(
        self, frame: Frame, boxes: Iterable[tuple[Box, float]], faces: int, doubtful: list[Box]
    ) -> list[tuple[Box, float]]:
        """Those of the ``boxes`` of a close look for which a quick one is too coarse, and that are no part of a head.

        ``faces`` are followed already, and the quick look left the ``doubtful`` heads.
        """
        widest = widest_of(faces) / zoom_of(frame)
        return [
            (box, score)
            for box, score in boxes
            if width(box) < widest
            and nesting(box, [head for head in doubtful if width(box) < PART * width(head)]) <= NESTED
        ]

    def done(self, now: int, doubtful: list[Box], found: list[Box]) -> None:
        """Frame number ``now`` was looked at closely, and this is what else it showed."""
        self._last, self.doubtful, self._shows_more = now, doubtful, bool(doubtful or found)

    def _is_time(self, now: int, zoom: float) -> bool:
        """Whether one is due though nothing hints at small faces."""
        if self._last is None:
            return True
        if self._shows_more:
            return now - self._last >= CROWD_INTERVAL
        return zoom < LARGE_ZOOM and now - self._last >= LARGE_INTERVAL


def widest_of(faces: int) -> float:
    """Below which width, in pixels of the detector's picture, heads may be overlooked where there are ``faces``."""
    return SUSPECT if faces < CROWD else CROWD_SUSPECT


def width(box: Box) -> float:
    """Of a box, in its own units."""
    return box[2] - box[0]
