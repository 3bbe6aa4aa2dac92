"""What can be known of a report before the job begins: whether a file of that name may be written."""

from collections.abc import Iterable
from pathlib import Path

from realtime.jobs.report import is_report
from realtime.media.output_checks import check_place
from realtime.runtime.errors import OutputError

__all__ = ["check_report"]


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
