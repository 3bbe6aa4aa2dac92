"""Groups of pictures that stand for themselves: nothing within looks at what is outside of them, nor the other way."""

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TypeAlias

import numpy as np
from av.packet import Packet
from av.stream import Stream
from numpy.typing import NDArray

from realtime.media.codec_family import codec_of
from realtime.media.file_source import FileSource
from realtime.media.nal_units import Described, is_idr, is_set, number_of, rewritten, units_of
from realtime.runtime.errors import InputError

__all__ = ["ClosedGroups", "Group", "UncopiableError", "ahead", "copied_packets", "read_closed_groups"]

#: int64 (N,), units of the source's ``time_base``.
_Times: TypeAlias = NDArray[np.int64]


class UncopiableError(Exception):
    """Nothing of the source can be copied into another stream, for the reason that is said."""


@dataclass(frozen=True, slots=True)
class Group:
    """``frames`` are the numbers of its pictures as they are shown, ``times`` theirs in the order of decoding.

    ``size`` is that of its packets in bytes.
    """

    frames: range
    times: _Times
    size: int


@dataclass(frozen=True, slots=True)
class ClosedGroups:
    """The groups of a source, which is ``described`` with all parameter sets that occur in it."""

    described: Described
    groups: tuple[Group, ...]


def read_closed_groups(source: FileSource, times: _Times) -> ClosedGroups:
    """The closed groups of ``source``, H.264 or HEVC, whose frames are shown at ``times``; read without decoding.

    A group begins where decoding begins anew (IDR). One that is not shown whole, as at the edges of a part, is left
    out. Raises ``UncopiableError`` where parameter sets change on the way, and ``InputError``.
    """
    codec = codec_of(source.video)
    try:
        described = Described.read(codec, source.video.codec_context.extradata or b"")
        sets = {number_of(codec, unit): unit for unit in described.sets}
        shown, starts, sizes = array("q"), array("q"), array("q")
        for packet in _video(source):
            units = units_of(bytes(packet), described.lengths)
            for unit in units:
                if is_set(codec, unit) and sets.setdefault(number_of(codec, unit), unit) != unit:
                    raise UncopiableError("its parameter sets change on the way")
            if is_idr(codec, units):
                starts.append(len(shown))
            # What is not to be shown has no place among the times, and its group does not fit them.
            sizes.append(packet.size)
            shown.append(_NEVER if packet.is_discard or packet.pts is None else packet.pts)
    except ValueError as error:
        raise UncopiableError("its packets are not what they should be") from error
    edges = [*starts, len(shown)]
    groups = _fitting(np.frombuffer(shown, np.int64), np.frombuffer(sizes, np.int64), edges, times)
    if not groups:
        raise UncopiableError("no group of its pictures can be decoded by itself (open GOPs)")
    return ClosedGroups(replace(described, sets=tuple(sets.values())), groups)


def _fitting(decoded: _Times, sizes: NDArray[np.int64], edges: Sequence[int], times: _Times) -> tuple[Group, ...]:
    """The groups between the ``edges`` whose pictures are just those between two of ``times``."""
    groups = []
    for start, end in pairwise(edges):
        of_group = decoded[start:end]
        first = int(times.searchsorted(of_group[0]))
        frames = range(first, first + len(of_group))
        if np.array_equal(np.sort(of_group), times[frames.start : frames.stop]):
            groups.append(Group(frames, of_group, int(sizes[start:end].sum())))
    return tuple(groups)


def copied_packets(
    source: FileSource, described: Described, groups: Sequence[Group], beside: bool, later: int
) -> "Iterator[Packet[Stream]]":
    """The packets of ``groups``, ``later`` by so many units of the source's clock, without decoding times.

    ``beside`` is as in ``rewritten``. Raises ``InputError``.
    """
    coming, left = iter(groups), 0
    group = next(coming, None)
    for packet in _video(source):
        if group is None:
            return
        if not left and packet.pts == group.times[0] and packet.is_keyframe:
            left = len(group.times)
        if left:
            copy: Packet[Stream] = Packet(rewritten(bytes(packet), described, beside))
            copy.pts = (packet.pts or 0) + later
            copy.duration, copy.is_keyframe, copy.time_base = packet.duration, packet.is_keyframe, packet.time_base
            yield copy
            left -= 1
            if not left:
                group = next(coming, None)
    if group is not None:
        raise InputError(f"{source.path}: it is another file than it was when the work began; begin anew")


def ahead(group: Group) -> int:
    """By how many pictures decoding runs ahead of showing."""
    places = np.sort(group.times).searchsorted(group.times)
    return int((np.arange(len(places)) - places).max())


def _video(source: FileSource) -> "Iterator[Packet[Stream]]":
    return (packet for packet in source.packets() if packet.stream.index == source.video.index)


_NEVER = np.iinfo(np.int64).min
