"""A part of a video, by its times."""

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

__all__ = ["SLACK", "WHOLE", "Part", "read_time"]

#: Seconds by which a picture may come before its time and count as coming at it: containers round, and people too.
SLACK: Final = Fraction(1, 1000)

_TIME: Final = re.compile(r"(?:(?:(\d{1,3}):)?(\d{1,2}):)?(\d{1,7}(?:\.\d{1,9})?)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Part:
    """From ``start`` on, to before ``end``: seconds since the first picture of the file, None for its own."""

    start: Fraction | None = None
    end: Fraction | None = None

    @property
    def words(self) -> str:
        """As it is told."""
        begin = "the start" if self.start is None else f"{float(self.start):.9g} s"
        return f"from {begin} to {'the end' if self.end is None else f'{float(self.end):.9g} s'}"

    def holds(self, time: Fraction) -> bool:
        """Whether what comes ``time`` seconds after the first picture belongs to it."""
        return (self.start or 0) - SLACK <= time and (self.end is None or time < self.end - SLACK)


WHOLE: Final = Part()


def read_time(text: str) -> Fraction:
    """Seconds of a time that is written as 12.5, 1:02.5 or 00:01:02.5. Raises ``ValueError`` for what is none."""
    read = _TIME.fullmatch(text.strip())
    if read is None:
        raise ValueError(f"{text!r} is no time; write seconds, or hours:minutes:seconds: 12.5, 1:02.5, 00:01:02.5")
    hours, minutes, seconds = (Fraction(each or 0) for each in read.groups())
    return 3600 * hours + 60 * minutes + seconds
