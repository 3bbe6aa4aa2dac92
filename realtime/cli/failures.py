"""Errors of the system and of libraries that whoever runs the program can mend: one line each, and no traceback."""

import errno
import sys
from pathlib import Path
from typing import Final

from realtime.runtime.errors import HEADLESS, MummerError, UsageError
from realtime.runtime.packages import taken_name

__all__ = ["check_address_space", "missing", "of_the_machine"]

#: Bytes of addresses that the libraries take to be loaded, and that commands with a pipeline take. With less some of
#: them crash, and say nothing.
LEAST, LEAST_AT_WORK = 640 << 20, 1 << 30
AT_WORK: Final = frozenset({"bench", "convert", "demo", "extract", "faces", "live", "serve", "train"})
#: So little room below the limit on addresses has made something fail, whatever it says: an arena of the allocator, and
#: the stacks of an encoder's threads.
NO_ROOM_LEFT: Final = 160 << 20
#: What the loader says where it finds no room for a library, Python for a thread, and C++ for anything.
NO_ROOM: Final = (
    "failed to map segment", "cannot allocate memory", "cannot create shared object descriptor",
    "can't start new thread", "bad_alloc",
)  # fmt: skip
OURS: Final = ("realtime", "models", "export", "mummer")


class AddressSpaceError(MummerError):
    """This process may not have as many addresses as it takes to begin."""


def of_the_machine(error: BaseException) -> MummerError | None:
    """What to say of an error that comes from the machine or from what is installed on it; None for a bug of ours."""
    if isinstance(error, MummerError):
        return _for_want_of_room(error)
    if _lacks_memory(error):
        return MummerError(
            f"there is not enough memory ({_first_line(error)}); end other programs, or raise the limit (`ulimit -v`)"
        )
    if isinstance(error, ImportError):
        return _unloadable(error)
    return None


def missing(error: ImportError, command: str, extra: str) -> MummerError:
    """What to say where ``command`` cannot be imported: a package of ``extra`` is not installed, or one is damaged.

    Or another one stands in place of one of ours.
    """
    if words := taken_name(error, f"`mummer {command}`"):
        return UsageError(words)
    if isinstance(error, ModuleNotFoundError):
        name = error.name or "a package"
        return UsageError(f"`mummer {command}` needs {name}, which is not installed: pip install 'mummer[{extra}]'")
    return of_the_machine(error) or UsageError(f"`mummer {command}` cannot start: {_first_line(error)}")


def check_address_space(command: str) -> None:
    """Raise ``MummerError`` where this process may have fewer addresses than ``command`` takes at least."""
    limit, least = _limit(), LEAST_AT_WORK if command in AT_WORK else LEAST
    if limit is not None and limit < least:
        raise AddressSpaceError(
            f"this process is limited to {limit >> 20} MB of address space, which is less than its libraries take;"
            f" raise the limit (`ulimit -v`) to {least >> 10} or more"
        )


def _limit() -> int | None:
    """The limit on this process's addresses, in bytes; None without one."""
    if sys.platform == "win32":
        return None
    import resource

    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    return None if limit == resource.RLIM_INFINITY else limit


def _for_want_of_room(error: MummerError) -> MummerError | None:
    """``error``, if it came when there was no room left: encoders and decoders then say that they cannot, not why."""
    limit, peak = _limit(), _peak()
    if limit is None or peak is None or limit - peak > NO_ROOM_LEFT or isinstance(error, AddressSpaceError):
        return None
    return MummerError(
        f"there is not enough memory: this process may have {limit >> 20} MB of addresses, and had {peak >> 20} MB when"
        f" this failed: {error}; raise the limit (`ulimit -v`)"
    )


def _peak() -> int | None:
    """The most addresses that this process has had so far, in bytes; None where the system does not say."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    peak = next((line.split()[1] for line in status.splitlines() if line.startswith("VmPeak:")), None)
    return None if peak is None else int(peak) << 10


def _lacks_memory(error: BaseException) -> bool:
    words = str(error).lower()
    match error:
        case MemoryError():
            return True
        case OSError():
            return error.errno == errno.ENOMEM
        case ImportError() | RuntimeError():  # the latter from the C2PA library, from threads, and from C++
            return any(each in words for each in NO_ROOM)
    # OpenCV's class, told without importing it.
    return type(error).__module__.startswith("cv2") and ("bad_alloc" in words or "insufficient memory" in words)


def _unloadable(error: ImportError) -> MummerError | None:
    """What to say of a library that is there and cannot be loaded, or is not there at all."""
    name = (error.name or "").partition(".")[0]
    if not name or name in OURS:
        return None
    if isinstance(error, ModuleNotFoundError):
        return MummerError(f"the package {name} is not installed; install mummer again, with what it needs")
    why = _first_line(error)
    if name == "cv2":
        return MummerError(f"OpenCV cannot be loaded ({why}); install the build that needs no display: {HEADLESS}")
    return MummerError(f"the package {name} cannot be loaded ({why}); install it again")


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0] or type(error).__name__
