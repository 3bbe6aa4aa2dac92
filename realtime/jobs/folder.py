"""A folder of pictures in, a folder out: each picture by itself, and one that fails does not stop the rest."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from pydantic import BaseModel

from realtime.finder import FaceFinder
from realtime.jobs.convert import Job
from realtime.jobs.file_checks import check_report
from realtime.jobs.photo import swap_photo
from realtime.jobs.report import Report, write_report
from realtime.marking.provenance.sign import ready_to_sign, sidecar_of
from realtime.media.containers import CONTAINERS
from realtime.media.encoding import Encoding
from realtime.media.file_source import check_regular
from realtime.media.output_checks import check_output
from realtime.media.still import kind_of
from realtime.media.still_encoder import PHOTOS
from realtime.runtime.errors import InputError, MummerError, OutputError, UsageError, reason
from realtime.runtime.files import make_folder
from realtime.runtime.stages import Stages
from realtime.swapper import make_swapper

__all__ = ["FolderReport", "OnPhoto", "convert_folder"]


class Failure(BaseModel):
    """A picture that was not converted, and why."""

    path: str
    why: str


class FolderReport(BaseModel):
    """A finished folder: a report for each picture that was converted, what failed, and what was no still picture."""

    pictures: list[Report] = []
    failed: list[Failure] = []
    left_alone: list[str] = []


#: Called after each picture with how many are done and how many there are.
OnPhoto: TypeAlias = Callable[[int, int], None]


def convert_folder(job: Job, on_photo: OnPhoto | None = None, finder: FaceFinder | None = None) -> FolderReport:
    """Convert every still picture that lies in the folder ``job.source`` into the folder ``job.target``.

    Names stay. Folders within are not gone into. What is no picture by its name, or moves, is left alone. Raises a
    ``MummerError`` where nothing can be begun; what is wrong with one picture stands in the report.
    """
    if job.encoding != Encoding():
        raise UsageError("--codec, --crf and --preset are for videos; leave them out for pictures")
    if job.target.suffix.lower() in PHOTOS.keys() | CONTAINERS.keys():
        raise InputError(
            f"{job.source}: a folder, and {job.target.name} is none; give the name of a folder for its pictures"
        )
    if job.target.exists() and not job.target.is_dir():
        raise OutputError(f"{job.target}: a file; pictures of a folder go into a folder")
    if job.target.exists() and job.target.samefile(job.source):
        raise OutputError(f"{job.target}: the output is the input; give another folder")
    photos, others = _listed(job.source)
    if not photos:
        raise InputError(f"{job.source}: no pictures in this folder ({' '.join(PHOTOS)})")
    make_folder(job.target)
    if job.report is not None:
        check_report(job.report, job.target, [*photos, Path(job.look.model)], job.force)
    credentials = ready_to_sign()
    swapper = make_swapper(job.look, Stages(), finder)
    report = FolderReport(left_alone=[path.name for path in others])
    for number, path in enumerate(photos, 1):
        one = replace(job, source=path, target=job.target / path.name, report=None)
        try:
            check_regular(path)
            if kind_of(path, job.max_pixels) == "animated":  # to be converted by itself
                report.left_alone.append(path.name)
            else:
                check_output(one.target, (path,), job.force, sidecar_of)
                swapper.reset()
                report.pictures.append(swap_photo(one, swapper, credentials))
        except MummerError as error:
            report.failed.append(Failure(path=str(path), why=" ".join(str(error).split())))
        if on_photo is not None:
            on_photo(number, len(photos))
    if job.report is not None:
        write_report(job.report, report, job.force)
    return report


def _listed(folder: Path) -> tuple[list[Path], list[Path]]:
    """The pictures in ``folder`` and the rest, by name; what is hidden counts as neither."""
    try:
        names = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise InputError(f"{folder}: cannot be read: {reason(error)}") from error
    photos = [path for path in names if path.suffix.lower() in PHOTOS and not path.is_dir()]
    return photos, [path for path in names if path not in photos]
