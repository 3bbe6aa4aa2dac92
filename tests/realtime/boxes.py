"""Boxes that FFmpeg's programs of some years ago cannot write, put into MP4 files by hand (ISO/IEC 14496-12)."""

import struct
from pathlib import Path

#: Where the description of the first video stream lies; the index must stand behind the pictures.
_DESCRIPTION = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd")


def box(name: bytes, payload: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(payload), name) + payload


#: Green, blue, red, white in 1/50000, greatest and least luminance in 1/10000 cd/m2.
MASTERING = box(b"mdcv", struct.pack(">8H2I", 13250, 34500, 7500, 3000, 34000, 16000, 15635, 16450, 10_000_000, 50))
LIGHT = box(b"clli", struct.pack(">2H", 1000, 400))
#: 144 x 100 in the middle.
APERTURE = box(b"clap", struct.pack(">4IiIiI", 144, 1, 100, 1, 0, 1, 0, 1))
SPHERE = box(b"sv3d", box(b"svhd", b"\0\0\0\0x\0") + box(b"proj", box(b"prhd", b"\0" * 16) + box(b"equi", b"\0" * 20)))


def describe(path: Path, *boxes: bytes) -> Path:
    """Put ``boxes`` into the description of the video in ``path``."""
    data = bytearray(path.read_bytes())
    at, low = [], 0
    for name in _DESCRIPTION:
        while data[low + 4 : low + 8] != name:
            low += struct.unpack_from(">I", data, low)[0]
        at.append(low)
        low += 8
    low += 8  # version, number of entries
    at.append(low)
    end = low + struct.unpack_from(">I", data, low)[0]
    data[end:end] = b"".join(boxes)
    for place in at:
        struct.pack_into(">I", data, place, struct.unpack_from(">I", data, place)[0] + sum(map(len, boxes)))
    path.write_bytes(data)
    return path
