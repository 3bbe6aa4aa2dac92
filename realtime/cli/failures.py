"""Errors of the system and of libraries that whoever runs the program can mend: one line each, and no traceback."""

import errno
import sys
from typing import Final

from realtime.runtime.errors import HEADLESS, MummerError, UsageError

__all__ = ["check_address_space", "missing", "of_the_machine"]

#: Bytes of addresses that the libraries take to be loaded. With less some of them crash, and say nothing.
LEAST: Final = 640 << 20
#: What the loader says where it finds no room for a library, Python for a thread, and C++ for anything.
NO_ROOM: Final = (
    "failed to map segment", "cannot allocate memory", "cannot create shared object descriptor",
    "can't start new thread", "bad_alloc",
)  # fmt: skip
OURS: Final = ("realtime", "models", "export", "mummer")


def of_the_machine(error: BaseException) -> MummerError | None:
    """What to say of an error that comes from the machine or from what is installed on it; None for a bug of ours."""
    if _lacks_memory(error):
        return MummerError(
            f"there is not enough memory ({_first_line(error)}); end other programs, or raise the limit (`ulimit -v`)"
        )
    if isinstance(error, ImportError):
        return _unloadable(error)
    return None


def missing(error: ImportError, command: str, extra: str) -> MummerError:
    """What to say where ``command`` cannot be imported: a package of ``extra`` is not installed, or one is damaged."""
    if isinstance(error, ModuleNotFoundError):
        name = error.name or "a package"
        return UsageError(f"`mummer {command}` needs {name}, which is not installed: pip install 'mummer[{extra}]'")
    return of_the_machine(error) or UsageError(f"`mummer {command}` cannot start: {_first_line(error)}")


def check_address_space() -> None:
    """Raise ``MummerError`` where this process may have fewer addresses than the libraries take to be loaded."""
    if sys.platform == "win32":
        return
    import resource

    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit != resource.RLIM_INFINITY and limit < LEAST:
        raise MummerError(
            f"this process is limited to {limit >> 20} MB of address space, which is less than its libraries take;"
            f" raise the limit (`ulimit -v`) to {LEAST >> 10} or more"
        )


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
