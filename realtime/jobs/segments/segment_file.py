"""A finished segment as a file: encoded packets one after the other, an index behind them, and a check sum.

``packets | index (JSON) | length of the index, check sum of both: uint32 each, big endian | MAGIC``
"""

import json
import os
import struct
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from av.packet import Packet
from av.stream import Stream

from realtime.jobs.segments.steps import Counts

__all__ = ["DamagedError", "Segment", "SegmentWriter", "open_segment"]

_MAGIC: Final = b"mummer segment 1"
_TAIL: Final = struct.Struct(f">II{len(_MAGIC)}s")


class DamagedError(Exception):
    """A segment's file is not as it was written."""


class _Entry(NamedTuple):
    pts: int
    duration: int
    is_key: bool
    size: int


class SegmentWriter:
    """Writes packets to a file as they come; it is whole after ``finish``."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")
        self._sum = 0
        self._entries: list[_Entry] = []
        self._clock = Fraction(0)

    def write(self, packets: "Iterable[Packet[Stream]]") -> None:
        """Packets of one encoder, in its order. Raises ``OSError``."""
        for packet in packets:
            if packet.pts is None or packet.time_base is None:
                raise ValueError("an encoder gave a packet without a time")
            self._clock = packet.time_base
            self._entries.append(_Entry(packet.pts, packet.duration or 0, packet.is_keyframe, packet.size))
            self._append(bytes(packet))

    def finish(self, header: bytes, counts: Counts) -> None:
        """``header`` is what the encoder says beside its packets. Raises ``OSError``."""
        index = {
            "header": header.hex(),
            "clock": str(self._clock),
            "counts": asdict(counts),
            "packets": self._entries,
        }
        page = json.dumps(index, separators=(",", ":")).encode()
        self._append(page)
        self._file.write(_TAIL.pack(len(page), self._sum, _MAGIC))
        self._file.flush()
        os.fsync(self._file.fileno())  # its name must not outrun its content
        self._file.close()

    def abort(self) -> None:
        """Let go of the file as it is."""
        with suppress(OSError):  # of what could not be written before
            self._file.close()

    def _append(self, data: bytes) -> None:
        self._sum = zlib.crc32(data, self._sum)
        self._file.write(data)


class Segment:
    """A finished segment, open for reading.

    ``header`` is what its encoder says beside its packets, ``times`` are those of its packets, rising, in units of
    ``clock``, ``delay`` by how many packets decoding runs ahead of showing, ``counts`` what was swapped in it.
    """

    def __init__(self, path: Path, page: bytes) -> None:
        index = json.loads(page)
        self.path = path
        self.header = bytes.fromhex(index["header"])
        self.clock = Fraction(index["clock"])
        self.counts = Counts(**index["counts"])
        self._entries = [_Entry(*entry) for entry in index["packets"]]
        self._sum_of_index = page
        shown = [entry.pts for entry in self._entries]
        self.times = sorted(shown)
        place = {pts: number for number, pts in enumerate(self.times)}
        # Of the packets before number i, those that are shown after it number i - place at the least.
        self.delay = max((number - place[pts] for number, pts in enumerate(shown)), default=0)

    def packets(self) -> "Iterator[Packet[Stream]]":
        """Its packets in the encoder's order, without decoding times.

        Raises ``DamagedError`` after the last where one of them was not as it was written.
        """
        total = 0
        with self.path.open("rb") as file:
            for entry in self._entries:
                data = file.read(entry.size)
                total = zlib.crc32(data, total)
                packet: Packet[Stream] = Packet(data)
                packet.pts, packet.duration, packet.is_keyframe = entry.pts, entry.duration, entry.is_key
                packet.time_base = self.clock
                yield packet
            file.seek(-_TAIL.size, os.SEEK_END)
            if zlib.crc32(self._sum_of_index, total) != _TAIL.unpack(file.read(_TAIL.size))[1]:
                raise DamagedError


def open_segment(path: Path) -> Segment:
    """The finished segment in the file ``path``. Raises ``DamagedError`` for one that is not whole, and ``OSError``."""
    with path.open("rb") as file:
        try:
            return Segment(path, _index_of(file))
        except (struct.error, ValueError, KeyError, TypeError) as error:
            raise DamagedError from error


def _index_of(file: BinaryIO) -> bytes:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(size - _TAIL.size, 0))
    length, _, magic = _TAIL.unpack(file.read())
    if magic != _MAGIC or length + _TAIL.size > size:
        raise ValueError
    file.seek(size - _TAIL.size - length)
    return file.read(length)
