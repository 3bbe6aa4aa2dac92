"""Closed on failure: what must be hidden of a frame, because a face is or may be there that was not swapped.

The picture is shown openly only while every face that was ever seen is accounted for:

- Before the first face was found nothing is known, and everything is hidden.
- A face that was found and not swapped (the model failed) is hidden where it is.
- A face that was there and is not found any more is hidden where it was last, and around it: it moves on, unseen.
  The region grows with a speed that heads hardly reach. After a second it may be anywhere, and everything is hidden
  until a face is found again.
- A head in which the finder sees no face for certain may be one that is half in the picture or turned away. It is
  hidden too, for a moment longer than it is seen.
- While other faces are found the finder evidently works and would find an open face that moves about. So the lost one
  is turned away, or behind something, or gone: its region stays near its last place, and is given up after a while.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from realtime.finder.face import Box, Face
from realtime.finder.tracks import nesting

__all__ = ["Guard", "Hidden"]

#: Speed of the edge of the region of a lost face, in face widths a second. A head that is thrown about reaches 2.
SPEED: Final = 3.0
#: A lost face may be anywhere after so many seconds.
ANYWHERE_AFTER: Final = 1.0
#: While other faces are found: how far the region grows, in face widths, and after how many seconds it is given up.
NEAR: Final = 1.0
FORGOTTEN_AFTER: Final = 5.0
#: Seconds for which a doubtful head is hidden.
DOUBT: Final = 0.5
#: Boxes that share so much of the smaller one are of one head.
SAME_HEAD_OVERLAP: Final = 0.6
#: What a head takes up around its box, in box widths and heights: hair, ears, beard, and errors of the landmarks.
MARGIN: Final = 0.3


@dataclass(frozen=True, slots=True)
class Hidden:
    """What is to be hidden: everything, or these regions; each with the width of its face in pixels."""

    everything: bool = False
    regions: tuple[tuple[Box, float], ...] = ()

    def __bool__(self) -> bool:
        return self.everything or bool(self.regions)


@dataclass(frozen=True, slots=True)
class _Seen:
    box: Box
    at_ns: int

    @property
    def width(self) -> float:
        return max(self.box[2] - self.box[0], 1.0)

    def region(self, further: float) -> Box:
        """The head and ``further`` face widths around it."""
        x0, y0, x1, y1 = self.box
        right, down = MARGIN * (x1 - x0) + further * self.width, MARGIN * (y1 - y0) + further * self.width
        return (x0 - right, y0 - down, x1 + right, y1 + down)


class Guard:
    """Keeps account of the faces of a stream, frame after frame."""

    def __init__(self) -> None:
        self._faces: dict[int, _Seen] = {}
        self._doubtful: list[_Seen] = []

    def reset(self) -> None:
        """Another picture: nothing is known of it."""
        self._faces.clear()
        self._doubtful.clear()

    def check(
        self, now_ns: int, found: Sequence[Face], swapped: Sequence[Face], doubtful: Sequence[Box] = ()
    ) -> Hidden:
        """What of the frame of ``now_ns`` (monotonic clock) must be hidden.

        ``found`` are the faces of the frame, ``swapped`` those of them that were swapped, and ``doubtful`` the boxes of
        heads that may have a face.
        """
        newcomers = [face for face in found if face.track not in self._faces]
        here = {face.track: _Seen(face.box, now_ns) for face in found}
        lost = {track: seen for track, seen in self._faces.items() if track not in here}
        for face in newcomers:  # one that is found again may come with another number
            again = next((track for track, seen in lost.items() if _holds(self._reach(seen, now_ns), face.box)), None)
            if again is not None:
                del lost[again]
        if swapped:
            lost = {track: seen for track, seen in lost.items() if _seconds(seen, now_ns) < FORGOTTEN_AFTER}
        self._faces = here | lost

        if not self._faces:
            return Hidden(everything=True)
        if not found and any(_seconds(seen, now_ns) >= ANYWHERE_AFTER for seen in lost.values()):
            return Hidden(everything=True)
        done = {face.track for face in swapped}
        regions = [(seen.region(0.0), seen.width) for track, seen in here.items() if track not in done]
        for seen in lost.values():
            further = SPEED * _seconds(seen, now_ns)
            regions.append((seen.region(min(further, NEAR) if found else further), seen.width))
        boxes = [seen.box for seen in here.values()]
        doubts = [_Seen(box, now_ns) for box in doubtful]
        doubts += [seen for seen in self._doubtful if nesting(seen.box, doubtful) < SAME_HEAD_OVERLAP]
        self._doubtful = [
            s for s in doubts if _seconds(s, now_ns) < DOUBT and nesting(s.box, boxes) < SAME_HEAD_OVERLAP
        ]
        regions += [(seen.region(0.0), seen.width) for seen in self._doubtful]
        return Hidden(regions=tuple(regions))

    @staticmethod
    def _reach(seen: _Seen, now_ns: int) -> Box | None:
        """Where a lost face may be found again; None is anywhere."""
        seconds = _seconds(seen, now_ns)
        return None if seconds >= ANYWHERE_AFTER else seen.region(SPEED * seconds)


def _seconds(seen: _Seen, now_ns: int) -> float:
    return max(now_ns - seen.at_ns, 0) / 1e9


def _holds(region: Box | None, box: Box) -> bool:
    """Whether the middle of ``box`` lies in ``region``."""
    if region is None:
        return True
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return region[0] <= x <= region[2] and region[1] <= y <= region[3]
