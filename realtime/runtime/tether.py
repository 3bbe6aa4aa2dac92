"""Other programs that work for this one, and are not to outlive it, whatever ends it."""

import os
import sys
from collections.abc import Sequence
from typing import Final

__all__ = ["tethered"]

#: Linux's ``prctl``: the signal that a process gets when its parent ends, here SIGKILL. It holds over ``exec``.
_PARENT_DEATH, _KILL = 1, 9
#: Run in an interpreter of its own, which becomes the program: between fork and exec of a program with threads, Python
#: code may deadlock. A parent that had ended by then would never be noticed.
_TETHER: Final = f"""
import ctypes, os, sys
ctypes.CDLL(None).prctl({_PARENT_DEATH}, {_KILL}, 0, 0, 0)
if os.getppid() == int(sys.argv[1]):
    os.execv(sys.argv[2], sys.argv[2:])
"""


def tethered(command: Sequence[str]) -> list[str]:
    """``command``, of which the first word is a path, such that the process ends with this one, even with ``kill -9``.

    On Linux only, and where the thread that starts it lives as long as it is wanted; elsewhere, the command as it is.
    """
    if not sys.platform.startswith("linux"):
        return list(command)
    return [sys.executable, "-I", "-S", "-c", _TETHER, str(os.getpid()), *command]
