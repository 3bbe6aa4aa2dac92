"""Image sequences: a name with a number in it, like ``frames/%06d.png``, and the pictures that have it.

The pattern is read here and nowhere else. FFmpeg, which would take more for a pattern and open what it matches, is
never given one: each picture is read and written by itself, by its own name.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

from realtime.media.photo_formats import PHOTOS
from realtime.runtime.errors import InputError, reason

__all__ = ["Pattern", "gaps"]

_NUMBER: Final = re.compile(r"%(0[1-9])?d")
#: Digits of a number at most: no file is meant by more.
_DIGITS: Final = 9


@dataclass(frozen=True, slots=True)
class Pattern:
    """A file name with one number in it, filled up with zeros to at least ``width`` digits."""

    path: Path
    before: str
    width: int
    after: str

    @classmethod
    def read(cls, path: Path) -> "Pattern | None":
        """The pattern that ``path`` is; None for a name without a number, one of no picture, and a file that exists."""
        found = list(_NUMBER.finditer(path.name))
        if len(found) != 1 or path.suffix.lower() not in PHOTOS or path.exists():
            return None
        (number,) = found
        width = int(number[1] or 1)
        return cls(path, path.name[: number.start()], width, path.name[number.end() :])

    def name(self, number: int) -> Path:
        """The picture with this number."""
        return self.path.with_name(f"{self.before}{number:0{self.width}d}{self.after}")

    def found(self) -> list[int]:
        """The numbers of the pictures that are there, rising. Raises ``InputError`` where the folder cannot be read."""
        folder = self.path.parent
        try:
            names = [each.name for each in folder.iterdir()]
        except OSError as error:
            raise InputError(f"{self.path}: {folder} cannot be read: {reason(error)}") from error
        return sorted(number for name in names if (number := self._number_in(name)) is not None)

    def _number_in(self, name: str) -> int | None:
        digits = name.removeprefix(self.before).removesuffix(self.after)
        if not (digits.isascii() and digits.isdecimal() and len(digits) <= _DIGITS):
            return None
        number = int(digits)
        return number if self.name(number).name == name else None


def gaps(numbers: Sequence[int]) -> str | None:
    """What is missing between the first and the last of ``numbers``, which rise, in words; None where nothing is."""
    missing = list(_missing(numbers))
    if not missing:
        return None
    count = sum(last - first + 1 for first, last in missing)
    shown = [f"{first}" if first == last else f"{first} to {last}" for first, last in missing[:_SHOWN]]
    more = ", ..." if len(missing) > _SHOWN else ""
    return f"{count:,} {'number is' if count == 1 else 'numbers are'} missing ({', '.join(shown)}{more})"


#: Gaps that are named.
_SHOWN: Final = 6


def _missing(numbers: Sequence[int]) -> Iterator[tuple[int, int]]:
    for one, next_one in pairwise(numbers):
        if next_one > one + 1:
            yield one + 1, next_one - 1
