"""What is lost of a damaged file, counted; and where its clock jumps, because it was cut or received so."""

from collections.abc import Generator
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream

__all__ = ["Damage", "Splices", "packets_of"]


@dataclass(slots=True)
class Damage:
    """``pictures`` came with errors in them, ``packets`` of the video gave none, ``resized`` had another shape.

    ``unread`` counts the places where the file itself could not be read, ``missing`` says what it promised and does not
    hold, ``jumps`` counts the places where its clock jumped.
    """

    pictures: int = 0
    packets: int = 0
    resized: int = 0
    unread: int = 0
    missing: str | None = None
    jumps: int = 0

    @property
    def words(self) -> list[str]:
        """What is to be said of it; empty where nothing was lost."""
        told = []
        counts = (
            (self.pictures, "pictures came with errors in them"),
            (self.packets, "packets of the video could not be decoded"),
            (self.unread, "places of the file could not be read"),
        )
        if lost := [f"{number:,} {what}" for number, what in counts if number]:
            told.append(f"the input is damaged: {', '.join(lost)}; what could be decoded was kept")
        if self.missing is not None:
            told.append(f"the input is damaged or cut short: {self.missing}; what there is was kept")
        if self.resized:
            told.append(f"{self.resized:,} pictures had another size or format: made like the first")
        if self.jumps:
            told.append(f"the input's clock jumped {self.jumps} times: what followed was put right behind")
        return told


def packets_of(container: InputContainer, streams: list[Stream], damage: Damage | None) -> "Generator[Packet[Stream]]":
    """The packets of ``streams``, in file order; where they cannot be read, from the next place on where they can.

    Without ``damage`` to count in, FFmpeg's errors are raised.
    """
    tries = 0
    while True:
        try:
            for packet in container.demux(*streams):
                tries = 0
                yield packet
        except av.error.FFmpegError:
            tries += 1
            if damage is None:
                raise
            damage.unread += tries == 1
            if tries < TRIES:
                continue
        return


class Splices:
    """Puts every stream's times in one row where a recording was cut without a word: then its clock jumps back.

    The first stream to jump says by how much; the others follow it at their next jump.
    """

    def __init__(self, damage: Damage) -> None:
        self._damage = damage
        self._shifts: list[Fraction] = [Fraction(0)]
        self._ends: dict[int, Fraction] = {}
        self._epochs: dict[int, int] = {}

    def shift(self, stream: int, time: Fraction, length: Fraction) -> Fraction:
        """Seconds by which what comes at ``time`` of the file and lasts ``length`` is to be moved."""
        epoch = self._epochs.get(stream, 0)
        end = self._ends.get(stream)
        if end is not None and time + self._shifts[epoch] < end - JUMP:
            epoch += 1
            if epoch == len(self._shifts):
                self._shifts.append(end - time)
                self._damage.jumps += 1
            self._epochs[stream] = epoch
        moved = time + self._shifts[epoch]
        self._ends[stream] = moved + length if end is None else max(end, moved + length)
        return self._shifts[epoch]


#: How often in a row reading goes on behind an error.
TRIES: Final = 64
#: Seconds by which times that are reordered, or honest, never go back.
JUMP: Final = Fraction(2)
