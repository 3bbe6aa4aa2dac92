"""Which job an input and an output ask for: that of one file, or a batch of those in a folder."""

from pathlib import Path

from realtime.finder import FaceFinder
from realtime.jobs.batch.plan import plan_inputs
from realtime.jobs.batch.run import BatchReport, run_batch
from realtime.jobs.convert import Job, OnFrame
from realtime.jobs.one_file import convert_one
from realtime.jobs.report import Report
from realtime.media.standard_streams import STREAM
from realtime.runtime.errors import UsageError
from realtime.runtime.files import is_folder

__all__ = ["convert_any"]


def convert_any(job: Job, on_frame: OnFrame | None = None, finder: FaceFinder | None = None) -> Report | BatchReport:
    """Run ``job`` on a file or on those in a folder. Raises a ``MummerError``.

    Of a folder ``on_frame`` hears how many files are done, and how many there are.
    """
    if not is_folder(job.source):
        return convert_one(job, on_frame, finder)
    if job.target == STREAM or job.stream is not None:
        raise UsageError("- and --format are for one video; give the name of a folder for those of a folder")

    def on_file(done: int, files: int, _: Path | None) -> None:
        if on_frame is not None and done:
            on_frame(done, files)

    return run_batch(plan_inputs([job.source], job), job, on_file, finder)
