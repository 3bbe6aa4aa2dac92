"""A file job as it is asked for over the API, and as it is shown there."""

from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, Field, field_validator

from realtime.jobs.convert import Job
from realtime.jobs.from_settings import job_of
from realtime.settings import Conversion

__all__ = ["JobRequest", "JobState", "JobStatus"]

JobState: TypeAlias = Literal["waiting", "running", "done", "failed", "cancelled", "interrupted"]


class JobRequest(Conversion):
    """What is to be converted: ``input`` and ``output`` are files, and the rest is what `mummer convert` may be told.

    Without an ``output`` the result of an upload lies beside it. ``force`` replaces an output that exists, and
    ``resume`` goes on with what an earlier job left.
    """

    input: Annotated[Path, Field(description="The file to read: an upload, or one in the folders that are open.")]
    output: Annotated[Path | None, Field(description="The file to write; may be left out for an upload.")] = None
    force: bool = False
    resume: bool = False

    @field_validator("input", "output")
    @classmethod
    def _in_utf8(cls, path: Path | None) -> Path | None:
        try:
            str(path).encode()
        except UnicodeError as error:
            raise ValueError("is no name in UTF-8; rename the file") from error
        return path

    @property
    def job(self) -> Job:
        """The job, once it has an output. No name of a file can be taken for a standard stream."""
        assert self.output is not None  # noqa: S101  # the queue takes no other
        return job_of(self, self.input.absolute(), self.output.absolute(), force=self.force, resume=self.resume)


class JobStatus(BaseModel, frozen=True):
    """A job of the list.

    ``frames`` of ``expected`` are done (0 where nobody knows), at ``fps`` a second; ``asked`` is in seconds of the
    calendar's clock. When it is done ``size`` is the result's in bytes, ``manifest`` whether its signature lies in a
    file of its own, and ``faces`` and ``swapped`` count faces and frames with one. ``problem`` is why it failed. It is
    interrupted where the daemon ended before it had.
    """

    id: str
    input: str
    output: str
    model: str
    state: JobState = "waiting"
    asked: float
    frames: int = 0
    expected: int = 0
    fps: float = 0.0
    faces: int | None = None
    swapped: int | None = None
    size: int | None = None
    manifest: bool = False
    warnings: tuple[str, ...] = ()
    problem: str | None = None
