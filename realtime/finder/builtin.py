"""The built-in face finder: detection is rare, tracking is usual, a close look at the whole frame the exception."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, wait
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple, TypeAlias

import numpy as np

from realtime.finder.close_look import CROWD, CloseLook
from realtime.finder.detector import CLOSE, CLOSER, FAINT, LONGEST, SURE, WEAK, Detector, longest_for, zoom_of
from realtime.finder.face import Box, Face, eye_distance
from realtime.finder.landmarker import Landmarker, Sighting
from realtime.finder.meetings import distinct
from realtime.finder.tracks import NESTED, Clock, Track, nesting, overlap
from realtime.media.frame import Frame
from realtime.runtime.arrays import Points

__all__ = ["BuiltinFinder"]

#: A landmark crop with less presence than this shows no face.
PRESENT = 0.5
#: Frames between two detections while all goes well: how late a newcomer may be noticed.
INTERVAL = 10
#: A face is looked for at its last place for this many frames before its track is given up.
PATIENCE = 3
#: The same for a while after somebody was lost behind somebody else, and for how many frames: they will come out again.
HIDDEN_INTERVAL, HIDDEN = 3, 60
#: A face whose landmarks moved more than this since the last frame (mean, in outer-eye distances) is looked at again
#: from its new place; landmarks that then still move more than the second are not settled.
FAR, UNSETTLED = 0.1, 0.05
#: Presence that falls by more than this from one frame to the next casts doubt on a track: the picture may be an
#: unrelated one. In six clips of real heads it stays within 0.01. Where it falls by more than the second, the face is
#: gone unless the detector sees it, too.
DOUBT, CUT = 0.02, 0.3
#: A newcomer of which the net that knows lookalikes is less sure than this is no face, and below the second it is not
#: even doubtful: of 524 faces that it never saw none is, down to eyes 8 px apart.
REAL, PERHAPS = 0.6, 0.1
#: What detector and landmark net must say together of a new face, and the landmark net at least.
LIKELY, DOUBTFUL = 1.1, 0.2
#: The same for both together, and the detector at least, at a close look: hair and cloth are full of patterns. And
#: what they must say together in a crowd, where small faces are many.
CLOSELY_LIKELY, CLOSELY_SEEN, CROWD_LIKELY = 1.4, 0.5, 1.3
#: In a crowd a head in the dark may be faint to the detector: so many of these boxes are looked into, and there is a
#: face where the landmark net is so sure of it at once.
MOST_FAINT, CLEAR = 12, 0.95
#: Boxes that share this much of both belong to one face.
TRACK_IOU = 0.3
#: Faces with eyes nearer together than this many pixels are too small to swap or to tell from noise.
SMALLEST = 6.0


#: Head boxes in frame pixels with their scores in 0..1.
Boxes: TypeAlias = list[tuple[Box, float]]


class Look(NamedTuple):
    """What is ``seen`` where a face was a frame ago; ``sure`` says that this is the same face beyond doubt."""

    seen: Sighting
    sure: bool


class BuiltinFinder:
    """Finds and follows all faces of a stream. Feed it the frames in order, and ``reset`` it between two sources.

    A cut within a stream is noticed: a track whose presence falls or whose landmarks do not settle is held against what
    the detector finds in the same frame.
    ``interval`` is the number of frames from one detection to the next while all goes well. With ``mesh`` each face has
    its dense mesh. ``doubtful`` holds the head
    boxes of the last looks in which there may be a face: turned away, half in the picture, or no head after all.
    ``raw`` faces are as they were seen: smoothed only where the finder itself looks next. Heads that are ``smallest``
    pixels of the frame wide are looked for whenever the detector looks; without it where something hints at them.

    With a ``helper`` the detector looks at the frame in its thread while the faces that are known are followed in the
    caller's. ``meanwhile`` gets those that are certain, again where there are more of them, and may go on with them
    until the detector has said whether there are others. What is found is the same.
    """

    def __init__(
        self,
        device: str = "auto",
        interval: int = INTERVAL,
        mesh: bool = False,
        *,
        raw: bool = False,
        smallest: float | None = None,
    ) -> None:
        self._detector = Detector(device, WEAK)
        self._landmarker = Landmarker(device, mesh)
        self.interval, self._raw, self._smallest = interval, raw, smallest
        self.helper: Executor | None = None
        self.meanwhile: Callable[[Frame, tuple[Face, ...]], None] = lambda frame, faces: None
        self.reset()

    @property
    def mesh(self) -> bool:
        """Whether faces have their dense mesh, from the next frame on."""
        return self._landmarker.mesh

    @mesh.setter
    def mesh(self, wanted: bool) -> None:
        self._landmarker.mesh = wanted

    def reset(self) -> None:
        """Forget all tracks, as between two sources."""
        self._tracks: list[Track] = []
        self._numbers = itertools.count()
        self._frames = 0
        self._detected: int | None = None  # when, by the count of frames
        self._hidden: int | None = None  # when somebody was last lost behind somebody else
        self._close_look = CloseLook()
        self._doubtful: list[Box] = []
        self._clock = Clock()

    @property
    def doubtful(self) -> tuple[Box, ...]:
        """Boxes in frame pixels of heads that may have a face."""
        return (*self._doubtful, *self._close_look.doubtful)

    def rehearse(self, frame: Frame) -> None:
        """Run all nets once on ``frame``, so that the first one with a face takes no longer than others."""
        self.find(frame)
        self._landmarker.rehearse(frame)

    def find(self, frame: Frame) -> tuple[Face, ...]:
        """The faces of this frame, the longest known first."""
        gap = self._clock.gap(frame)
        self._frames += 1
        is_due = not self._tracks or self._detected is None or self._frames - self._detected >= self._pace
        with self._detecting(frame, is_due) as detected:
            lost, doubted = self._follow_all(frame, gap)
            if is_due and not lost and not doubted:
                self._go_on(frame)
        if lost or doubted or is_due:
            self._detected = self._frames
            self._detect(frame, detected(), lost, doubted, gap)
        known = [track for track in self._tracks if track.misses <= PATIENCE]
        self._tracks = distinct(known, frame)
        if len(self._tracks) < len(known):
            self._hidden = self._frames
        return self._seen()

    def _seen(self, sought: Sequence[Track] = ()) -> tuple[Face, ...]:
        """The faces that this frame shows, without those that are ``sought``."""
        return tuple(track.face(self._raw) for track in self._tracks if track.misses == 0 and track not in sought)

    def _go_on(self, frame: Frame, sought: Sequence[Track] = ()) -> None:
        """Hand on what is certain, while the helper looks for the rest."""
        if self.helper is not None:
            self.meanwhile(frame, self._seen(sought))

    @contextmanager
    def _detecting(
        self, frame: Frame, at_once: bool, longest: int = LONGEST, threshold: float = WEAK
    ) -> Iterator[Callable[[], Boxes]]:
        """The detector looks at ``frame`` beside the block, if ``at_once``, or else when what this gives is called.

        After the block nobody but the caller looks at the frame, so that it may be changed.
        """
        if self.helper is None or not at_once:
            yield partial(self._detector.detect, frame, longest, threshold)
            return
        looking = self.helper.submit(self._detector.detect, frame, longest, threshold)
        try:
            yield looking.result
        finally:
            wait([looking])

    def _follow_all(self, frame: Frame, gap: float) -> tuple[list[Track], list[tuple[Track, Look]]]:
        """Look where each face was; returns those that are no longer there, and those of which that is not sure."""
        lost: list[Track] = []
        doubted: list[tuple[Track, Look]] = []
        for track in self._tracks:
            look = self._follow(track, frame)
            if look is None:
                track.misses += 1
                lost.append(track)
            elif look.sure:
                track.update(look.seen, gap)
            else:
                doubted.append((track, look))
        return lost, doubted

    @property
    def _pace(self) -> int:
        """Frames between two detections now."""
        waits = self._hidden is not None and self._frames - self._hidden <= HIDDEN
        return min(self.interval, HIDDEN_INTERVAL) if waits else self.interval

    def _follow(self, track: Track, frame: Frame) -> Look | None:
        """Look where the face was; None where it is no longer."""
        # From the smoothed landmarks: a crop that trembles makes landmarks that tremble, and so on.
        seen = self._landmarker.follow(frame, track.landmarks)
        sure = seen.presence >= track.score - DOUBT
        if seen.presence >= PRESENT and moved(seen.landmarks, track.landmarks) > FAR:
            before = seen.landmarks
            seen = self._landmarker.follow(frame, before)
            sure = sure and moved(seen.landmarks, before) <= UNSETTLED
        if seen.presence < PRESENT or not plausible(seen.landmarks, frame):
            return None
        return Look(seen, sure)

    def _detect(
        self, frame: Frame, boxes: Boxes, lost: list[Track], doubted: list[tuple[Track, Look]], gap: float
    ) -> None:
        """Find newcomers, those who were lost from sight, and what became of the ``doubted``, by the head ``boxes``."""
        sought = [*(track for track, _ in doubted), *lost]
        followed = [track.box for track in self._tracks if track not in sought]
        known, anew = len(self._tracks), bool(sought) and not followed
        sure = [(box, score) for box, score in boxes if score >= SURE]
        # In another picture it will be looked at closely, whatever there is.
        at_once = anew and self._smallest is None and not self._close_look.is_first and zoom_of(frame) < 1
        with self._detecting(frame, at_once, CLOSER) as closer:
            self._doubtful, found = self._judge(frame, sure, sought, followed, gap)
            if at_once:
                self._go_on(frame, sought)
        heads = [*found, *(track.box for track in lost if track in sought)]
        if self._smallest is not None:
            longest = longest_for(frame, self._smallest)
            if longest > LONGEST and zoom_of(frame) < 1:
                self._look_very_closely(frame, longest, sought, followed, gap)
        elif self._close_look.is_due(self._frames, frame, boxes, heads, followed, anew, partial(self._has_face, frame)):
            self._look_closely(frame, closer, sought, followed, gap)
        newcomers = len(self._tracks) - known
        for track, look in doubted:
            if track not in sought:
                continue
            # Not seen by the detector: a face turned away, or what is left of another picture.
            box = Face(look.seen.landmarks, look.seen.presence, track.number).box
            if newcomers or look.seen.presence < track.score - CUT or nesting(box, followed) > NESTED:
                track.misses += 1
            else:
                track.update(look.seen, gap)

    def _look_closely(
        self, frame: Frame, closer: Callable[[], Boxes], sought: list[Track], followed: list[Box], gap: float
    ) -> None:
        """Find what is small, as ``_judge`` does; in a crowd, what is a little less certain, too.

        ``closer`` gives the boxes of the look before it.
        """
        if followed or not self._close_look.is_first:
            hints = self._close_look.small(frame, closer(), len(followed), self._doubtful)
            # The dearest look of all, which live costs frames, is for what the landmark net takes for faces, too.
            if not any(score >= SURE or self._has_face(frame, box) for box, score in hints):
                self._close_look.done(self._frames, [], [])
                return
        self._look_very_closely(frame, CLOSE, sought, followed, gap)

    def _look_very_closely(
        self, frame: Frame, longest: int, sought: list[Track], followed: list[Box], gap: float
    ) -> None:
        """See ``_look_closely``: the net's picture is ``longest`` pixels long."""
        with self._detecting(frame, True, longest, FAINT) as closest:
            self._go_on(frame, sought)
        shown = self._close_look.small(frame, closest(), len(followed), self._doubtful)
        small = [(box, score) for box, score in shown if score >= WEAK]
        seen = [(box, score) for box, score in small if score >= CLOSELY_SEEN]
        doubtful, found = self._judge(frame, seen, sought, followed, gap, CLOSELY_LIKELY)
        if len(followed) >= CROWD:
            doubtful, more = self._judge(frame, small, sought, followed, gap, CROWD_LIKELY)
            faint = [each for each in shown[len(small) :] if nesting(each[0], followed) <= NESTED][:MOST_FAINT]
            clear = [(box, score) for box, score in faint if self._landmarker.glance(frame, box) >= CLEAR]
            found += more + self._judge(frame, clear, sought, followed, gap, CLEAR + FAINT)[1]
        self._close_look.done(self._frames, doubtful, found)

    def _judge(
        self,
        frame: Frame,
        boxes: Boxes,
        sought: list[Track],
        followed: list[Box],
        gap: float,
        likely: float = LIKELY,
    ) -> tuple[list[Box], list[Box]]:
        """Ask the landmark net about the ``boxes`` that share little with those that are ``followed``.

        A face is one of the tracks that are ``sought``, or else a new one. Both lists are brought up to date. Returns
        the doubtful boxes, and those with a face.
        """
        doubtful: list[Box] = []
        found: list[Box] = []
        for box, score in boxes:
            if nesting(box, followed) > NESTED:
                continue
            seen = self._landmarker.settle(frame, box)
            # Each net alone may be fooled or shy; a face is what both together make likely.
            if seen.presence + score < likely or seen.presence < DOUBTFUL or not plausible(seen.landmarks, frame):
                if score >= SURE:
                    doubtful.append(box)
                continue
            track = max(sought, key=lambda track: overlap(box, [track.box]), default=None)
            if track is not None and overlap(box, [track.box]) > TRACK_IOU:
                sought.remove(track)
                track.update(seen, gap)
            elif (faceness := self._landmarker.faceness(frame, seen.landmarks)) >= REAL:
                self._tracks.append(Track(next(self._numbers), seen))
            else:
                if faceness >= PERHAPS:
                    doubtful.append(box)
                continue
            followed.append(box)
            found.append(box)
        return doubtful, found

    def _has_face(self, frame: Frame, box: Box) -> bool:
        """Whether the landmark net sees a face in ``box``, and sees it still where it then says that the face is."""
        seen = self._landmarker.settle(frame, box)
        return seen.presence >= PRESENT and self._landmarker.faceness(frame, seen.landmarks) >= REAL


def moved(a: Points, b: Points) -> float:
    """How far landmarks ``a`` are from ``b``, float32 (68, 2) each: the mean, in outer-eye distances of ``b``."""
    return float(np.linalg.norm(a - b, axis=1).mean()) / max(eye_distance(b), 1e-6)


def plausible(landmarks: Points, frame: Frame) -> bool:
    """Whether landmarks, float32 (68, 2), can be a face of ``frame``: of a fair size, and its middle in sight."""
    x, y = landmarks.mean(axis=0).tolist()
    size = eye_distance(landmarks)
    return SMALLEST <= size <= max(frame.width, frame.height) and 0 <= x < frame.width and 0 <= y < frame.height
