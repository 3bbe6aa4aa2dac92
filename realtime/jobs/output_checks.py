"""What can be known of an output before anything is decoded: whether a file of that name may be written."""

from collections.abc import Iterable
from pathlib import Path

from realtime.jobs.report import is_report
from realtime.marking.provenance.sign import sidecar_of
from realtime.runtime.errors import OutputError
from realtime.runtime.files import writing

__all__ = ["check_output", "check_report"]


def check_output(target: Path, source: Path, force: bool) -> None:
    """Raise ``OutputError`` where the output cannot become a file of its own, with its signature beside it."""
    _check_place(target)
    if target.exists():
        if source.exists() and target.samefile(source):
            raise OutputError(f"{target}: the output is the input; give another name")
        if not force:
            raise OutputError(f"{target}: exists already; use --force to replace it")
    sidecar = sidecar_of(target)
    _check_place(sidecar)
    if sidecar.exists() and not force:
        raise OutputError(f"{sidecar}: exists already, the signature of another file; use --force to replace it")


def check_report(report: Path, target: Path, read: Iterable[Path], force: bool) -> None:
    """Raise ``OutputError`` where the report would replace the output, a file that is ``read`` for it, or another.

    A report of an earlier job is replaced, and with ``force`` any file that is not used here.
    """
    _check_place(report)
    used = [path for path in (*read, target) if path.exists()]
    same = report.exists() and any(report.samefile(path) for path in used)
    if same or report.resolve() == target.resolve():
        raise OutputError(f"{report}: cannot be the report; give the name of another file")
    if report.exists() and not force and not is_report(report):
        raise OutputError(f"{report}: exists already, and is no report of a job; use --force to replace it")


def _check_place(path: Path) -> None:
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
