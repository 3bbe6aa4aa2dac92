"""What can be known of an output before anything is decoded: whether a file of that name may be written."""

from collections.abc import Iterable
from pathlib import Path

from realtime.runtime.errors import OutputError
from realtime.runtime.files import Companion, writing

__all__ = ["check_output", "check_place"]


def check_output(target: Path, read: Iterable[Path], force: bool, companion: Companion) -> None:
    """Raise ``OutputError`` where the output cannot become a file of its own, with its ``companion`` beside it.

    ``read`` are the files that it is made from.
    """
    check_place(target)
    if target.exists():
        if any(path.exists() and target.samefile(path) for path in read):
            raise OutputError(f"{target}: the output is the input; give another name")
        if not force:
            raise OutputError(f"{target}: exists already; use --force to replace it")
    beside = companion(target)
    check_place(beside)
    if beside.exists() and not force:
        raise OutputError(f"{beside}: exists already, the signature of another file; use --force to replace it")


def check_place(path: Path) -> None:
    """Raise ``OutputError`` where ``path`` cannot name a file, new or to be replaced."""
    with writing(path):
        folder = path.resolve().parent
        is_folder, is_other = path.is_dir(), path.exists() and not path.is_file()
    if is_folder:
        raise OutputError(f"{path}: a folder; give the name of the file to write")
    if not folder.is_dir():
        raise OutputError(f"{path}: the folder {path.parent} does not exist; make it first")
    if is_other:
        raise OutputError(f"{path}: not a regular file")
