"""A batch written down: a TOML file that names inputs, outputs, and the settings of each."""

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from realtime.jobs.batch.plan import Batch, for_its_kind, named, plan_jobs
from realtime.jobs.convert import Job
from realtime.jobs.from_settings import job_of
from realtime.runtime.errors import UsageError, reason
from realtime.runtime.files import read_regular
from realtime.settings import Conversion, first_problem

__all__ = ["JobEntry", "JobFile", "read_job_file"]

#: What follows the job file's name in that of the record of what was made by it.
_RECORD: Final = ".batch.jsonl"

_Page = TypeVar("_Page", bound=BaseModel)


class JobEntry(Conversion):
    """One ``[[job]]``: an input, an output, and whatever a file job may be told."""

    input: Path
    output: Path | None = None


class JobFile(BaseModel):
    """The whole file. Paths are relative to the folder that it lies in.

    ``settings`` hold for every job that does not say otherwise; where a job names no ``output``, it goes into
    ``out_dir`` under the name of its input.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    out_dir: Path | None = None
    settings: dict[str, object] = {}
    job: Annotated[list[dict[str, object]], Field(min_length=1)]


def read_job_file(path: Path, whole: Job) -> Batch:
    """The jobs in the file ``path``, done by as many workers as ``whole``. Raises ``UsageError``."""
    try:
        told = tomllib.loads(read_regular(path).decode("utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {reason(error)}") from error
    except ValueError as error:  # no TOML, or no UTF-8
        raise UsageError(f"{path}: not a job file: {' '.join(str(error).split())}") from error
    page = _checked(JobFile, path, told)
    _checked(Conversion, path, page.settings, "settings.")
    jobs = []
    for number, given in enumerate(page.job, 1):
        entry = _checked(JobEntry, path, {**page.settings, **given}, f"job {number}: ")
        job = _job(path, page, entry, f"job {number}")
        jobs.append(replace(job, workers=whole.workers, engine=whole.engine, address=whole.address))
    return plan_jobs(jobs, path.with_name(path.name + _RECORD))


def _checked(model: type[_Page], path: Path, told: Mapping[str, object], prefix: str = "") -> _Page:
    try:
        return model.model_validate(told)
    except ValidationError as error:
        raise UsageError(f"{path}: {first_problem(error, model.model_fields, prefix)}") from error


def _job(path: Path, page: JobFile, entry: JobEntry, which: str) -> Job:
    folder = path.parent
    entry = entry.within(folder)
    job = job_of(entry, entry.input, entry.output or folder)
    if entry.output is None:
        if page.out_dir is None:
            raise UsageError(f"{path}: {which}: no output is named, and no out_dir for all; name one of them")
        job = named(job, folder / page.out_dir)
    return for_its_kind(job)
