"""Keeping the memory that one frame frees for the next one.

Left to itself glibc gives megabyte buffers back to the system as soon as they are freed, and asks for them
again a frame later. Each round costs a page fault for every 4 KB, and with a frame's worth of them as much
time as the work done in it. It is a setting of the whole process: the program's to make, never the library's.
"""

import ctypes
import sys
from typing import Final

__all__ = ["keep_freed_memory"]

# <malloc.h>
_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
_MEGABYTE: Final = 1 << 20


def keep_freed_memory() -> bool:
    """Let the C library hold on to freed memory; True where it could be asked to (Linux with glibc).

    What is held is never more than what was in use at once. Call it once, before threads start.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False  # another C library
    # 32 MB is as far as the first may be raised; whatever is larger is mapped and unmapped as before.
    raised = mallopt(_M_MMAP_THRESHOLD, 32 * _MEGABYTE)
    return bool(raised) and bool(mallopt(_M_TRIM_THRESHOLD, 256 * _MEGABYTE))
