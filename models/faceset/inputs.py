"""What the words of the command line name: videos, pictures, folders of them, and patterns."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from glob import glob, has_magic
from pathlib import Path
from typing import Final

from models.faceset.frame_sources import Still
from models.faceset.landmark_files import known_landmarks
from realtime.media.picture import PICTURES
from realtime.runtime.errors import InputError

__all__ = ["Inputs", "find_inputs"]

#: Videos are looked for in a folder by these; a file that is named itself may have any suffix.
VIDEOS: Final = frozenset(
    (
        ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".ts", ".m2ts", ".mts", ".mpg", ".mpeg", ".mxf", ".flv",
        ".3gp", ".wmv", ".ogv", ".gif",
    )
)  # fmt: skip


@dataclass(slots=True)
class Inputs:
    """Videos and pictures in the order in which they were named."""

    videos: list[Path] = field(default_factory=list)
    stills: list[Still] = field(default_factory=list)


def find_inputs(words: Iterable[str]) -> Inputs:
    """The files that ``words`` name: paths, folders, and patterns such as ``"takes/*.mov"``.

    Raises ``InputError`` for what is not there and for folders without a video or picture.
    """
    inputs = Inputs()
    for word in words:
        path = Path(word)
        if path.is_dir():
            _add_folder(inputs, path)
            continue
        for each in [path] if path.exists() else _fitting(word):
            _add(inputs, each)
    return inputs


def _fitting(word: str) -> list[Path]:
    """The files that fit a pattern. Raises ``InputError`` where there are none, or it is no pattern."""
    if not has_magic(word):
        raise InputError(f"{word}: no such file or folder")
    found = sorted(Path(name) for name in glob(word, recursive=True))  # noqa: PTH207  # patterns with a root
    if not found:
        raise InputError(f"{word}: no file fits this pattern")
    return [path for path in found if not path.is_dir()]


def _add(inputs: Inputs, path: Path) -> None:
    if path.suffix.lower() in PICTURES:
        inputs.stills.append(Still(path, known_landmarks(path)))
    else:
        inputs.videos.append(path)


def _add_folder(inputs: Inputs, folder: Path) -> None:
    from models.faceset.book import book_stills, is_book
    from models.faceset.folder import is_faceset

    if is_faceset(folder):
        raise InputError(f"{folder}: a faceset already; `mummer faceset merge` joins facesets")
    if is_book(folder):
        inputs.stills += book_stills(folder)
        return
    known = VIDEOS | PICTURES
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in known and path.is_file())
    found = [path for path in found if not path.name.startswith(".") and not path.stem.endswith(".mask")]
    if not found:
        raise InputError(f"{folder}: no video and no picture in it")
    for path in found:
        _add(inputs, path)
