"""Files that appear under their name only when they are whole."""

import errno
import os
import secrets
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import chain, count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, TypeAlias

from realtime.runtime.errors import OutputError, reason
from realtime.runtime.stop_signals import check, held, unwinding

__all__ = [
    "Companion", "NameTakenError", "is_folder", "make_folder", "read_regular", "remove_partial", "scratch_folder",
    "sole_user", "whole_or_nothing", "write_whole", "writing",
]  # fmt: skip

#: The name of a file that belongs to another one and goes where that goes, like a signature beside a video.
Companion: TypeAlias = Callable[[Path], Path]

#: Temporary files begin so, whoever writes them: what a killed process left behind can be told from the user's files.
PREFIX: Final = ".mummer-"
#: Characters that follow, the same in all that belongs together, and the suffix of the file that says whether it is at
#: work.
TOKEN: Final = 12
LOCK: Final = ".mummer"
#: Bytes of a small file that are read at once.
_PIECE: Final = 64 << 10
#: For nobody but the user.
PRIVATE: Final = 0o600


class NameTakenError(OutputError):
    """The output is whole, but under another name than was asked for."""


def is_folder(path: Path) -> bool:
    """Whether ``path`` is one; not where the system does not even take it for a name."""
    try:
        return path.is_dir()
    except OSError:  # a name too long, say: what is wrong with it is said where it is opened
        return False


def make_folder(folder: Path) -> None:
    """Make ``folder`` and those above it, where they are missing. Raises ``OutputError``."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot make this folder: {reason(error)}") from error


def read_regular(path: Path, most: int = 16 << 20) -> bytes:
    """The first ``most`` bytes of a small file, like a key or a record.

    Raises ``OSError`` where the system refuses, and for what is no regular file: a pipe may never have anything to say.
    """
    at_once = getattr(os, "O_NONBLOCK", 0)  # without waiting for whoever may write at a pipe's other end
    with os.fdopen(os.open(path, os.O_RDONLY | at_once), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "not a regular file")
        parts = []
        while most > 0 and (part := file.read(min(most, _PIECE))):  # Python makes room for all that is asked for
            parts.append(part)
            most -= len(part)
        return b"".join(parts)


@contextmanager
def whole_or_nothing(target: Path, companion: Companion | None = None, *, replace: bool = True) -> Iterator[Path]:
    """A temporary path beside ``target``, with its suffix.

    It takes the target's name at the end of the block, and so does its ``companion``, if it has one; a companion of the
    file that is replaced goes with it. Both are removed where the block fails, and at a signal; what a killed process
    left in the folder goes first. Without ``replace`` no file loses its name, not even one that appeared meanwhile:
    what was written then stays under a name of its own, which the ``OutputError`` tells. Raises ``OutputError`` where
    the folder cannot be written to, too.
    """
    remove_partial(target.resolve().parent)
    with _part_of(target.resolve(), companion, replace) as part:  # a link stays a link: what it points to is replaced
        yield part


@contextmanager
def _part_of(target: Path, companion: Companion | None, replace: bool) -> Iterator[Path]:
    with unwinding(), ExitStack() as cleanup:
        with held(), writing(target):
            part = cleanup.enter_context(_claimed(target.parent)).with_suffix(target.suffix)
            cleanup.callback(_remove, part, *([] if companion is None else [companion(part)]))
            part.touch(exist_ok=False)
        try:
            yield part
            check()
            with held():
                _name(part, target, companion, replace)
        finally:
            with held():
                cleanup.close()


def _name(part: Path, target: Path, companion: Companion | None, replace: bool) -> None:
    """``part`` becomes ``target``, with its companion."""
    with writing(target):
        if replace:
            if companion is not None:
                companion(target).unlink(missing_ok=True)
            name = part.replace(target)
        else:
            name = _take_free_name(part, target, companion)
        if companion is not None and companion(part).exists():
            try:
                companion(part).replace(companion(name)) if replace else _move(companion(part), companion(name))
            except BaseException:
                name.unlink()  # without its companion it is not whole
                raise
    if name != target:
        raise NameTakenError(
            f"{target}: a file of this name appeared meanwhile and was left alone; what was made is in {name}"
        )


def _take_free_name(part: Path, target: Path, companion: Companion | None) -> Path:
    """Give ``part`` the name ``target``, or the first that follows and is free for both; returns it."""
    names = chain([target], (target.with_stem(f"{target.stem}-{number}") for number in count(2)))
    for name in names:
        if companion is None or not os.path.lexists(companion(name)):
            with suppress(FileExistsError):
                return _move(part, name)
    raise AssertionError("there is always a higher number")


def _move(part: Path, name: Path) -> Path:
    """Rename ``part`` and replace nothing. Raises ``FileExistsError`` where ``name`` is taken."""
    try:
        os.link(part, name)
    except FileExistsError:
        raise
    except OSError:  # a file system without links: whoever makes the empty file has the name
        os.close(os.open(name, os.O_CREAT | os.O_EXCL, PRIVATE))
        return part.replace(name)
    part.unlink()
    return name


def write_whole(path: Path, data: bytes, *, sync: bool = True) -> None:
    """Write ``data`` to ``path`` in one step, and make its folder where it is missing. Raises ``OutputError``.

    Without ``sync`` it survives the end of the process at any moment, but not that of the machine; for the many small
    files that would have to wait for the disk each.
    """
    make_folder(path.parent)
    with _part_of(path.resolve(), None, replace=True) as part, writing(path), part.open("wb") as file:
        file.write(data)
        if sync:
            file.flush()
            os.fsync(file.fileno())  # the new name must not outrun its content


def remove_partial(folder: Path) -> None:
    """Remove the temporary files that killed processes left in ``folder``, and none of those that are at work."""
    left: dict[str, list[Path]] = {}
    with suppress(OSError):  # no such folder, or not ours to look into
        for part in folder.glob(f"{PREFIX}*"):
            left.setdefault(part.name.removeprefix(PREFIX)[:TOKEN], []).append(part)
    for token, parts in left.items():
        lock = folder / f"{PREFIX}{token}{LOCK}"
        with suppress(OSError), _unless_held(lock):
            _remove(*(part for part in parts if part != lock))


@contextmanager
def sole_user(lock: Path, refusal: str) -> Iterator[None]:
    """A block that one process at a time is in: the file ``lock`` is there, and locked, while it lasts.

    A killed process leaves the file, unlocked. Raises ``OutputError`` with the ``refusal`` where another one is in it.
    """
    with writing(lock):
        opened = os.open(lock, os.O_CREAT | os.O_RDWR, PRIVATE)
    try:
        try:
            _lock(opened, wait=False)
        except BlockingIOError as error:
            raise OutputError(refusal) from error
        except OSError:
            pass  # a file system without locks
        if not (lock.exists() and os.path.samestat(os.fstat(opened), lock.stat())):
            raise OutputError(refusal)  # its last user removed it just now, and another may have made a new one
    except BaseException:
        os.close(opened)  # and the file stays: it is not ours
        raise
    try:
        yield
    finally:
        if sys.platform != "win32":
            _remove(lock)
        os.close(opened)
        if sys.platform == "win32":
            _remove(lock)


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A temporary folder for what nobody keeps; it goes with the block, at a signal too."""
    with unwinding(), TemporaryDirectory(prefix="mummer-") as folder:
        yield Path(folder)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """What the system refuses about ``path`` becomes an ``OutputError``."""
    try:
        yield
    except (OSError, RuntimeError) as error:  # RuntimeError: a link that leads to itself
        raise OutputError(f"{path}: cannot be written: {reason(error)}") from error


def _add(part: Path, companion: Path, target: Path) -> None:
    try:
        part.replace(companion)
    except BaseException:
        target.unlink()  # without its companion it is not whole
        raise


def _remove(*paths: Path) -> None:
    for path in paths:
        with suppress(OSError):  # not there, or the folder takes no change at all
            path.unlink()


# Which temporary files are at work: beside them lies an empty file that their process holds locked, for as long as it
# lives. The system lets go of it, however the process ends. A lock on the file itself would stand in the way of those
# who write it, on some network file systems.


@contextmanager
def _claimed(folder: Path) -> Iterator[Path]:
    """A new beginning of names in ``folder``, without a suffix, that is this process's own. Raises ``OSError``."""
    while True:
        path = folder / f"{PREFIX}{secrets.token_hex(TOKEN // 2)}"
        lock = path.with_suffix(LOCK)
        held_open = os.open(lock, os.O_CREAT | os.O_EXCL | os.O_RDWR, PRIVATE)
        with suppress(OSError):  # a file system without locks: nobody takes its files for left behind
            _lock(held_open, wait=True)
        if lock.exists():  # else it was swept away before it was locked
            break
        os.close(held_open)
    try:
        yield path
    finally:
        if sys.platform == "win32":
            os.close(held_open)
            _remove(lock)
        else:
            _remove(lock)
            os.close(held_open)


@contextmanager
def _unless_held(lock: Path) -> Iterator[None]:
    """Hold and then remove the lock of a process that is gone; raises ``OSError`` where it is not, or cannot be told.

    Without such a file its process removed it as the last thing that it did.
    """
    try:
        opened = os.open(lock, os.O_RDWR)
    except FileNotFoundError:
        yield
        return
    try:
        _lock(opened, wait=False)
        yield
        if sys.platform != "win32":
            lock.unlink()
    finally:
        os.close(opened)
    if sys.platform == "win32":
        lock.unlink()


def _lock(opened: int, *, wait: bool) -> None:
    """Lock an open file for this process. Raises ``OSError`` where another one has it, or where there are no locks."""
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(opened, msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(opened, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
