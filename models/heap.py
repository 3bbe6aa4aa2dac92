"""Keeping the memory that one iteration frees for the next one.

A training step allocates and frees the same hundreds of megabytes again and again: activations, gradients, weights in
bfloat16. glibc maps every large block afresh and unmaps it when it is freed, and a page fault for every 4 KB of it
takes a fifth of the time of a step. ``realtime.heap`` says more; it keeps blocks up to 32 MB, which are all that a
frame needs, and here there is no limit.
"""

import ctypes
import sys
from typing import Final

__all__ = ["keep_all_freed_memory"]

# <malloc.h>
_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_MAX: Final = -4
_NEVER: Final = 2**31 - 1


def keep_all_freed_memory() -> bool:
    """Let the C library hold on to all freed memory; True where it could be asked to (Linux with glibc)."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False  # another C library
    return bool(mallopt(_M_MMAP_MAX, 0)) and bool(mallopt(_M_TRIM_THRESHOLD, _NEVER))
