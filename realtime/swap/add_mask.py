"""Taking a painted mask into the user's library."""

from pathlib import Path

from realtime.masks.picture import read_mask
from realtime.media.picture import is_picture
from realtime.runtime.files import write_whole
from realtime.swap.add import check_name
from realtime.swap.add_photos import is_photograph
from realtime.swap.drawing import SUFFIX
from realtime.swap.library import models_folder
from realtime.swap.mask import pack_picture

__all__ = ["add_mask", "is_mask"]


def is_mask(path: Path) -> bool:
    """Whether ``path`` is a picture with transparency; without, it is a photograph."""
    return path.is_file() and is_picture(path) and not is_photograph(path)


def add_mask(path: Path, name: str, licence: str | None = None) -> Path:
    """Keep the mask in the picture ``path`` in the library as ``name``; returns where.

    It shows nobody: whoever adds it says so, and its record says who said it. Raises ``InputError``, ``ModelError``,
    ``UsageError`` or ``OutputError``.
    """
    check_name(name)
    kept = models_folder() / f"{name}{SUFFIX}"
    write_whole(kept, pack_picture(read_mask(path), name, licence))
    return kept
