"""The built-in face finder: detection is rare, tracking is usual."""

import itertools
from collections.abc import Iterable

import numpy as np

from realtime.finder.detector import Detector
from realtime.finder.face import Box, Face, eye_distance
from realtime.finder.landmarker import Landmarker
from realtime.finder.tracks import Clock, Track, nesting, overlap
from realtime.media.frame import Frame
from realtime.runtime.arrays import Points

__all__ = ["BuiltinFinder"]

#: A landmark crop with less presence than this shows no face.
PRESENT = 0.5
#: Frames between two detections while all goes well: how late a newcomer may be noticed.
INTERVAL = 10
#: A face is looked for at its last place for this many frames before its track is given up.
PATIENCE = 3
#: A face that moved more than this since the last frame (in outer-eye distances) is looked at again from its new place.
FAR = 0.15
#: What detector and landmark net must say together of a new face, and the landmark net at least.
LIKELY, DOUBTFUL = 1.1, 0.2
#: Boxes that share this much of both belong to one face, and so do boxes that share this much of the smaller one.
TRACK_IOU, NESTED = 0.3, 0.6
#: Faces with eyes nearer together than this many pixels are too small to swap or to tell from noise.
SMALLEST = 6.0


class BuiltinFinder:
    """Finds and follows all faces of a stream. Feed it the frames in order.

    ``interval`` is the number of frames from one detection to the next while all goes well. ``doubtful`` holds the head
    boxes of the last detection in which the landmark net saw no face: turned away, half in the picture, or no head.
    """

    def __init__(self, device: str = "auto", interval: int = INTERVAL) -> None:
        self._detector = Detector(device)
        self._landmarker = Landmarker(device)
        self.interval = interval
        self.reset()

    def reset(self) -> None:
        """Forget all tracks, as between two sources."""
        self._tracks: list[Track] = []
        self._numbers = itertools.count()
        self._since_detection = self.interval
        self.doubtful: tuple[Box, ...] = ()
        self._clock = Clock()

    def find(self, frame: Frame) -> tuple[Face, ...]:
        """The faces of this frame, the longest known first."""
        gap = self._clock.gap(frame)
        lost = [track for track in self._tracks if not self._follow(track, frame, gap)]
        self._since_detection += 1
        if lost or not self._tracks or self._since_detection >= self.interval:
            self._since_detection = 0
            self._detect(frame, lost, gap)
        self._tracks = distinct(track for track in self._tracks if track.misses <= PATIENCE)
        return tuple(track.face() for track in self._tracks if track.misses == 0)

    def _follow(self, track: Track, frame: Frame, gap: float) -> bool:
        """Look where the face was; false where it is no longer."""
        # From the smoothed landmarks: a crop that trembles makes landmarks that tremble, and so on.
        landmarks, presence = self._landmarker.follow(frame, track.landmarks)
        if presence >= PRESENT and far_apart(landmarks, track.landmarks):
            landmarks, presence = self._landmarker.follow(frame, landmarks)
        if presence < PRESENT or not plausible(landmarks, frame):
            track.misses += 1
            return False
        track.update(landmarks, presence, gap)
        return True

    def _detect(self, frame: Frame, lost: list[Track], gap: float) -> None:
        """Find newcomers and those who were lost from sight."""
        doubtful = []
        followed = [track.box for track in self._tracks if track.misses == 0]
        for box, score in self._detector.detect(frame):
            if nesting(box, followed) > NESTED:
                continue
            landmarks, presence = self._landmarker.settle(frame, box)
            # Each net alone may be fooled or shy; a face is what both together make likely.
            if presence + score < LIKELY or presence < DOUBTFUL or not plausible(landmarks, frame):
                doubtful.append(box)
                continue
            track = next((track for track in lost if overlap(box, [track.box]) > TRACK_IOU), None)
            if track is None:
                self._tracks.append(Track(next(self._numbers), landmarks, presence))
            else:
                lost.remove(track)
                track.update(landmarks, presence, gap)
            followed.append(box)
        self.doubtful = tuple(doubtful)


def distinct(tracks: Iterable[Track]) -> list[Track]:
    """The tracks without those that have run onto an older one's face."""
    kept: list[Track] = []
    for track in tracks:
        if nesting(track.box, [other.box for other in kept]) <= NESTED:
            kept.append(track)
    return kept


def far_apart(a: Points, b: Points) -> bool:
    """Whether landmarks, float32 (68, 2) each, moved so far that the crop around the old ones is a bad one."""
    return float(np.linalg.norm((a - b).mean(axis=0))) > FAR * eye_distance(b)


def plausible(landmarks: Points, frame: Frame) -> bool:
    """Whether landmarks, float32 (68, 2), can be a face of ``frame``: of a fair size, and its middle in sight."""
    x, y = landmarks.mean(axis=0).tolist()
    size = eye_distance(landmarks)
    return SMALLEST <= size <= max(frame.width, frame.height) and 0 <= x < frame.width and 0 <= y < frame.height
