"""A correction of AVI headers: sound in frames, like AAC and AC-3, is counted in chunks and not in bytes.

A stream header with a sample size says that the chunks are bytes at a constant rate, and readers time them so: sound of
varying sizes then ends early or late. FFmpeg's muxer writes one where the source's header had a block size, which PyAV
copies and cannot change. (AVISTREAMHEADER and OpenDML 1.02.)
"""

import struct
from pathlib import Path
from typing import Final

__all__ = ["FRAMED", "count_in_chunks"]

#: Codecs, by FFmpeg's names, of which AVI holds one frame a chunk.
FRAMED: Final = frozenset({"aac", "ac3", "eac3", "dts", "mp2", "mp3"})
#: More than the header list takes, which stands at the file's beginning.
HEADER: Final = 1 << 20
#: Offsets in a stream header's chunk, behind name and size: 32 bits each.
_LENGTH, _SAMPLE_SIZE = 8 + 32, 8 + 44


def count_in_chunks(path: Path, packets: dict[int, int]) -> None:
    """Correct the headers of the streams in ``packets``: numbers of packets written, by the stream's place.

    Raises ``OSError``.
    """
    with path.open("r+b") as file:
        head = file.read(HEADER)
        at = -1
        for index in range(max(packets, default=-1) + 1):
            at = head.index(b"strh", at + 1)
            if index in packets:
                for offset, value in ((_LENGTH, packets[index]), (_SAMPLE_SIZE, 0)):
                    file.seek(at + offset)
                    file.write(struct.pack("<I", value))
