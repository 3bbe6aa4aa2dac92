"""What a segment is made of: its frames, decoded, found, swapped; the same whoever asks, and in whatever order."""

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Final

from realtime.finder.cuts import Cuts
from realtime.finder.found import Found
from realtime.jobs.lift import lifted
from realtime.jobs.segments.plan import Plan, UncuttableError
from realtime.media.file_source import FileSource
from realtime.media.frame import Frame
from realtime.media.interlaced import fields_of
from realtime.runtime.errors import InputError
from realtime.swapper import FrameSwapper

__all__ = ["Counts", "FindSteps", "LiftSteps", "Step", "SwapSteps", "read_frames", "read_steps"]

#: Seconds before the first picture at which every container begins.
_BEFORE: Final = 10


@dataclass(slots=True)
class Counts:
    """Of the frames of a segment: those with a new face, the faces swapped, left, and with an empty mask."""

    frames_swapped: int = 0
    faces_swapped: int = 0
    faces_left: int = 0
    faces_unmasked: int = 0

    @classmethod
    def of(cls, swapper: FrameSwapper) -> "Counts":
        """What ``swapper`` has counted so far."""
        return cls(swapper.frames_swapped, swapper.faces_swapped, swapper.faces_left, swapper.faces_unmasked)

    def put_on(self, swapper: FrameSwapper) -> None:
        """Let ``swapper`` go on from here."""
        swapper.frames_swapped, swapper.faces_swapped = self.frames_swapped, self.faces_swapped
        swapper.faces_left, swapper.faces_unmasked = self.faces_left, self.faces_unmasked

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.frames_swapped + other.frames_swapped,
            self.faces_swapped + other.faces_swapped,
            self.faces_left + other.faces_left,
            self.faces_unmasked + other.faces_unmasked,
        )


@dataclass(slots=True)
class Step:
    """A frame on its way into ``segment``; None where it only ``warms`` up for the next one.

    ``is_first`` and ``is_last`` are of its segment; ``counts`` are those of the segment so far, once it is swapped;
    ``found`` is what is in it, where that is all that is asked for.
    """

    frame: Frame
    segment: int | None
    is_first: bool
    is_last: bool
    warms: bool
    counts: Counts | None = None
    found: Found | None = None


def read_steps(source: FileSource, plan: Plan, segments: Iterator[int]) -> Generator[Step]:
    """The frames of ``segments``, each with those before it that warm up for it.

    Where one segment follows another, decoding goes on, and the last frames of the one warm up for the next. Raises
    ``UncuttableError`` where what is decoded is not what was planned.
    """
    frames: Iterator[Frame] | None = None
    segment = next(segments, None)
    while segment is not None:
        span, follows = plan.span(segment), False
        if frames is None:
            begin = max(span.start - plan.warm_up, 0)
            frames = read_frames(source, plan, begin)
            for _ in range(begin, span.start):
                yield Step(next(frames), None, False, False, warms=True)
        following: int | None = None
        for number in span:
            if number == max(span.stop - max(plan.warm_up, 1), span.start):
                following = next(segments, None)
                follows = following == segment + 1 and plan.span(following).start == span.stop
            warms = follows and number >= span.stop - plan.warm_up
            yield Step(next(frames), segment, number == span.start, number == span.stop - 1, warms)
        if not follows:
            frames = None
        segment = following


def read_frames(source: FileSource, plan: Plan, begin: int = 0) -> Generator[Frame]:
    """The frames from number ``begin`` on, each as planned; ends with the plan. Raises ``UncuttableError``."""
    try:
        frames = _opened_at(source, plan, begin)
        for number in range(begin, plan.frames):
            frame = next(frames, None)
            if frame is None or frame.pts != plan.times[number]:
                raise UncuttableError(f"what is decoded at frame {number:,} is not what its packets say")
            if number == plan.frames - 1 and next(frames, None) is not None:
                raise UncuttableError("more is decoded than its packets say")
            if source.damage is not None and source.damage.words:
                raise UncuttableError("it is damaged in places")
            yield frame
    except InputError as error:
        raise UncuttableError("it is damaged in places") from error


def _opened_at(source: FileSource, plan: Plan, begin: int) -> Iterator[Frame]:
    """Frames from number ``begin`` on, decoded from the last keyframe before it that leads there."""
    if begin == 0 and source.is_untouched:
        return (item for item in source if isinstance(item, Frame))
    first = int(plan.times[begin])
    last_key = int(plan.keys.searchsorted(first, side="right")) - 1
    # Seeking in a transport stream lands late, and decoding may need more than one keyframe to be whole again.
    places = [int(plan.keys[max(last_key - back, 0)]) for back in (0, 2, 8, last_key)]
    for place in (*places, places[-1] - round(_BEFORE / source.time_base)):
        frames = source.frames_from(place, first)
        frame = next(frames, None)
        if frame is not None and frame.pts == first:
            return chain((frame,), frames)
    raise UncuttableError(f"frame {begin:,} cannot be reached but from the start")


class SwapSteps:
    """Swaps the faces of each step's frame, by what was seen in its segment and in the frames before, and no more."""

    def __init__(self, swapper: FrameSwapper) -> None:
        self._swapper = swapper
        self._next: FrameSwapper | None = None

    def __call__(self, step: Step) -> None:
        """Swap, count, and warm up for the segment that comes next."""
        swapper = self._swapper
        if step.is_first:
            swapper.know(self._next or swapper.unknowing())
            self._next = None
            Counts().put_on(swapper)
        if step.warms:  # before the swap, which writes into the frame
            self._next = self._next or swapper.unknowing()
            for field in fields_of(step.frame):
                self._next.rehearse(field)
        if step.segment is None:
            return
        self._work(step, swapper)

    def _work(self, step: Step, swapper: FrameSwapper) -> None:
        swapper.process(step.frame)
        step.counts = Counts.of(swapper)


class LiftSteps(SwapSteps):
    """Swaps the faces just as ``SwapSteps`` does, and leaves nothing of the frame but them."""

    def _work(self, step: Step, swapper: FrameSwapper) -> None:
        step.frame = lifted(swapper, step.frame)
        step.counts = Counts.of(swapper)


class FindSteps(SwapSteps):
    """Finds the faces just as ``SwapSteps`` does, and leaves them as they are."""

    def __init__(self, swapper: FrameSwapper) -> None:
        super().__init__(swapper)
        self._cuts = Cuts()
        self._begins_scene = True

    def __call__(self, step: Step) -> None:
        """Find, and warm up for the segment that comes next."""
        self._begins_scene = self._cuts.before(step.frame)
        super().__call__(step)

    def _work(self, step: Step, swapper: FrameSwapper) -> None:
        with swapper.stages("find"):
            faces = swapper.finder.find(step.frame)
        step.found = Found(faces, swapper.doubtful(), self._begins_scene)
