"""The plan of a job: when each frame is shown, and where decoding can begin. Read once, without decoding."""

from array import array
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from realtime.media.file_source import SEEKABLE, FileSource
from realtime.runtime.errors import InputError

__all__ = ["GRID", "WARM_UP", "WARM_UP_DRAWN", "Plan", "Times", "UncuttableError", "cut", "read_plan"]

#: Frames a segment. Whoever computes how many of them, the cuts lie on this grid: they decide the encoder's output.
GRID: Final = 250
#: Frames before a segment that its face finder sees first: fewer than five leave a trace of the cut, more change
#: nothing. And those that a drawn face sees, too, which learns from them what the performer looks like at rest.
WARM_UP: Final = 10
WARM_UP_DRAWN: Final = 50

#: int64 (N,), units of the source's ``time_base``.
Times: TypeAlias = NDArray[np.int64]


class UncuttableError(Exception):
    """The source does not keep to a plan, for the reason that is said: it can be converted in one piece only."""


@dataclass(frozen=True, slots=True)
class Plan:
    """``times`` of all frames, rising; those of the keyframes in ``keys``; ``beside`` is bytes in all other streams.

    The ``spans`` are the numbers of the frames of each segment, from 0; each has seen ``warm_up`` frames before it.
    """

    times: Times
    keys: Times
    beside: int
    spans: tuple[range, ...]
    warm_up: int = WARM_UP

    @property
    def frames(self) -> int:
        """How many there are."""
        return len(self.times)

    @property
    def segments(self) -> int:
        """How many there are."""
        return len(self.spans)

    def span(self, segment: int) -> range:
        """The numbers of the frames of a segment."""
        return self.spans[segment]


def cut(frames: range) -> tuple[range, ...]:
    """The segments of ``frames``: what is left after the last cut, and less than half of one, goes with the former."""
    count = max((len(frames) + GRID // 2) // GRID, 1)
    starts = [frames.start + number * GRID for number in range(count)]
    return tuple(map(range, starts, [*starts[1:], frames.stop]))


def read_plan(source: FileSource, warm_up: int = WARM_UP) -> Plan:
    """The plan for ``source``. Raises ``UncuttableError`` where its packets do not say what will be decoded."""
    if source.container.format.name not in SEEKABLE:
        raise UncuttableError(f"{source.container.format.long_name} does not say when each picture is shown")
    times, keys, beside = array("q"), array("q"), 0
    try:
        for packet in source.packets():
            if packet.stream.index != source.video.index:
                beside += packet.size
            elif packet.pts is None or packet.is_corrupt:
                raise UncuttableError("some of its pictures have no time, or are damaged")
            elif not packet.is_discard:
                if source.shows(packet.pts):
                    times.append(packet.pts)
                if packet.is_keyframe:
                    keys.append(packet.pts)
    except InputError as error:
        raise UncuttableError("it is damaged in places") from error
    shown, spans = np.sort(np.frombuffer(times, np.int64)), cut(range(len(times)))
    plan = Plan(shown, np.sort(np.frombuffer(keys, np.int64)), beside, spans, min(warm_up, GRID))
    if not plan.frames or (np.diff(plan.times) <= 0).any():
        raise UncuttableError("several of its pictures have one time")
    if source.first.pts != plan.times[0]:
        raise UncuttableError("its first pictures cannot be decoded")
    return plan
