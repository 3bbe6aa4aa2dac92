"""Tracks: what is known of a face from one frame to the next, and how boxes overlap."""

from collections.abc import Iterable
from fractions import Fraction

from realtime.finder.face import Box, Face, eye_distance
from realtime.finder.landmarker import Sighting
from realtime.finder.looks import Looks
from realtime.finder.one_euro import OneEuro
from realtime.media.frame import Frame
from realtime.mesh.vertices import QUICK_PARTS
from realtime.runtime.arrays import Floats

__all__ = ["NESTED", "Clock", "Track", "nesting", "overlap"]

#: Boxes that share more than this part of the smaller one are of one head.
NESTED = 0.6

#: A gap longer than this is a new scene for the filter, which then starts afresh.
LONGEST_GAP = 0.25
#: Assumed where a source gives no presentation times.
USUAL_GAP = 1 / 30


class Clock:
    """Seconds between the frames of a stream, for filters that need them."""

    def __init__(self) -> None:
        self._last: Fraction | None = None

    def gap(self, frame: Frame) -> float:
        """Seconds since the former frame; that of 30 frames a second where the source does not say."""
        if frame.pts is None or frame.time_base is None:
            return USUAL_GAP
        now = frame.pts * frame.time_base
        gap = USUAL_GAP if self._last is None else float(now - self._last)
        self._last = now
        return gap


class Track:
    """One face over time: its number, what was seen last, raw and smoothed, its score, and its misses.

    ``looks`` is what it looked like when another one came near, None where none is.
    """

    def __init__(self, number: int, seen: Sighting) -> None:
        self.number = number
        self.looks: Looks | None = None
        self._begin(seen)

    def _begin(self, seen: Sighting) -> None:
        """Take what is seen as it is."""
        self.seen = seen
        self.landmarks, self.score, self.mesh = seen
        self.misses = 0
        self._filter = OneEuro(seen.landmarks)
        self._mesh_filter = None if seen.mesh is None else OneEuro(seen.mesh, QUICK_PARTS)

    def update(self, seen: Sighting, gap: float) -> None:
        """Take in what this frame shows, ``gap`` seconds after the last."""
        if not 0 < gap <= LONGEST_GAP:
            self._begin(seen)
            return
        self.seen, face = seen, eye_distance(seen.landmarks)
        self.landmarks = self._filter(seen.landmarks, gap, face)
        self.mesh = None if seen.mesh is None else self._smooth(seen.mesh, gap, face)
        self.score, self.misses = seen.presence, 0

    def _smooth(self, mesh: Floats, gap: float, face: float) -> Floats:
        if self._mesh_filter is None:  # asked for from this frame on
            self._mesh_filter = OneEuro(mesh, QUICK_PARTS)
            return mesh
        return self._mesh_filter(mesh, gap, face)

    @property
    def box(self) -> Box:
        """Where the face was seen last."""
        return self.face().box

    def face(self, raw: bool = False) -> Face:
        """The face as it is reported; ``raw`` as it was seen last, unsmoothed."""
        if raw:
            return Face(self.seen.landmarks, self.score, self.number, self.seen.mesh)
        return Face(self.landmarks, self.score, self.number, self.mesh)


def overlap(box: Box, others: Iterable[Box]) -> float:
    """The largest intersection over union of ``box`` with any of ``others``, 0..1."""
    return max((_shared(box, other) / _union(box, other) for other in others), default=0.0)


def nesting(box: Box, others: Iterable[Box]) -> float:
    """The largest part that ``box`` shares with any of ``others``, of the smaller of the two, 0..1.

    A mouth can look like a small face: it lies in the box of a large one and hardly overlaps with it.
    """
    return max((_shared(box, other) / min(_area(box), _area(other)) for other in others), default=0.0)


def _area(box: Box) -> float:
    return max((box[2] - box[0]) * (box[3] - box[1]), 1e-6)


def _shared(a: Box, b: Box) -> float:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    return max(width, 0.0) * max(height, 0.0)


def _union(a: Box, b: Box) -> float:
    return max(_area(a) + _area(b) - _shared(a, b), 1e-6)
