"""The list of jobs as a file: a daemon that is started again shows what the one before did, and what was cut off."""

import logging
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from pydantic import BaseModel, TypeAdapter, ValidationError

from realtime.runtime.errors import MummerError
from realtime.runtime.files import read_regular, write_whole
from realtime.serve.jobs.job import JobRequest, JobStatus

__all__ = ["JobRecord", "Kept"]

_log: Final = logging.getLogger(__name__)


class Kept(BaseModel, frozen=True):
    """A job of the list."""

    request: JobRequest
    target: Path
    status: JobStatus


_LIST: Final = TypeAdapter(list[Kept])


class JobRecord:
    """The file ``path``, written whole each time; None keeps nothing."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def read(self) -> list[Kept]:
        """The jobs of the daemon before; those that it had not ended are interrupted."""
        if self._path is None:
            return []
        try:
            kept = _LIST.validate_json(read_regular(self._path))
        except FileNotFoundError:
            return []
        except (OSError, MummerError, ValidationError) as error:
            _log.warning("%s: the list of jobs cannot be read, and begins anew: %s", self._path, error)
            return []
        return [_cut_off(each) if each.status.state in ("waiting", "running") else each for each in kept]

    def write(self, jobs: Iterable[Kept]) -> None:
        """Keep ``jobs``; without a place for them they last as long as the daemon."""
        if self._path is None:
            return
        try:
            write_whole(self._path, _LIST.dump_json(list(jobs)), sync=False)
            with suppress(OSError):  # names of files are nobody else's business
                self._path.chmod(0o600)
        except MummerError as error:
            _log.warning("the list of jobs is not kept: %s", error)
            self._path = None

    def close(self) -> None:
        """What happens from now on is not kept."""
        self._path = None


def _cut_off(job: Kept) -> Kept:
    return job.model_copy(update={"status": job.status.model_copy(update={"state": "interrupted", "fps": 0.0})})
