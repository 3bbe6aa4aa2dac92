"""Who is who in a video whose faces were found segment by segment: the numbers of people, and who gets which model.

What was found is gone through in order, with the pictures: how people look is kept in memory only.
"""

from collections.abc import Callable
from dataclasses import replace

from realtime.finder.face import Face
from realtime.finder.found import Found, read_found, write_found
from realtime.finder.people import People, reunited
from realtime.finder.plugins import TRACK_IOU
from realtime.finder.tracks import overlap
from realtime.jobs.segments.maker import PART, Order
from realtime.jobs.segments.steps import read_frames
from realtime.media.file_source import FileSource
from realtime.media.frame import Frame
from realtime.runtime.files import writing
from realtime.swap.cast import Cast

__all__ = ["name_people"]


def name_people(order: Order, source: FileSource, cast: Cast, on_frame: Callable[[], None]) -> tuple[Order, list[str]]:
    """Give the faces that ``order`` has found the numbers of people, and these their parts in ``cast``.

    Returns the order with their parts, and what is to be said of people who were seen again. Raises ``UncuttableError``
    where the source does not keep to the plan, and ``OutputError``.
    """
    known, frames = _Known(), read_frames(source, order.plan)
    people = People(known)
    named = replace(order, found=order.plan.spans, parts=())
    for number, path in enumerate(named.found_paths):
        known.begin()
        held = list[Found]()
        for found in read_found(order.path(number)):
            frame = next(frames)
            known.faces = found.faces
            held.append(replace(found, faces=people.find(frame)))
            cast.assign(held[-1].faces, frame.width)
            on_frame()
        with writing(path):
            write_found(path.with_suffix(PART), held)
            path.with_suffix(PART).replace(path)
    frames.close()
    cast.bind(cast.parts)
    return replace(named, parts=tuple(cast.parts.items())), reunited(people)


class _Known:
    """A face finder that is told the ``faces`` of each frame; those of a segment's first go on from the one before."""

    def __init__(self) -> None:
        self.faces: tuple[Face, ...] = ()
        self._last: tuple[Face, ...] = ()
        self._numbers: dict[int, int] = {}
        self._is_new, self._count = True, 0

    def begin(self) -> None:
        """A segment begins: its finder counts from anew."""
        self._is_new = True

    def find(self, frame: Frame) -> tuple[Face, ...]:
        """The faces of this frame, with numbers of the whole video."""
        if self._is_new:
            self._numbers, self._is_new = self._go_on(), False
        for face in self.faces:
            if face.track not in self._numbers:
                self._numbers[face.track], self._count = self._count, self._count + 1
        self._last = tuple(replace(face, track=self._numbers[face.track]) for face in self.faces)
        return self._last

    def reset(self) -> None:
        """Nothing is kept but numbers."""

    def _go_on(self) -> dict[int, int]:
        """The numbers of those faces that were there in the frame before, the surest first."""
        pairs = [(overlap(old.box, [new.box]), old.track, new.track) for old in self._last for new in self.faces]
        numbers: dict[int, int] = {}
        for share, old, new in sorted(pairs, reverse=True):
            if share >= TRACK_IOU and new not in numbers and old not in numbers.values():
                numbers[new] = old
        return numbers
