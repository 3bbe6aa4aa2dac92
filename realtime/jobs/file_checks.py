"""What can be known of a job's files before it begins: whether they can be read, and written under their names."""

from collections.abc import Iterable
from pathlib import Path

from realtime.jobs.report import is_report
from realtime.marking.provenance.sign import sidecar_of
from realtime.media.file_source import check_regular
from realtime.media.output_checks import check_output, check_place
from realtime.media.standard_streams import STREAM
from realtime.runtime.errors import OutputError

__all__ = ["check_files", "check_report"]


def check_files(
    read: Iterable[Path], target: Path, report: Path | None, force: bool, also: Iterable[Path] = ()
) -> None:
    """Raise a ``MummerError`` where the files to ``read``, the output or the report cannot be what they are to be.

    The job reads those of ``also``, too, where there are any of that name: what is wrong with them is said elsewhere.
    """
    read = tuple(read)
    for path in read:
        check_regular(path)
    used = (*read, *also)
    if target != STREAM:
        check_output(target, used, force, sidecar_of)
    if report is not None:
        check_report(report, target, used, force)


def check_report(report: Path, target: Path, read: Iterable[Path], force: bool) -> None:
    """Raise ``OutputError`` where the report would replace the output, a file that is ``read`` for it, or another.

    A report of an earlier job is replaced, and with ``force`` any file that is not used here.
    """
    check_place(report)
    used = [path for path in (*read, target) if path.exists()]
    same = report.exists() and any(report.samefile(path) for path in used)
    if same or report.resolve() == target.resolve():
        raise OutputError(f"{report}: cannot be the report; give the name of another file")
    if report.exists() and not force and not is_report(report):
        raise OutputError(f"{report}: exists already, and is no report of a job; use --force to replace it")
