"""People: numbers that stay with a face when its track breaks: through a cut, and where one passes before another."""

import copy
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from realtime.finder.cuts import Cuts
from realtime.finder.face import Box, Face
from realtime.finder.looks import Looks, look_at, similarity
from realtime.finder.plugins import FaceFinder
from realtime.finder.tracks import nesting
from realtime.media.frame import Frame

__all__ = ["People", "Reunion", "bare", "reunited"]

#: Looks at least so alike are of one person. Within a recording the same face stays above 0.88, and six people whom
#: nobody would confuse are below 0.8.
KNOWN: Final = 0.84
#: The same near the place where that person was lost from sight a moment ago, half hidden perhaps.
KNOWN_HERE: Final = 0.7
#: By how much somebody else must be more alike than whom a track was given to.
MARGIN: Final = 0.06
#: How sure one can be by looks: at the first not at all, at the second quite.
UNSURE, SURE = (0.7, 0.95)
#: Looks that differ by so much from all that are kept are kept, too; and how many of them.
NEW_LOOK, MOST_LOOKS = 0.92, 6
#: Heads that share so much of the smaller one may be mixed up, for so many frames from then on.
NEAR, DOUBTED_FOR = 0.1, 25
#: A moment: frames for which it counts where somebody was lost from sight.
MOMENT: Final = 60


@dataclass(frozen=True, slots=True)
class Reunion:
    """Somebody was seen again, at ``time`` in seconds (None: without one); ``sure`` is 0..1."""

    track: int
    time: float | None
    sure: float


@dataclass(eq=False)
class _Person:
    """``seen`` and ``doubted`` count frames: when last seen, and when last near somebody else."""

    number: int
    box: Box
    seen: int
    looks: list[Looks] = field(default_factory=list)
    doubted: int = -DOUBTED_FOR

    def likeness(self, looks: Looks) -> float:
        return max((similarity(looks, each) for each in self.looks), default=-1.0)

    def learn(self, looks: Looks) -> None:
        if self.likeness(looks) < NEW_LOOK and len(self.looks) < MOST_LOOKS:
            self.looks.append(looks)


class People:
    """A face finder whose tracks are people: one that goes and comes back has its old number, as far as looks tell.

    ``reunions`` holds each time that somebody came back. See ``realtime.finder.looks`` for what that is worth.
    """

    def __init__(self, finder: FaceFinder) -> None:
        self.finder = finder
        self._forget()

    def reset(self) -> None:
        """Forget everybody, as between two sources."""
        self.finder.reset()
        self._forget()

    def __copy__(self) -> "People":
        return People(copy.copy(self.finder))

    def _forget(self) -> None:
        self.reunions: list[Reunion] = []
        self._people: list[_Person] = []
        self._who: dict[int, _Person] = {}  # by track of the finder
        self._now = 0
        self._cuts = Cuts()

    def find(self, frame: Frame) -> tuple[Face, ...]:
        """The faces of this frame, with the numbers of people."""
        faces = self.finder.find(frame)
        self._now += 1
        cut = self._cuts.before(frame)
        if cut:
            self._who.clear()
        looks = {face.track: look_at(frame, face) for face in faces}
        open_ = [face for face in faces if face.track not in self._who or self._is_doubted(face)]
        settled = {face.track for face in faces} - {face.track for face in open_}
        self._match(frame, open_, looks, settled, cut)
        for face in faces:
            person = self._who[face.track]
            person.box, person.seen = face.box, self._now
            if face.track in settled:
                person.learn(looks[face.track])
        self._note_nearness(faces)
        return tuple(replace(face, track=self._who[face.track].number) for face in faces)

    def _is_doubted(self, face: Face) -> bool:
        return self._now - self._who[face.track].doubted < DOUBTED_FOR

    def _match(self, frame: Frame, open_: list[Face], looks: dict[int, Looks], settled: set[int], cut: bool) -> None:
        """Say who the ``open_`` faces are: one of those who are not ``settled``, the most alike first, or somebody new.

        After a ``cut`` their places say nothing.
        """
        taken = {self._who[track] for track in settled}
        owners = {face.track: self._who.pop(face.track, None) for face in open_}
        pairs = []
        for face in open_:
            for person in self._people:
                like = person.likeness(looks[face.track])
                is_own = owners[face.track] is person
                if is_own or like >= (KNOWN_HERE if not cut and self._was_here(person, face) else KNOWN):
                    pairs.append((like + MARGIN * is_own, like, face, person))
        for _, like, face, person in sorted(pairs, key=lambda pair: -pair[0]):
            if face.track in self._who or person in taken:
                continue
            self._who[face.track] = person
            taken.add(person)
            if person is not owners[face.track]:
                time = None if frame.pts is None or frame.time_base is None else float(frame.pts * frame.time_base)
                sure = float(np.clip((like - UNSURE) / (SURE - UNSURE), 0, 1))
                self.reunions.append(Reunion(person.number, time, round(sure, 2)))
        for face in open_:
            if face.track not in self._who:
                person = _Person(len(self._people), face.box, self._now, [looks[face.track]])
                self._people.append(person)
                self._who[face.track] = person

    def _was_here(self, person: _Person, face: Face) -> bool:
        """Whether ``person`` was seen a moment ago within a head's size of ``face``."""
        x0, y0, x1, y1 = person.box
        a0, b0, a1, b1 = face.box
        away = max(abs(x0 + x1 - a0 - a1), abs(y0 + y1 - b0 - b1)) / 2
        return self._now - person.seen <= MOMENT and away <= 1.5 * max(x1 - x0, y1 - y0)

    def _note_nearness(self, faces: tuple[Face, ...]) -> None:
        around = [person for person in self._people if self._now - person.seen <= MOMENT]
        for face in faces:
            person = self._who[face.track]
            for other in around:
                if other is not person and nesting(face.box, [other.box]) > NEAR:
                    person.doubted = other.doubted = self._now


def reunited(finder: FaceFinder) -> list[str]:
    """What is to be said of people who were seen again."""
    if not isinstance(finder, People) or not finder.reunions:
        return []
    least = min(finder.reunions, key=lambda each: each.sure)
    when = "" if least.time is None else f", at {least.time:.2f} s"
    count = len(finder.reunions)
    often = "once" if count == 1 else f"{count:,} times"
    return [
        f"{often} a face came back and was known by its looks: the least sure one was"
        f" track {least.track}{when}, {least.sure:.0%}"
    ]


def bare(finder: FaceFinder) -> FaceFinder:
    """The finder itself, without what knows people."""
    return finder.finder if isinstance(finder, People) else finder
