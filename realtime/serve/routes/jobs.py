"""File jobs: ask for one, see them all, cancel one, and get what it made."""

from pathlib import Path

from fastapi import APIRouter, HTTPException, Security

from realtime.jobs.file_checks import check_files
from realtime.marking.provenance.sign import sidecar_of
from realtime.runtime.errors import UsageError
from realtime.serve.allowed_paths import AllowedPaths, check_job
from realtime.serve.jobs.job import JobRequest, JobStatus
from realtime.serve.jobs.queue import JobQueue
from realtime.serve.jobs.uploads import Uploads
from realtime.serve.refusals import CHANGES, TOKEN, refusals
from realtime.serve.routes.binary import A_FILE, Binary, sent

__all__ = ["job_routes"]


def job_routes(jobs: JobQueue, uploads: Uploads, roots: AllowedPaths) -> APIRouter:
    """The routes of ``jobs``, whose files lie in ``roots`` or are ``uploads``."""
    routes = APIRouter(dependencies=[Security(TOKEN)])
    _add_steering(routes, jobs, uploads, roots)
    _add_results(routes, jobs, uploads, roots)
    return routes


def _add_steering(routes: APIRouter, jobs: JobQueue, uploads: Uploads, roots: AllowedPaths) -> None:
    @routes.post("/api/jobs", status_code=201, responses=refusals(*CHANGES))
    def add(request: JobRequest) -> JobStatus:
        """Convert a file, after those that wait already; one runs at a time, in a process of its own.

        Its words are those of `mummer convert`. Progress comes over `/api/events` as `{"jobs": [...]}`.
        """
        check_job(request, uploads.holds, roots)
        target, is_sent = request.output, uploads.holds(request.input)
        if target is None:
            if not is_sent:
                raise UsageError("output: name the file to write; only the result of an upload has a place of its own")
            target = uploads.result_of(request.model_copy(update={"output": request.input}).job)
        target = target.absolute()
        check_files((request.input.absolute(),), target, None, request.force or request.resume)
        return jobs.add(request, target, (lambda: uploads.forget(request.input)) if is_sent else None)

    @routes.get("/api/jobs", responses=refusals(401))
    def every() -> list[JobStatus]:
        """The jobs that wait and run, and the last that have ended; the latest first."""
        return jobs.all()

    @routes.get("/api/jobs/{number}", responses=refusals(401, 404))
    def one(number: str) -> JobStatus:
        """How a job is: frames, speed, problems."""
        return _there(jobs.status(number))

    @routes.delete("/api/jobs/{number}", responses=refusals(401, 404))
    def remove(number: str) -> JobStatus:
        """Cancel a job that waits or runs; take one that has ended off the list, and its upload and result with it.

        What is finished of an output in the open folders is kept, and `resume` goes on with it.
        """
        return _there(jobs.remove(number))

    @routes.post("/api/jobs/{number}/resume", responses=refusals(400, 401, 404, 409))
    def resume(number: str) -> JobStatus:
        """Let a job go on that was interrupted with the daemon, cancelled, or failed; it waits for its turn again."""
        request = jobs.asked(number)
        if request is None:
            raise HTTPException(404)
        check_job(request, uploads.holds, roots)  # the open folders may be others since
        return _there(jobs.resume(number))


def _add_results(routes: APIRouter, jobs: JobQueue, uploads: Uploads, roots: AllowedPaths) -> None:
    answers = A_FILE | refusals(401, 404, 409)

    @routes.get("/api/jobs/{number}/result", response_class=Binary, responses=answers)
    def result(number: str) -> Binary:
        """What a job made."""
        return sent(_made(number))

    @routes.get("/api/jobs/{number}/manifest", response_class=Binary, responses=answers)
    def manifest(number: str) -> Binary:
        """The signature of what a job made, where the file cannot hold it itself."""
        return sent(sidecar_of(_made(number)))

    def _made(number: str) -> Path:
        status = _there(jobs.status(number))
        path = Path(status.output)
        if status.state != "done":
            raise UsageError(f"{path.name}: this job is {status.state}; there is no result to get")
        if not uploads.holds(path):
            roots.check(path)  # what it made may have been replaced by a link
        return path


def _there(status: JobStatus | None) -> JobStatus:
    if status is None:
        raise HTTPException(404)
    return status
