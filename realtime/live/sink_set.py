"""The sinks of a run: which there are, how one comes and goes, and how all of them end."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from time import monotonic_ns
from typing import Final

from realtime.live.address import Names, file_of
from realtime.live.broadcaster import Broadcaster
from realtime.live.settings import SinkSettings
from realtime.live.sink import OpenSink
from realtime.live.status import SinkStatus
from realtime.live.workers import SinkWorker
from realtime.marking.provenance.claim import Claim
from realtime.marking.provenance.sign import ready_to_sign, sign
from realtime.runtime.clock import Clock
from realtime.runtime.errors import UsageError
from realtime.runtime.events import Events
from realtime.runtime.redaction import shown
from realtime.runtime.threads import guarded_thread

__all__ = ["SinkSet"]

#: Seconds that sinks get for what is under way, before they are cut off.
FINISHING: Final = 3.0
#: Seconds for a recording that is being finished: to sign hours of video, all of it has to be read once more.
SIGNING: Final = 60.0


class SinkSet:
    """A worker for each sink. Its methods but ``starved`` are called by one thread at a time.

    ``claim`` gives what a recording says of itself when it is signed, and ``failed`` is told where the very first
    opening of a sink fails for good. ``clear_up`` is called where a connection has ended, for what it leaves.
    """

    def __init__(
        self,
        open_sink: OpenSink,
        settings: SinkSettings,
        broadcaster: Broadcaster,
        names: Names,
        events: Events,
        clock: Clock,
        claim: Callable[[], Claim],
        failed: Callable[[BaseException], None],
        clear_up: Callable[[], None],
    ) -> None:
        self._open_sink, self._broadcaster, self._names = open_sink, broadcaster, names
        self._events, self._clock, self._claim, self._failed = events, clock, claim, failed
        self._clear_up = clear_up
        self._settings = replace(settings, on_finished=self._sign, tell=self._tell)
        self._workers: list[SinkWorker] = []
        self._starved: dict[SinkWorker, int] = {}

    def add(self, addresses: Iterable[str], patient: bool) -> list[SinkWorker]:
        """Sinks for what has none yet, not started. Raises ``UsageError`` and ``OutputError``."""
        running = {worker.address for worker in self._workers}
        added = [self._make(each, patient) for each in self._in_full(addresses) if each not in running]
        self._workers = [*self._workers, *added]
        return added

    def start(self) -> None:
        """Open all."""
        for worker in self._workers:
            worker.start()

    def plan(self, add: Iterable[str], remove: Iterable[str]) -> Callable[[], None]:
        """Check a change; what comes back puts it into effect. Raises ``UsageError`` and ``OutputError``."""
        before = self._workers
        removed = [self._find(address) for address in self._in_full(remove)]
        added = self.add(add, patient=True)
        self._workers = before

        def begin() -> None:
            self._workers = [*(worker for worker in before if worker not in removed), *added]
            for worker in added:
                worker.start()
            if removed:
                until_ns = monotonic_ns() + int(FINISHING * 1e9)
                guarded_thread(lambda: self._retire(removed, until_ns, until_ns), "retire sinks", self._failed).start()

        return begin

    def end(self, finished_ns: int, ended_ns: int) -> None:
        """Let all finish, and cut off those that have not by ``finished_ns``; return by ``ended_ns`` (monotonic)."""
        self._retire(self._workers, finished_ns, ended_ns)

    def status(self) -> list[SinkStatus]:
        """How each is."""
        return [worker.status() for worker in self._workers]

    def starved(self) -> int:
        """How many frames were lost by the sink that lost most, since the last call; for the swapping thread."""
        before, self._starved = self._starved, {worker: worker.starved for worker in self._workers}
        return max((count - before.get(worker, 0) for worker, count in self._starved.items()), default=0)

    def _make(self, address: str, patient: bool) -> SinkWorker:
        if file_of(address) is not None:
            ready_to_sign()
        return SinkWorker(
            address=address,
            name=self._names.of(address),
            open_=lambda: self._open_sink(address, self._settings),
            broadcaster=self._broadcaster,
            failed=self._failed,
            events=self._events,
            clear_up=self._clear_up,
            patient=patient,
            clock=self._clock,
        )

    def _in_full(self, given: Iterable[str]) -> list[str]:
        """Each address once, in full."""
        return list(dict.fromkeys(map(self._names.address, given)))

    def _find(self, address: str) -> SinkWorker:
        for worker in self._workers:
            if address == worker.address:
                return worker
        there = ", ".join(sorted(worker.name for worker in self._workers)) or "none"
        raise UsageError(f"{shown(address)}: no such sink is running; there is {there}")

    def _retire(self, workers: list[SinkWorker], finished_ns: int, ended_ns: int) -> None:
        for worker in workers:
            worker.end()
        late = [worker for worker in workers if not worker.join(_left(finished_ns))]
        for worker in late:
            if not _is_file(worker):
                worker.abort()
        for worker in late:
            if not worker.join(SIGNING if _is_file(worker) else _left(ended_ns)):
                self._events.tell("sink", f"{worker.name}: does not answer and was left behind", problem=True)

    def _tell(self, words: str, problem: bool) -> None:
        self._events.tell("sink", words, problem=problem)

    def _sign(self, recording: Path) -> None:
        sign(recording, self._claim(), recording)


def _is_file(worker: SinkWorker) -> bool:
    """Whether it makes a file, which is to be whole; a device or a stream that does not let go is worth no wait."""
    return file_of(worker.address) is not None


def _left(until_ns: int) -> float:
    """Seconds from now until then. Threads are waited for by the machine's own clock."""
    return max(until_ns - monotonic_ns(), 0) / 1e9
