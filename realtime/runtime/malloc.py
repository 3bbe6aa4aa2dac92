"""Settings of the memory allocator: what one frame frees is kept for the next.

Left to itself glibc gives megabyte buffers back to the system as soon as they are freed, and asks for them
again a frame later. Each round costs a page fault for every 4 KB, and with a frame's worth of them as much
time as the work done in it. It is a setting of the whole process: the program's to make, never the library's.
"""

import ctypes
import sys
from collections.abc import Callable
from typing import Final, cast

__all__ = ["give_back_freed_memory", "keep_all_freed_memory", "keep_freed_memory", "share_one_heap"]

# <malloc.h>
_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
_M_MMAP_MAX: Final = -4
_M_ARENA_MAX: Final = -8
_MEGABYTE: Final = 1 << 20
_NEVER: Final = 2**31 - 1


def keep_freed_memory() -> bool:
    """Let the C library hold on to freed memory; True where it could be asked to (Linux with glibc).

    What is held is never more than what was in use at once. Call it once, before threads start.
    """
    # 32 MB is as far as the first may be raised; whatever is larger is mapped and unmapped as before.
    return _set(_M_MMAP_THRESHOLD, 32 * _MEGABYTE) and _set(_M_TRIM_THRESHOLD, 256 * _MEGABYTE)


def keep_all_freed_memory() -> bool:
    """Let the C library hold on to all freed memory; True where it could be asked to (Linux with glibc).

    For training: a step allocates and frees the same hundreds of megabytes again and again, in blocks larger than a
    frame needs, and page faults take a fifth of its time.
    """
    return _set(_M_MMAP_MAX, 0) and _set(_M_TRIM_THRESHOLD, _NEVER)


def give_back_freed_memory() -> bool:
    """Give what is free inside of the heaps back to the system; True where the C library could be asked to.

    Worth its time where something large has ended: what comes next does not fit into the gaps that it leaves.
    """
    trim = _function("malloc_trim")
    return trim is not None and bool(trim(0))


def share_one_heap() -> bool:
    """Let all threads take their memory from one heap; True where the C library could be asked to.

    Left to itself glibc gives each new thread one of many, and each keeps what its fullest moment needed: over hours of
    lost and reopened streams that adds up. Call it once, before threads start.
    """
    return _set(_M_ARENA_MAX, 1)


def _set(parameter: int, value: int) -> bool:
    mallopt = _function("mallopt")
    return mallopt is not None and bool(mallopt(parameter, value))


def _function(name: str) -> Callable[..., int] | None:
    """A function of the C library; None where it has none of that name."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        return cast(Callable[..., int], getattr(ctypes.CDLL(None), name))
    except (OSError, AttributeError):
        return None  # another C library
