"""The daemon's file jobs: a bounded queue, of which one runs at a time."""

import logging
import secrets
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Condition
from time import monotonic, time
from typing import IO, Final

from pydantic import ValidationError

from realtime.marking.provenance.sign import sidecar_of
from realtime.runtime.errors import UsageError
from realtime.runtime.tether import tethered
from realtime.runtime.threads import guarded_thread
from realtime.serve.jobs.job import JobRequest, JobStatus
from realtime.serve.jobs.process import Broken, Done, Failed, Frames, Word
from realtime.serve.jobs.record import JobRecord, Kept

__all__ = ["JobQueue"]

#: Jobs that have ended and are still shown; then the oldest go.
KEPT: Final = 32
#: Seconds that a job has to end by itself once it is told to.
GRACE: Final = 5.0

_log: Final = logging.getLogger(__name__)


@dataclass(eq=False)
class _Entry:
    """A job of the list. ``ended`` lets go of its upload; without one it ``lasts`` longer than the daemon."""

    request: JobRequest
    target: Path
    status: JobStatus
    ended: Callable[[], None]
    lasts: bool = False
    process: "subprocess.Popen[str] | None" = None
    cancelled: bool = False
    began: tuple[float, int] | None = None


@dataclass
class JobQueue:
    """Takes jobs, runs them in the order in which they came, and keeps the last of them. From any thread.

    The list begins with what ``record`` has kept of it.
    """

    most: int
    record: JobRecord = field(default_factory=lambda: JobRecord(None))
    _entries: dict[str, _Entry] = field(default_factory=dict)
    _changed: Condition = field(default_factory=Condition)
    _version: int = 0
    _open: bool = True

    def __post_init__(self) -> None:
        for kept in self.record.read():
            self._entries[kept.status.id] = _Entry(kept.request, kept.target, kept.status, lambda: None, lasts=True)

    def start(self) -> None:
        """Begin to work."""
        guarded_thread(self._work, "jobs").start()

    def add(self, request: JobRequest, target: Path, forget: Callable[[], None] | None = None) -> JobStatus:
        """Put a job at the end of the queue; ``forget`` is called when one of an upload leaves the list.

        Raises ``UsageError`` where too many wait already, or one that waits or runs writes the same file.
        """
        with self._changed:
            self._check(target)
            number = secrets.token_hex(8)
            status = JobStatus(
                id=number, input=str(request.input), output=str(target), model=", ".join(request.models), asked=time()
            )
            self._entries[number] = _Entry(request, target, status, forget or (lambda: None), lasts=forget is None)
            self._note()
            self._drop_old()
            self._keep()
            return status

    def asked(self, number: str) -> JobRequest | None:
        """What a job was asked for; None where there is none of that number."""
        with self._changed:
            entry = self._entries.get(number)
            return None if entry is None else entry.request.model_copy(update={"output": entry.target})

    def resume(self, number: str) -> JobStatus | None:
        """Let a job that was not finished go on, after those that wait; None where there is none of that number.

        Raises ``UsageError`` for one that is finished, waits or runs, and what ``add`` raises.
        """
        with self._changed:
            entry = self._entries.get(number)
            if entry is None:
                return None
            if entry.status.state not in ("interrupted", "cancelled", "failed"):
                raise UsageError(f"{entry.target.name}: this job is {entry.status.state}; there is nothing to resume")
            self._check(entry.target)
            entry.request = entry.request.model_copy(update={"resume": True})
            entry.cancelled, entry.began = False, None
            self._entries[number] = self._entries.pop(number)
            self._set(entry, state="waiting", problem=None, frames=0, fps=0.0)
            return entry.status

    def all(self) -> list[JobStatus]:
        """All that are kept, the latest first."""
        with self._changed:
            return [each.status for each in reversed(self._entries.values())]

    def news(self, version: int) -> tuple[int, list[JobStatus]] | None:
        """The list where it has changed since ``version`` (at first -1), and the version that it has now."""
        with self._changed:
            return None if version == self._version else (self._version, self.all())

    def status(self, number: str) -> JobStatus | None:
        """One job; None where there is none of that number."""
        with self._changed:
            entry = self._entries.get(number)
            return None if entry is None else entry.status

    def remove(self, number: str) -> JobStatus | None:
        """Cancel a job, or take one that has ended off the list; None where there is none of that number.

        Returns when a job that ran has ended.
        """
        with self._changed:
            entry = self._entries.get(number)
            if entry is None:
                return None
            if entry.status.state == "waiting":
                self._set(entry, state="cancelled")
            elif entry.status.state == "running":
                entry.cancelled = True
                _end(entry.process)
                self._changed.wait_for(lambda: entry.status.state != "running", 2 * GRACE)
            else:
                self._forget(entry)
                self._keep()
            return entry.status

    def close(self) -> None:
        """End what runs, and take no more."""
        with self._changed:
            self._open = False
            self.record.close()  # what is cut off now is shown as such by the next
            for entry in self._entries.values():
                if entry.status.state == "running":
                    entry.cancelled = True
                    _end(entry.process)
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._running(), 2 * GRACE)
            for entry in [*self._entries.values()]:
                self._forget(entry)

    # in the thread of the jobs

    def _work(self) -> None:
        while (entry := self._next()) is not None:
            try:
                self._run(entry)
            except OSError as error:
                self._finish(entry, Failed(why=f"its process cannot be started: {error}"))

    def _next(self) -> _Entry | None:
        def waiting() -> _Entry | None:
            return next((each for each in self._entries.values() if each.status.state == "waiting"), None)

        with self._changed:
            self._changed.wait_for(lambda: waiting() or not self._open)
            entry = waiting() if self._open else None
            if entry is not None:
                self._set(entry, state="running")
            return entry

    def _run(self, entry: _Entry) -> None:
        # Started by this thread, which lasts: the tether is to the thread.
        process = subprocess.Popen(  # noqa: S603  # this program itself
            tethered([sys.executable, "-m", "realtime.serve.jobs.process"]),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        assert process.stdin is not None and process.stdout is not None  # noqa: S101  # both are pipes
        with process:
            with self._changed:
                entry.process = process
                if entry.cancelled:
                    process.kill()
            with suppress(OSError):  # it is gone, which is noticed below
                process.stdin.write(entry.request.model_copy(update={"output": entry.target}).model_dump_json())
                process.stdin.close()
            outcome = self._listen(entry, process.stdout)
        if outcome is None:
            code = process.returncode
            how = f"ended by signal {-code}" if code < 0 else f"ended with code {code}"
            outcome = Failed(why=f"{entry.request.input}: its process {how} by itself; the model may have broken it")
        self._finish(entry, outcome)

    def _listen(self, entry: _Entry, lines: IO[str]) -> Done | Failed | Broken | None:
        """What became of it; None where it did not say."""
        for line in lines:
            with suppress(ValidationError):
                said = Word.model_validate_json(line).said
                if not isinstance(said, Frames):
                    return said
                now = monotonic()
                entry.began = entry.began or (now, said.done)
                seconds = now - entry.began[0]
                fps = round((said.done - entry.began[1]) / seconds, 1) if seconds else 0.0
                with self._changed:
                    self._set(entry, frames=said.done, expected=said.expected, fps=fps)
        return None

    def _finish(self, entry: _Entry, outcome: Done | Failed | Broken) -> None:
        with self._changed:
            entry.process = None
            if entry.cancelled:
                self._set(entry, state="cancelled")
                return
            match outcome:
                case Done():
                    size = entry.target.stat().st_size if entry.target.exists() else None
                    self._set(
                        entry, state="done", faces=outcome.faces, swapped=outcome.swapped, warnings=outcome.warnings,
                        frames=max(entry.status.expected, entry.status.frames), size=size,
                        manifest=sidecar_of(entry.target).exists(),
                    )  # fmt: skip
                case Failed():
                    self._set(entry, state="failed", problem=outcome.why)
                case Broken():
                    _log.error("a job failed: %s", outcome.trace)
                    self._set(entry, state="failed", problem="an error of mummer's own; the daemon's log says more")

    # with the lock held

    def _set(self, entry: _Entry, **changes: object) -> None:
        entry.status = entry.status.model_copy(update=changes)
        self._note()
        if "state" in changes:
            self._keep()

    def _keep(self) -> None:
        lasting = [each for each in self._entries.values() if each.lasts]
        self.record.write(Kept(request=each.request, target=each.target, status=each.status) for each in lasting)

    def _check(self, target: Path) -> None:
        """Raise ``UsageError`` where no job may wait to write ``target``."""
        active = [each for each in self._entries.values() if each.status.state in ("waiting", "running")]
        if len(active) >= self.most or not self._open:
            raise UsageError(f"{len(active)} jobs wait already; wait for one of them, or cancel one")
        if any(each.target.resolve() == target.resolve() for each in active):
            raise UsageError(f"{target}: another job will write it; wait for it, or give another name")

    def _note(self) -> None:
        self._version += 1
        self._changed.notify_all()

    def _running(self) -> bool:
        return any(each.status.state == "running" for each in self._entries.values())

    def _forget(self, entry: _Entry) -> None:
        self._entries.pop(entry.status.id, None)
        if not any(other.request.input == entry.request.input for other in self._entries.values()):
            entry.ended()
        self._note()

    def _drop_old(self) -> None:
        ended = [each for each in self._entries.values() if each.status.state not in ("waiting", "running")]
        for entry in ended[: max(len(ended) - KEPT, 0)]:
            self._forget(entry)


def _end(process: "subprocess.Popen[str] | None") -> None:
    """Let a process end in good order, or else at once; returns before it has."""
    if process is None:
        return  # it starts, and is ended then
    process.terminate()

    def insist() -> None:
        with suppress(subprocess.TimeoutExpired):
            process.wait(GRACE)
            return
        process.kill()

    guarded_thread(insist, "end of a job").start()
