"""Where this program keeps what belongs to its user: as the system has it, or all in one folder, ``MUMMER_HOME``."""

import os
from pathlib import Path
from typing import Final

from platformdirs import PlatformDirs

from realtime.runtime.errors import UsageError

__all__ = ["HOME", "cache_folder", "config_folder", "data_folder", "state_folder"]

#: Keeps everything in one folder, where it is set.
HOME: Final = "MUMMER_HOME"


def config_folder() -> Path:
    """Keys and certificates. Raises ``UsageError`` where the system does not say."""
    return _folder("config")


def data_folder() -> Path:
    """Models. Raises ``UsageError`` where the system does not say."""
    return _folder("data")


def cache_folder() -> Path:
    """What can be made anew. Raises ``UsageError`` where the system does not say."""
    return _folder("cache")


def state_folder() -> Path:
    """What lasts while this machine does, like the daemon's token. Raises ``UsageError`` where it does not say."""
    return _folder("state")


def _folder(kind: str) -> Path:
    if home := os.environ.get(HOME):
        return Path(home)
    folder = Path(getattr(PlatformDirs("mummer", appauthor=False), f"user_{kind}_path"))
    if not folder.is_absolute():
        raise UsageError(f"nobody says where this user's files belong; set {HOME} to a folder")
    return folder
