"""Joining finished segments: their packets, with new decoding times, and those of all other streams, into the sink."""

import heapq
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import islice, pairwise
from operator import itemgetter
from pathlib import Path
from typing import TypeAlias

from av.packet import Packet
from av.stream import Stream

from realtime.jobs.segments.copies import Copies
from realtime.jobs.segments.plan import Plan, UncuttableError
from realtime.jobs.segments.segment_file import DamagedError, Segment, open_segment
from realtime.jobs.segments.steps import Counts
from realtime.media.closed_groups import Group, ahead
from realtime.media.file_sink import FileSink
from realtime.media.file_source import FileSource
from realtime.runtime.errors import OutputError, reason
from realtime.runtime.stop_signals import check

__all__ = ["join"]

#: Seconds at which a packet is to be decoded, whether it is of the video, and the packet.
_Timed: TypeAlias = "tuple[float, bool, Packet[Stream]]"


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Pictures that nothing outside of them looks at, nor they at it.

    ``times``, in units of ``clock``, are those of its ``packets``, rising; these come in the order of decoding.
    """

    times: list[int]
    clock: Fraction
    packets: "Iterator[Packet[Stream]]"


def join(
    paths: Sequence[Path],
    plan: Plan,
    source: FileSource,
    sink: FileSink,
    copies: Copies | None,
    copied: Sequence[Group],
) -> Counts:
    """Write the segments ``paths``, in order, and the other streams of ``source`` into ``sink``; returns all counts.

    Between the segments come the groups that are ``copied``, all of which are of ``copies``. Raises
    ``UncuttableError`` where they do not fit together, and ``OutputError`` where a file is damaged: it is removed, and
    the next run makes it anew.
    """
    counts, delay = Counts(), max(map(ahead, copied), default=0)
    for path in paths:
        with _damage_told(path, sink):
            segment = open_segment(path)
        if segment.header != sink.video_header:
            raise UncuttableError("its encoder begins differently each time")
        counts, delay = counts + segment.counts, max(delay, segment.delay)
    if copies is None:
        video = _video(_segments(paths, sink), None, delay)
    else:
        head = (plan.times[: delay + 1] + copies.later(source, sink)).tolist()
        video = _video(_mixed(paths, plan, source, sink, copies, copied), head, delay)
    for _, is_video, packet in heapq.merge(video, _others(source), key=itemgetter(0)):
        check()
        if is_video:
            sink.write_encoded(packet)
        else:
            sink.write(packet)
    for time in plan.times.tolist():
        sink.count(time)
    return counts


def _segments(paths: Iterable[Path], sink: FileSink) -> Iterator[_Stretch]:
    """What is in the segments."""
    for path in paths:
        with _damage_told(path, sink):
            segment = open_segment(path)
        yield _Stretch(segment.times, segment.clock, _packets_of(segment, sink))


def _packets_of(segment: Segment, sink: FileSink) -> "Iterator[Packet[Stream]]":
    with _damage_told(segment.path, sink):
        yield from segment.packets()


def _mixed(
    paths: Sequence[Path], plan: Plan, source: FileSource, sink: FileSink, copies: Copies, copied: Sequence[Group]
) -> Iterator[_Stretch]:
    """The segments, and the groups that are ``copied``, in the order in which they are shown."""
    encoded, packets = _segments(paths, sink), copies.packets(copied, source, sink)
    later = copies.later(source, sink)
    coming = heapq.merge(((span, False) for span in plan.spans), ((group.frames, True) for group in copied),
                         key=lambda each: each[0].start)  # fmt: skip
    for frames, is_copied in coming:
        if is_copied:
            times = (plan.times[frames.start : frames.stop] + later).tolist()
            yield _Stretch(times, source.time_base, islice(packets, len(frames)))
        else:
            stretch = next(encoded)
            yield replace(stretch, packets=map(copies.fitting, stretch.packets))


def _video(stretches: Iterable[_Stretch], head: Sequence[int] | None, delay: int) -> Iterator[_Timed]:
    """The packets of all stretches; ``head`` are the first times of all, None where they are in the first stretch.

    Each is decoded when that is shown which stands ``delay`` places before it in the order of showing. Encoders do the
    same, but each from its own beginning, which would not rise from one stretch to the next.
    """
    shown, last = deque[int](), None
    for stretch in stretches:
        times = stretch.times
        if any(next_one <= one for one, next_one in pairwise(times if last is None else [last, *times])):
            raise UncuttableError("several of its pictures would have one time")
        if last is None:  # before the first is shown, decoding runs ahead at the same pace
            first = times if head is None else head
            shown.extend(first[0] - (first[delay] - time) for time in first[:delay])
        last = times[-1]
        shown.extend(times)
        for packet in stretch.packets:
            packet.dts = shown.popleft()
            yield _seconds(packet.dts, stretch.clock), True, packet


def _others(source: FileSource) -> Iterator[_Timed]:
    """The packets of all streams but the video, in file order."""
    time = 0.0
    for packet in source.packets():
        if packet.stream.index == source.video.index:
            continue
        if packet.dts is not None and packet.time_base:
            time = _seconds(packet.dts, packet.time_base)
        yield time, False, packet


def _seconds(ticks: int, clock: Fraction) -> float:
    """Rounded but once, so that equal times stay equal: fractions would be compared several times for each packet."""
    return ticks * clock.numerator / clock.denominator


@contextmanager
def _damage_told(path: Path, sink: FileSink) -> Iterator[None]:
    try:
        yield
    except DamagedError as error:
        path.unlink(missing_ok=True)
        raise OutputError(
            f"{sink.name}: one of its finished segments, {path.name}, is damaged and was removed"
        ) from error
    except OSError as error:
        raise OutputError(f"{path}: cannot be read: {reason(error)}") from error
