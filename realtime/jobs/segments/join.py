"""Joining finished segments: their packets, with new decoding times, and those of all other streams, into the sink."""

import heapq
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from itertools import pairwise
from operator import itemgetter
from pathlib import Path
from typing import TypeAlias

from av.packet import Packet
from av.stream import Stream

from realtime.jobs.segments.plan import Plan, UncuttableError
from realtime.jobs.segments.segment_file import DamagedError, open_segment
from realtime.jobs.segments.steps import Counts
from realtime.media.file_sink import FileSink
from realtime.media.file_source import FileSource
from realtime.runtime.errors import OutputError, reason
from realtime.runtime.stop_signals import check

__all__ = ["join"]

#: Seconds at which a packet is to be decoded, whether it is of the video, and the packet.
_Timed: TypeAlias = "tuple[Fraction, bool, Packet[Stream]]"


def join(paths: Sequence[Path], plan: Plan, source: FileSource, sink: FileSink) -> Counts:
    """Write the segments ``paths``, in order, and the other streams of ``source`` into ``sink``; returns all counts.

    Raises ``UncuttableError`` where they do not fit together, and ``OutputError`` where a file is damaged: it is
    removed, and the next run makes it anew.
    """
    counts, delay = Counts(), 0
    for path in paths:
        with _damage_told(path, sink):
            segment = open_segment(path)
        if segment.header != sink.video_header:
            raise UncuttableError("its encoder begins differently each time")
        counts, delay = counts + segment.counts, max(delay, segment.delay)
    for _, is_video, packet in heapq.merge(_video(paths, delay, sink), _others(source), key=itemgetter(0)):
        check()
        if is_video:
            sink.write_encoded(packet)
        else:
            sink.write(packet)
    for time in plan.times.tolist():
        sink.count(time)
    return counts


def _video(paths: Sequence[Path], delay: int, sink: FileSink) -> Iterator[_Timed]:
    """The packets of all segments.

    Each is decoded when that is shown which stands ``delay`` places before it in the order of showing. Encoders do the
    same, but each from its own beginning, which would not rise from one segment to the next.
    """
    shown, last = deque[int](), None
    for path in paths:
        with _damage_told(path, sink):
            segment = open_segment(path)
            times = segment.times
            if any(next_one <= one for one, next_one in pairwise(times if last is None else [last, *times])):
                raise UncuttableError("several of its pictures would have one time")
            if last is None:  # before the first is shown, decoding runs ahead at the same pace
                shown.extend(times[0] - (times[delay] - time) for time in times[:delay])
            last = times[-1]
            shown.extend(times)
            for packet in segment.packets():
                packet.dts = shown.popleft()
                yield packet.dts * segment.clock, True, packet


def _others(source: FileSource) -> Iterator[_Timed]:
    """The packets of all streams but the video, in file order."""
    time = Fraction(0)
    for packet in source.packets():
        if packet.stream.index == source.video.index:
            continue
        if packet.dts is not None and packet.time_base:
            time = packet.dts * packet.time_base
        yield time, False, packet


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
