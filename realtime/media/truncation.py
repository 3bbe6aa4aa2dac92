"""Whether a file was cut short: its size against what its own headers claim, before anything is decoded.

Demuxers end quietly where the bytes end, so a download that broke off would convert into a shorter video.
Some families write how long they are: ISO boxes (ISO/IEC 14496-12, 4.2), EBML (RFC 8794, 4 to 6), RIFF, and
piece by piece transport streams and FLV. What does not claim a length is left to the decoder, which notices a
last frame cut in half.
"""

import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Final, TypeAlias

from realtime.runtime.errors import InputError, reason

__all__ = ["check_whole"]

#: What claims to reach to which byte, in file order.
_Claims: TypeAlias = Iterator[tuple[str, int]]


def check_whole(path: Path) -> None:
    """Raise ``InputError`` where a header of ``path`` claims more bytes than the file has."""
    size = path.stat().st_size
    if size == 0:
        raise InputError(f"{path}: the file is empty")
    try:
        with path.open("rb") as file:
            missing = _missing(file, size)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {reason(error)}") from error
    if missing is not None:
        what, end = missing
        raise InputError(
            f"{path}: the file is cut short: its {what} ends at byte {end:,} and the file at {size:,}; get a whole copy"
        )


def _missing(file: BinaryIO, size: int) -> tuple[str, int] | None:
    """What should reach beyond the end of the file, and to where; None where all is there."""
    head = file.read(HEAD)
    for matches, claims in _FAMILIES:
        if matches(head):
            return next(((what, end) for what, end in claims(file, size) if end > size), None)
    return None


def _boxes(file: BinaryIO, size: int) -> _Claims:
    """Top-level boxes of MP4 and MOV.

    Unknown names end the walk: some writers leave rubbish behind the last box.
    """
    at = 0
    while at + 8 <= size:
        file.seek(at)
        length, name = struct.unpack(">I4s", file.read(8))
        if name not in _BOX_NAMES or length == 0:  # a length of 0 is "to the end of the file"
            return
        if length == 1:
            (length,) = struct.unpack(">Q", file.read(8).ljust(8, b"\0"))
        if length < 8:
            return
        at += length
        yield f"{name.decode('ascii')} box", at


def _elements(file: BinaryIO, size: int) -> _Claims:
    """The EBML header and the segment of Matroska and WebM.

    Live recordings leave the length of the segment open, some that of its clusters too; then what lies inside is
    walked, since at least the last block says how long it is.
    """
    at = 0
    while at + 2 <= size:
        file.seek(at)
        head = file.read(12)
        id_length = 9 - head[0].bit_length()
        name = _EBML_NAMES.get(head[:id_length])
        if name is None or len(head) <= id_length:
            return
        length = 9 - head[id_length].bit_length()
        if not 1 <= length <= 8:
            return
        at += id_length + length
        value = int.from_bytes(head[id_length : id_length + length]) & ((1 << 7 * length) - 1)
        if value != (1 << 7 * length) - 1:  # all ones is "unknown"
            at += value
            yield name, at
        elif name not in _EBML_OPEN:
            return


def _transport(file: BinaryIO, size: int) -> _Claims:
    """Packets of a transport stream, all of 188 bytes (192 with the time codes of Blu-ray discs)."""
    file.seek(0)
    step = 192 if file.read(1) != b"\x47" else 188
    yield "last transport packet", -(-size // step) * step


def _flash(file: BinaryIO, size: int) -> _Claims:
    """The tags of FLV; each is followed by its size, so that the end of a whole file shows at its end."""
    if size < 13:
        yield "header", 13
        return
    file.seek(size - 4)
    (last,) = struct.unpack(">I", file.read(4))
    if 11 <= last <= size - 4:
        file.seek(size - 4 - last)
        if int.from_bytes(file.read(4)[1:]) == last - 11:
            return
    file.seek(5)
    (at,) = struct.unpack(">I", file.read(4))
    at += 4
    while at < size:
        file.seek(at)
        at += 11 + int.from_bytes(file.read(4).ljust(4, b"\0")[1:]) + 4
    yield "last tag", at


def _riff(file: BinaryIO, size: int) -> _Claims:
    """The RIFF chunks of AVI; OpenDML files have several."""
    at = 0
    while at + 8 <= size:
        file.seek(at)
        name, length = struct.unpack("<4sI", file.read(8))
        if name != b"RIFF" or length == 0:
            return
        at += 8 + length
        yield "RIFF chunk", at
        at += at % 2


_BOX_NAMES: Final = frozenset(
    {
        b"ftyp",
        b"styp",
        b"moov",
        b"moof",
        b"mdat",
        b"free",
        b"skip",
        b"wide",
        b"sidx",
        b"mfra",
        b"uuid",
        b"meta",
    }
)
#: Enough to know a family by: two packets of a transport stream begin in it.
HEAD: Final = 200
#: Elements by their identifiers (RFC 9559): the file's, a segment's and a cluster's. Any other ends the walk.
_EBML_NAMES: Final = {
    b"\x1a\x45\xdf\xa3": "EBML header",
    b"\x18\x53\x80\x67": "segment",
    b"\x11\x4d\x9b\x74": "index of parts",
    b"\x15\x49\xa9\x66": "segment information",
    b"\x16\x54\xae\x6b": "list of tracks",
    b"\x1f\x43\xb6\x75": "cluster",
    b"\x1c\x53\xbb\x6b": "index of clusters",
    b"\x10\x43\xa7\x70": "list of chapters",
    b"\x19\x41\xa4\x69": "list of attachments",
    b"\x12\x54\xc3\x67": "list of tags",
    b"\xec": "padding",
    b"\xbf": "checksum",
    b"\xe7": "time of a cluster",
    b"\xa7": "place of a cluster",
    b"\xab": "size of the cluster before",
    b"\xa3": "last block",
    b"\xa0": "last group of blocks",
}
#: Whose length may be unknown: they end where the next of their kind begins.
_EBML_OPEN: Final = frozenset({"segment", "cluster"})
_FAMILIES: Final[tuple[tuple[Callable[[bytes], bool], Callable[[BinaryIO, int], _Claims]], ...]] = (
    (lambda head: head[4:8] in _BOX_NAMES, _boxes),
    (lambda head: head[:4] == b"\x1a\x45\xdf\xa3", _elements),
    (lambda head: head[:3] == b"FLV", _flash),
    (lambda head: head[0:189:188] == b"GG" or head[4:197:192] == b"GG", _transport),
    (lambda head: head[:4] == b"RIFF" and head[8:12] != b"WAVE", _riff),
)
