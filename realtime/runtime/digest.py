"""The digest of a file."""

import hashlib
from pathlib import Path

from realtime.runtime.errors import InputError, MummerError, reason

__all__ = ["file_digest"]


def file_digest(path: Path, refusal: type[MummerError] = InputError) -> str:
    """The sha256 of a file's bytes, 64 hexadecimal digits. Raises ``refusal`` where it cannot be read."""
    try:
        if path.exists() and not path.is_file():
            raise refusal(f"{path}: not a regular file")
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise refusal(f"{path}: cannot be read: {reason(error)}") from error
