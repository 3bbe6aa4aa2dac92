"""Digests of files."""

import hashlib
from pathlib import Path
from typing import Final

from realtime.runtime.errors import InputError, MummerError, reason

__all__ = ["file_digest", "sample_digest"]

#: Bytes at the beginning, in the middle and at the end of a file that stand for all of it.
_SAMPLE: Final = 1 << 20


def file_digest(path: Path, refusal: type[MummerError] = InputError) -> str:
    """The sha256 of a file's bytes, 64 hexadecimal digits. Raises ``refusal`` where it cannot be read."""
    try:
        if path.exists() and not path.is_file():
            raise refusal(f"{path}: not a regular file")
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise refusal(f"{path}: cannot be read: {reason(error)}") from error


def sample_digest(path: Path) -> str:
    """The sha256 of a file's size and samples of its content: quick, however large it is, and the same for a copy.

    Raises ``InputError`` where it cannot be read.
    """
    try:
        size = path.stat().st_size
        digest = hashlib.sha256(str(size).encode())
        with path.open("rb") as file:
            for place in (0, size // 2, max(size - _SAMPLE, 0)):
                file.seek(place)
                digest.update(file.read(_SAMPLE))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {reason(error)}") from error
    return digest.hexdigest()
