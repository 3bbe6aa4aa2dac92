"""Running a batch: each file by itself, and one that fails does not stop the rest."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from pydantic import BaseModel

from realtime.finder import FaceFinder
from realtime.jobs.batch.plan import Batch
from realtime.jobs.batch.record import Record, key_of
from realtime.jobs.convert import Job, OnFrame
from realtime.jobs.file_checks import check_report
from realtime.jobs.one_file import convert_one
from realtime.jobs.photo import check_is_whole, check_picture_job, swap_photo
from realtime.jobs.report import Report, write_report
from realtime.marking.provenance.sign import ready_to_sign
from realtime.media.photo_formats import PHOTOS
from realtime.media.picture import kind_of
from realtime.runtime.errors import MummerError
from realtime.runtime.files import make_folder
from realtime.runtime.stages import Stages
from realtime.settings import Look
from realtime.swapper import FrameSwapper, make_swapper

__all__ = ["BatchReport", "Failure", "OnFile", "run_batch"]


class Failure(BaseModel):
    """A file that was not converted, and why."""

    path: str
    why: str


class BatchReport(BaseModel):
    """A finished batch: a report for each file that was converted, and what became of the others.

    ``unchanged`` are the outputs that an earlier run had made of the same input in the same way, ``left_alone`` the
    names in the folder that are neither videos nor pictures.
    """

    done: list[Report] = []
    failed: list[Failure] = []
    unchanged: list[str] = []
    left_alone: list[str] = []


#: Called before each file, and after the last, with how many are done, how many there are, and which comes next. What
#: comes back hears of that file's frames.
OnFile: TypeAlias = Callable[[int, int, Path | None], OnFrame | None]


def run_batch(batch: Batch, whole: Job, on_file: OnFile | None = None, finder: FaceFinder | None = None) -> BatchReport:
    """Make what is missing; ``whole`` says what holds for all: ``report``, ``force`` and ``resume``.

    With ``resume`` an output that is there and was made of the same input in the same way stays, and what was changed
    is made anew. Raises a ``MummerError`` where nothing can be begun; what is wrong with one file stands in the report.
    """
    for folder in {batch.record.parent, *(job.target.parent for job in batch.jobs)}:
        make_folder(folder)
    if whole.report is not None:
        read = [*(job.source for job in batch.jobs), *(Path(model) for job in batch.jobs for model in job.look.models)]
        for target in {job.target for job in batch.jobs}:
            check_report(whole.report, target, read, whole.force)
    ready_to_sign()
    runner = _Runner(Record(batch.record), finder)
    report = BatchReport(left_alone=list(batch.left_alone))
    count = len(batch.jobs)
    for number, job in enumerate(batch.jobs):
        on_frame = None if on_file is None else on_file(number, count, job.source)
        job = replace(job, report=None, force=whole.force, resume=whole.resume)
        try:
            made = runner.run(job, on_frame)
            if made is None:
                report.unchanged.append(str(job.target))
            else:
                report.done.append(made)
        except MummerError as error:
            report.failed.append(Failure(path=str(job.source), why=" ".join(str(error).split())))
    if on_file is not None:
        on_file(count, count, None)
    if whole.report is not None:
        write_report(whole.report, report, whole.force)
    return report


@dataclass
class _Runner:
    """Runs one job after the other; pictures with the same look share their models, which take longer to open."""

    record: Record
    finder: FaceFinder | None
    look: Look | None = None
    swapper: FrameSwapper | None = None

    def run(self, job: Job, on_frame: OnFrame | None) -> Report | None:
        """The report of one file; None where there is nothing to do. Raises a ``MummerError``."""
        key = key_of(job)
        if job.resume and self.record.was_made(job.target, key):
            return None
        job = self._going_on(job, key) if job.resume else job
        with self.record.making(job.target, key):
            if job.target.suffix.lower() in PHOTOS and kind_of(job.source, job.max_pixels) == "still":
                return self._photo(job)
            return convert_one(job, on_frame, self.finder)

    def _going_on(self, job: Job, key: str) -> Job:
        """A job that takes up its own beginning, if it is one, and replaces what an earlier run made otherwise."""
        past, ours = self.record[job.target], self.record.is_ours(job.target)
        same = past is None or past.key == key
        gone = past is not None and not job.target.exists()  # what was begun in another way, or lies beside it, is ours
        return replace(job, resume=same, force=job.force or ours or gone)

    def _photo(self, job: Job) -> Report:
        check_is_whole(job)
        check_picture_job(job, "a picture")
        if self.swapper is None or self.look != job.look:
            self.swapper, self.look = make_swapper(job.look, Stages(), self.finder), job.look
        self.swapper.reset()
        return swap_photo(job, self.swapper, ready_to_sign())
