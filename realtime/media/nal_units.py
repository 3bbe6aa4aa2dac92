"""What packets of H.264 and HEVC are made of: NAL units, in the two forms in which files hold them, and parameter sets.

A decoder knows by its parameter sets how pictures were coded. They stand in a description beside the packets (the
``avcC`` and ``hvcC`` of MP4 and Matroska), or among the pictures.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from struct import pack, unpack_from
from typing import Final

__all__ = ["CODECS", "Described", "avc_description", "in_lengths", "number_of", "rewritten", "units_of"]

#: FFmpeg's names of the codecs that are known here.
CODECS: Final = frozenset({"h264", "hevc"})

#: By codec: the units that are parameter sets, those from which decoding begins anew without a look back (IDR), and
#: the delimiter that comes before all others.
_SETS: Final = {"h264": frozenset({7, 8}), "hevc": frozenset({32, 33, 34})}
_IDR: Final = {"h264": frozenset({5}), "hevc": frozenset({19, 20})}
_DELIMITER: Final = {"h264": 9, "hevc": 35}
#: A sequence's parameter set in H.264, and the profiles (``profile_idc``) whose sets say more than others.
_SEQUENCE: Final = 7
_HIGH: Final = frozenset({100, 110, 122, 244})
#: Profiles of H.264, each of which a decoder for the next can decode, too; the first if its set says so (bit 0x40).
_LADDER: Final = (66, 77, 100, 110, 122, 244)
_START: Final = re.compile(rb"\x00\x00\x01")


@dataclass(frozen=True, slots=True)
class Described:
    """What stands beside the packets of a stream of ``codec``.

    ``lengths`` is how many bytes before each unit say how long it is; 0 where start codes divide them. ``sets`` are the
    parameter sets.
    """

    codec: str
    lengths: int
    sets: tuple[bytes, ...]

    @classmethod
    def read(cls, codec: str, data: bytes) -> "Described":
        """The description ``data`` (FFmpeg's extradata). Raises ``ValueError`` where it is none."""
        try:
            if data[:1] != b"\1":
                return cls(codec, 0, tuple(_unique(unit for unit in units_of(data, 0) if is_set(codec, unit))))
            lengths, units = _avc(data) if codec == "h264" else _hevc(data)
        except (IndexError, ArithmeticError) as error:
            raise ValueError("no description of a stream") from error
        return cls(codec, lengths, tuple(_unique(unit for unit in units if unit and is_set(codec, unit))))

    @property
    def numbers(self) -> frozenset[int]:
        """The numbers of its sets, of whatever kind."""
        return frozenset(number_of(self.codec, unit)[1] for unit in self.sets)


def units_of(data: bytes, lengths: int) -> list[bytes]:
    """The units of a packet, whose form is that of ``Described.lengths``. Raises ``ValueError`` for what is cut off."""
    if not lengths:
        starts = [match.end() for match in _START.finditer(data)]
        ends = [start - 3 for start in starts[1:]]
        return [data[start:end].rstrip(b"\0") for start, end in zip(starts, [*ends, len(data)], strict=bool(starts))]
    units, at = list[bytes](), 0
    while at < len(data):
        end = at + lengths + int.from_bytes(data[at : at + lengths])
        if end > len(data):
            raise ValueError("a packet that is cut off")
        units.append(data[at + lengths : end])
        at = end
    return [unit for unit in units if unit]


def in_lengths(units: Iterable[bytes]) -> bytes:
    """A packet of ``units`` with four bytes of length before each."""
    return b"".join(pack(">I", len(unit)) + unit for unit in units)


def rewritten(data: bytes, given: Described, beside: bool) -> bytes:
    """A packet of a stream that is ``given``, for a file whose sets stand ``beside`` the packets, or among them.

    In the first each unit has four bytes of length before it. In the other are start codes, and the sets come with each
    picture from which decoding begins anew.
    """
    codec = given.codec
    if beside:
        return data if given.lengths == 4 else in_lengths(units_of(data, given.lengths))
    units = units_of(data, given.lengths)
    lacks_sets = is_idr(codec, units) and not any(is_set(codec, unit) for unit in units)
    if not given.lengths and not lacks_sets:
        return data
    if lacks_sets:
        at = int(_kind(codec, units[0]) == _DELIMITER[codec])
        units[at:at] = given.sets
    return b"".join(b"\0\0\0\1" + unit for unit in units)


def is_idr(codec: str, units: Iterable[bytes]) -> bool:
    """Whether decoding begins anew with a packet of these units: nothing after it looks back."""
    return any(_kind(codec, unit) in _IDR[codec] for unit in units)


def is_set(codec: str, unit: bytes) -> bool:
    """Whether the unit is a parameter set."""
    return _kind(codec, unit) in _SETS[codec]


def number_of(codec: str, unit: bytes) -> tuple[int, int]:
    """By what a parameter set is known: its kind and its number. One that follows with the same takes its place."""
    kind = _kind(codec, unit)
    if codec == "h264":
        return kind, _Bits(unit[4:] if kind == _SEQUENCE else unit[1:]).number()
    return kind, _Bits(unit[2:]).number() if kind == 34 else 0  # of the others of HEVC there is one in practice


def avc_description(sets: Iterable[bytes]) -> bytes:
    """The ``avcC`` with all parameter sets, of H.264, in ``sets``; packets then have four bytes of length.

    It asks for what the most demanding of them asks for. Raises ``ValueError`` where they cannot go together.
    """
    units = _unique(sets)
    sequences = [unit for unit in units if _kind("h264", unit) == _SEQUENCE]
    pictures = [unit for unit in units if unit not in sequences]
    if any(each[1] not in _LADDER or (each[1] == _LADDER[0] and not each[2] & 0x40) for each in sequences):
        raise ValueError("a profile that has no place among others")
    if not sequences or len(sequences) > 31 or len(pictures) > 255:
        raise ValueError("no parameter sets, or too many")
    most = max(sequences, key=lambda each: _LADDER.index(each[1]))
    formats = {_format(each) for each in sequences}
    if len(formats) > 1:
        raise ValueError("another pixel format")
    level = max(each[3] for each in sequences)
    data = bytes([1, most[1], most[2], level, 0xFF, 0xE0 | len(sequences)]) + _in_short_lengths(sequences)
    data += bytes([len(pictures)]) + _in_short_lengths(pictures)
    if most[1] in _HIGH:
        chroma, luma_bits, chroma_bits = formats.pop()
        data += bytes([0xFC | chroma, 0xF8 | luma_bits, 0xF8 | chroma_bits, 0])
    return data


def _unique(units: Iterable[bytes]) -> list[bytes]:
    return list(dict.fromkeys(units))


def _kind(codec: str, unit: bytes) -> int:
    return unit[0] & 31 if codec == "h264" else unit[0] >> 1 & 63


def _in_short_lengths(units: Iterable[bytes]) -> bytes:
    return b"".join(pack(">H", len(unit)) + unit for unit in units)


def _avc(data: bytes) -> tuple[int, list[bytes]]:
    units, at = list[bytes](), 6
    for _ in range(data[5] & 31):
        at = _take(data, at, units)
    count, at = data[at], at + 1
    for _ in range(count):
        at = _take(data, at, units)
    return (data[4] & 3) + 1, units


def _hevc(data: bytes) -> tuple[int, list[bytes]]:
    units, at = list[bytes](), 23
    for _ in range(data[22]):
        count = int.from_bytes(data[at + 1 : at + 3])
        at += 3
        for _ in range(count):
            at = _take(data, at, units)
    return (data[21] & 3) + 1, units


def _take(data: bytes, at: int, units: list[bytes]) -> int:
    """Take the unit with two bytes of length at ``at``; returns where the next one is."""
    if at + 2 > len(data):
        raise IndexError
    (length,) = unpack_from(">H", data, at)
    units.append(data[at + 2 : at + 2 + length])
    return at + 2 + int(length)


def _format(sequence: bytes) -> tuple[int, int, int]:
    """How chroma is sampled (0 grey, 1 4:2:0, 2 4:2:2, 3 4:4:4), and by how much luma and chroma exceed 8 bits."""
    if sequence[1] not in _HIGH:
        return 1, 0, 0
    bits = _Bits(sequence[4:])
    bits.number()
    chroma = bits.number()
    if chroma == 3:
        bits.take(1)
    return chroma, bits.number(), bits.number()


class _Bits:
    """The beginning of a parameter set, bit by bit."""

    def __init__(self, data: bytes) -> None:
        data = data[:16].replace(b"\0\0\3", b"\0\0")
        self._left = "".join(f"{byte:08b}" for byte in data)

    def take(self, count: int) -> int:
        taken, self._left = self._left[:count], self._left[count:]
        if len(taken) < count:
            raise ValueError("a parameter set that is cut off")
        return int(taken or "0", 2)

    def number(self) -> int:
        """An unsigned number in Exp-Golomb code."""
        zeros = len(self._left) - len(self._left.lstrip("0"))
        self.take(zeros)
        return self.take(zeros + 1) - 1
