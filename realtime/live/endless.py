"""The container in which streams go from one process to another, for days.

It is FFmpeg's own NUT, which holds every codec and holds nothing back. As a file it has an index at its end and places
from which reading can begin. Whoever writes it keeps both in memory until then, whoever reads it the latter: some 4 MB
an hour each. A pipe has no use for either.
"""

from typing import Final

__all__ = ["AT_ONCE", "CONTAINER", "OPTIONS"]

#: Options of any muxer: packets go out as they come, and no picture waits for sound that does not come.
AT_ONCE: Final = {"flush_packets": "1", "max_interleave_delta": "1"}

CONTAINER: Final = "nut"
#: Options of its muxer. Files without such places are marked as the format's version 4, which FFmpeg has read since
#: 2014, and writes where it is told that this is meant (``strict``).
OPTIONS: Final = {"write_index": "0", "syncpoints": "none", "strict": "experimental"} | AT_ONCE
