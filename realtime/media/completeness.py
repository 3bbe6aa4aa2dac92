"""Whether a file holds as much as its container promises: how far its streams reach, and how far they should.

Demuxers end quietly where an index is damaged, or where a recording of unknown length breaks off.
"""

import re
from fractions import Fraction
from typing import Final

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream

__all__ = ["Promise"]


class Promise:
    """What the headers of an open file say of its end, and what was read of it. Only ``streams`` are read."""

    def __init__(self, container: InputContainer, streams: list[Stream]) -> None:
        form = container.format.name
        #: How far each stream came, in ticks of its clock: sums of fractions are slow, and every packet comes here.
        self._ticks: dict[int, int] = {}
        self._clocks: dict[int, Fraction] = {}
        self._promised: dict[int, Fraction] = {}
        self._kinds = {stream.index: stream.type for stream in streams}
        self._whole: Fraction | None = None
        if form in _BY_STREAM:
            for stream in streams:
                if stream.type in ("video", "audio") and stream.duration and stream.time_base:
                    self._promised[stream.index] = ((stream.start_time or 0) + stream.duration) * stream.time_base
        elif form in _AS_A_WHOLE and len(streams) == len(container.streams) and container.duration:
            self._whole = Fraction(container.duration, av.time_base)
        elif form in _AS_A_WHOLE:  # the longest may be one that is not read
            for stream in streams:
                told = _seconds(stream.metadata.get("DURATION", ""))
                if stream.type in ("video", "audio") and told is not None:
                    self._promised[stream.index] = told

    def note(self, packet: "Packet[Stream]") -> None:
        """A packet came."""
        if packet.pts is not None and packet.time_base:
            end, index = packet.pts + (packet.duration or 0), packet.stream.index
            if index not in self._ticks:
                self._clocks[index] = packet.time_base
                self._ticks[index] = end
            elif end > self._ticks[index]:
                self._ticks[index] = end

    def broken(self) -> str | None:
        """What is missing, at the end of the file; None where all came."""
        ends = {index: ticks * self._clocks[index] for index, ticks in self._ticks.items()}
        for index, promised in self._promised.items():
            came = ends.get(index, Fraction(0))
            if promised - came > SLACK:
                return _words(self._kinds[index], came, promised)
        came = max(ends.values(), default=Fraction(0))
        if self._whole is not None and self._whole - came > SLACK:
            return _words("content", came, self._whole)
        return None


def _seconds(tag: str) -> Fraction | None:
    """What a statistics tag of Matroska says, such as ``00:01:02.500000000``; None where it says nothing."""
    matched = _CLOCK.fullmatch(tag)
    return None if matched is None else 3600 * int(matched[1]) + 60 * int(matched[2]) + Fraction(matched[3])


def _words(what: str, came: Fraction, promised: Fraction) -> str:
    return f"its {what} ends at {float(came):.2f} s, and should reach {float(promised):.2f} s"


_CLOCK: Final = re.compile(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)", re.ASCII)
#: Seconds by which honest headers are wrong: some count the last frame or the silence before the sound, some do not.
SLACK: Final = Fraction(1, 4)
#: Formats, by FFmpeg's names, that state each stream's duration, and those that state that of the longest. The others
#: state none, or FFmpeg guesses it from the bytes.
_BY_STREAM: Final = frozenset({"mov,mp4,m4a,3gp,3g2,mj2", "avi"})
_AS_A_WHOLE: Final = frozenset({"matroska,webm"})
