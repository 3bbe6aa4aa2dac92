"""The token: who may read this file may steer the daemon."""

import os
import secrets
import stat
from pathlib import Path

from realtime.runtime.errors import InputError, OutputError, reason
from realtime.runtime.files import read_regular
from realtime.runtime.folders import state_folder

__all__ = ["read_token", "token_file"]

#: Rights of anybody but the owner.
OTHERS = stat.S_IRWXG | stat.S_IRWXO


def token_file() -> Path:
    """Where the token lies unless said otherwise."""
    return state_folder() / "token"


def read_token(path: Path) -> str:
    """The token in the file ``path``, which is made with a new one, readable by its owner alone, where it is missing.

    Raises ``OutputError`` where it cannot be made, and ``InputError`` where it cannot be read, holds no token, or is
    open to others.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Opened with its rights, not given them later: there is no moment in which others can read it.
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _existing(path)
    except OSError as error:
        raise OutputError(f"{path}: cannot be made: {reason(error)}") from error
    token = secrets.token_urlsafe(32)
    with os.fdopen(handle, "w") as file:
        file.write(token + "\n")
    return token


def _existing(path: Path) -> str:
    try:
        if os.name == "posix" and path.stat().st_mode & OTHERS:
            raise InputError(f"{path}: others may read this token; run `chmod 600 {path}`, or delete it for a new one")
        token = read_regular(path).decode("ascii").strip()
    except (OSError, UnicodeError) as error:
        raise InputError(f"{path}: cannot be read as a token; delete it for a new one") from error
    if len(token) < 16:
        raise InputError(f"{path}: holds no token; delete it for a new one")
    return token
