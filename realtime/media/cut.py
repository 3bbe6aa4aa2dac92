"""Cutting a part out of a video: which pictures and packets belong to it, and when they come in their own file."""

import re
from collections.abc import Iterable
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

from realtime.settings.part import SLACK, Part

if TYPE_CHECKING:
    from av.packet import Packet
    from av.stream import Stream

__all__ = ["Cut", "move"]

#: Seconds before the first picture from which on sound comes along: what its decoder warms up with.
WARMING: Final = Fraction(1, 5)
_CODE: Final = re.compile(r"(\d\d):(\d\d):(\d\d)([:;.])(\d\d)", re.ASCII)


class Cut:
    """A part of one file, whose first picture comes at ``begins`` seconds: what belongs to it, moved to the beginning.

    ``origin`` are the seconds by which it is moved, those of its first picture; None until that is known. Where the
    part has no start of its own all times stay as they are.
    """

    def __init__(self, part: Part, begins: Fraction) -> None:
        self._from = None if part.start is None else begins + part.start - SLACK
        self._to = None if part.end is None else begins + part.end - SLACK
        self.origin = Fraction(0) if self._from is None else None

    @property
    def start(self) -> Fraction | None:
        """Seconds of the file at which it begins; None where it does at the file's own beginning."""
        return self._from

    def starts_by(self, time: Fraction) -> bool:
        """Whether a picture at ``time``, seconds of the file, is not too early for it; the first one is its origin."""
        if self._from is not None and time < self._from:
            return False
        if self.origin is None:
            self.origin = time
        return True

    def is_over(self, time: Fraction) -> bool:
        """Whether ``time``, seconds of the file, is behind it."""
        return self._to is not None and time >= self._to

    def shows(self, time: Fraction) -> bool:
        """Whether a picture belongs to it that comes at ``time``, seconds of the part."""
        return (self._from is None or time >= 0) and not self.is_over(time + self.moved)

    @property
    def moved(self) -> Fraction:
        """``origin``, once that is known. Raises ``ValueError`` before."""
        if self.origin is None:
            raise ValueError("asked for before the first picture was decoded")
        return self.origin

    def length(self, whole: Fraction) -> Fraction:
        """Its seconds, of a file of ``whole`` seconds."""
        start, end = self._from or Fraction(0), whole if self._to is None else min(self._to, whole)
        return max(end - start, Fraction(0))

    def keep(self, packet: "Packet[Stream]") -> bool:
        """Whether a packet of sound, text or data belongs to it; it is then moved, and what is shown too long cut."""
        if self._from is None and self._to is None:
            return True
        clock = packet.time_base
        time = packet.pts if packet.pts is not None else packet.dts
        if clock is None or time is None:
            return True
        begin, end = time * clock, (time + (packet.duration or 0)) * clock
        if self.is_over(begin):
            return False
        units = round(self.moved / clock)
        if self._from is not None and begin < self.moved:
            is_text = packet.stream.type == "subtitle"
            if end <= self.moved or (not is_text and begin < self.moved - WARMING):
                return False
            if is_text:
                packet.duration = round(end / clock) - units
                packet.pts = packet.dts = units
        if packet.stream.type == "subtitle" and self._to is not None and packet.duration:
            packet.duration = min(packet.duration, round((self._to + SLACK) / clock) - (packet.pts or 0))
        move(packet, units)
        return True

    def chapters(self, chapters: Iterable[Any]) -> list[Any]:
        """The chapters, as PyAV gives them, that it has a part of: moved, and cut."""
        kept = []
        for chapter in chapters:
            clock = chapter["time_base"]
            begin, end = chapter["start"] * clock, chapter["end"] * clock
            if (self._from is not None and end <= self.moved) or self.is_over(begin):
                continue
            last = end if self._to is None else min(end, self._to + SLACK)
            first = begin if self._from is None else max(begin, self.moved)
            kept.append({**chapter, "start": round((first - self.moved) / clock),
                         "end": round((last - self.moved) / clock)})  # fmt: skip
        return kept

    def time_code(self, code: str, rate: Fraction) -> str:
        """The time code, at ``rate`` frames a second, of its first picture, where ``code`` is the file's."""
        read = _CODE.fullmatch(code)
        if read is None:
            return code
        hours, minutes, seconds, frames = (int(read[group]) for group in (1, 2, 3, 5))
        a_second, drops = round(rate), read[4] != ":"
        dropped = a_second // 15 if drops else 0  # numbers that each minute leaves out but every tenth
        number = (3600 * hours + 60 * minutes + seconds) * a_second + frames
        number -= dropped * (60 * hours + minutes - (60 * hours + minutes) // 10)
        number += round(self.moved * rate)
        tens, rest = divmod(number, 600 * a_second - 9 * dropped)
        number += 9 * dropped * tens
        if dropped and rest >= 60 * a_second:
            number += dropped * ((rest - dropped) // (60 * a_second - dropped))
        seconds, frames = divmod(number, a_second)
        hours, minutes, seconds = seconds // 3600 % 24, seconds // 60 % 60, seconds % 60
        return f"{hours:02}:{minutes:02}:{seconds:02}{read[4]}{frames:02}"


def move(packet: "Packet[Stream]", units: int) -> None:
    """Let ``packet`` come earlier by so many units of its clock."""
    if units:
        packet.pts = None if packet.pts is None else packet.pts - units
        packet.dts = None if packet.dts is None else packet.dts - units
