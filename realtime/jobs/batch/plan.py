"""What a batch is to make: a job for each file, and a name for each output."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from realtime.jobs.convert import Job
from realtime.media.animation_sink import ANIMATIONS
from realtime.media.containers import CONTAINERS
from realtime.media.encoding import Encoding
from realtime.media.photo_formats import PHOTOS
from realtime.media.picture import Kind, kind_of
from realtime.runtime.errors import InputError, OutputError, UsageError, reason

__all__ = ["Batch", "for_its_kind", "name_for", "named", "plan_inputs", "plan_jobs"]

#: Videos that are read, and written in another container.
_READ_ONLY: Final = frozenset(
    {".mpg", ".mpeg", ".m2v", ".vob", ".flv", ".f4v", ".wmv", ".asf", ".mxf", ".ogv", ".dv", ".wtv", ".h264", ".hevc"}
)
_TAKEN: Final = PHOTOS.keys() | CONTAINERS.keys() | ANIMATIONS.keys() | _READ_ONLY
#: Containers that hold the faces alone, with what is transparent around them.
_LAYERS: Final = frozenset({".mov", ".mkv", ".avi"})
#: What an output is called where its input's suffix is that of nothing that is written.
_SUFFIXES: Final[dict[Kind, str]] = {"still": ".png", "animated": ".webp", "other": ".mkv"}
_PICTURES_ONLY: Final = "--codec, --crf and --preset are for videos; leave them out for pictures"


@dataclass(frozen=True, slots=True)
class Batch:
    """Jobs whose outputs differ, and the ``record`` of what was made of them; ``left_alone`` are names in a folder."""

    jobs: tuple[Job, ...]
    record: Path
    left_alone: tuple[str, ...] = ()


def plan_inputs(sources: Sequence[Path], job: Job) -> Batch:
    """A job for each of ``sources``, and for each video and picture (by its name) in those that are folders.

    The outputs go into the folder ``job.target``; else they are as ``job``. Folders within are not gone into. Raises a
    ``MummerError``.
    """
    if job.alignments is not None:
        raise UsageError("--alignments is for one video; in a job file each has its own")
    found, left = list[Path](), list[str]()
    for source in sources:
        if not source.is_dir():
            found.append(source)
            continue
        if job.target.suffix.lower() in PHOTOS.keys() | CONTAINERS.keys():
            raise InputError(
                f"{source}: a folder, and {job.target.name} is none; give the name of a folder for its files"
            )
        if job.target.exists() and job.target.samefile(source):
            raise OutputError(f"{job.target}: the output is the input; give another folder")
        files, others = _listed(source)
        found += files
        left += (path.name for path in others)
    return replace(_into_folder(found, job), left_alone=tuple(left))


def _listed(folder: Path) -> tuple[list[Path], list[Path]]:
    """The videos and pictures in ``folder`` and the rest, by name; what is hidden counts as neither."""
    try:
        names = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise InputError(f"{folder}: cannot be read: {reason(error)}") from error
    found = [path for path in names if path.suffix.lower() in _TAKEN and not path.is_dir()]
    if not found:
        raise InputError(f"{folder}: no videos and no pictures in this folder")
    return found, [path for path in names if path not in found]


def _into_folder(sources: Sequence[Path], job: Job) -> Batch:
    folder = job.target
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder}: a file; many outputs go into a folder")
    jobs = [_within(job, source, folder) for source in sources]
    if job.encoding != Encoding() and not any(each.encoding == job.encoding for each in jobs):
        raise UsageError(_PICTURES_ONLY)
    return plan_jobs(jobs, folder / RECORD)


def plan_jobs(jobs: Iterable[Job], record: Path) -> Batch:
    """A batch of ``jobs``. Raises ``UsageError`` where two of them would write one file."""
    made: dict[Path, Path] = {}
    for job in (jobs := tuple(jobs)):
        other = made.setdefault(job.target.resolve(), job.source)
        if other is not job.source:
            raise UsageError(
                f"{job.target}: {other} and {job.source} would both be written there; rename one, or name the outputs"
                " in a job file"
            )
    return Batch(jobs, record)


def named(job: Job, folder: Path) -> Job:
    """``job`` with an output in ``folder`` that is called like its input, as far as such a file can be written."""
    return replace(job, target=folder / name_for(job))


def name_for(job: Job) -> str:
    """The name of the input, with the suffix of something that can be written."""
    suffix, kind = job.source.suffix, _kind(job)
    written: dict[Kind, Collection[str]] = {
        "still": PHOTOS,
        "animated": ANIMATIONS,
        "other": _LAYERS if job.layer else CONTAINERS,
    }
    if suffix.lower() not in written[kind]:
        suffix = ".mov" if job.layer and kind == "other" else _SUFFIXES[kind]
    return job.source.stem + suffix


def for_its_kind(job: Job) -> Job:
    """``job`` without what is for videos, where its input is none."""
    return job if _kind(job) == "other" else replace(job, encoding=Encoding())


def _within(job: Job, source: Path, folder: Path) -> Job:
    return for_its_kind(named(replace(job, source=source, report=None), folder))


def _kind(job: Job) -> Kind:
    """What the input is; what is wrong with it is said when its turn comes."""
    try:
        return kind_of(job.source, job.max_pixels)
    except InputError:
        return "still" if job.source.suffix.lower() in PHOTOS else "other"


#: The record of what was made into a folder.
RECORD: Final = ".mummer.batch.jsonl"
