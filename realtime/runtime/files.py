"""Files that appear under their name only when they are whole."""

import errno
import os
import secrets
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import time
from typing import Final, TypeAlias

from realtime.runtime.errors import OutputError, reason

__all__ = ["Companion", "make_folder", "read_regular", "remove_partial", "whole_or_nothing", "write_whole", "writing"]

#: The name of a file that belongs to another one and goes where that goes, like a signature beside a video.
Companion: TypeAlias = Callable[[Path], Path]

#: Temporary files begin so, whoever writes them: what a killed process left behind can be told from the user's files.
PREFIX: Final = ".mummer-"


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
        return file.read(most)


@contextmanager
def whole_or_nothing(target: Path, companion: Companion | None = None) -> Iterator[Path]:
    """A temporary path beside ``target``, with its suffix.

    It takes the target's name at the end of the block, and so does its ``companion``, if it has one; a companion of the
    file that is replaced goes with it. Both are removed where the block fails. Raises ``OutputError`` where the folder
    cannot be written to.
    """
    target = target.resolve()  # a link stays a link, and what it points to is replaced
    part = target.with_name(f"{PREFIX}{secrets.token_hex(6)}{target.suffix}")
    try:
        with writing(target):
            part.touch(exist_ok=False)
        yield part
        with writing(target):
            if companion is not None:
                companion(target).unlink(missing_ok=True)
            part.replace(target)
            if companion is not None and companion(part).exists():
                _add(companion(part), companion(target), target)
    finally:
        for left in (part, *([] if companion is None else [companion(part)])):
            with suppress(OSError):  # not there, or the folder takes no change at all
                left.unlink()


def write_whole(path: Path, data: bytes, *, sync: bool = True) -> None:
    """Write ``data`` to ``path`` in one step, and make its folder where it is missing. Raises ``OutputError``.

    Without ``sync`` it survives the end of the process at any moment, but not that of the machine; for the many small
    files that would have to wait for the disk each.
    """
    make_folder(path.parent)
    with whole_or_nothing(path) as part, writing(path), part.open("wb") as file:
        file.write(data)
        if sync:
            file.flush()
            os.fsync(file.fileno())  # the new name must not outrun its content


def remove_partial(folder: Path, older_than: float | None = None) -> None:
    """Remove the temporary files that killed processes left in ``folder``.

    With ``older_than``, in seconds, only those that nobody has written to for so long: others may be at work there.
    """
    for part in folder.glob(f"{PREFIX}*"):
        with suppress(OSError):  # gone, or not ours to remove
            if older_than is None or time() - part.stat().st_mtime > older_than:
                part.unlink()


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
