"""Several processes of this machine, each with its own models, that ask for segments and write their files."""

import signal
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from threading import Lock
from traceback import format_exc
from typing import Final, Literal, TypeAlias

from realtime.jobs.segments.engines.shares import Shares
from realtime.jobs.segments.engines.watcher import Watcher
from realtime.jobs.segments.maker import Order, make_segments
from realtime.jobs.segments.plan import UncuttableError
from realtime.runtime.errors import MummerError
from realtime.runtime.process import tune
from realtime.runtime.stages import Stages

__all__ = ["make_in_processes"]

#: How often a worker may be lost before the job is given up: something then ends each of them.
LOSSES: Final = 3

#: What a worker says: it asks for the segment after its last, counts frames, has finished a segment, or ends.
_Word: TypeAlias = (
    tuple[Literal["next"], int | None]
    | tuple[Literal["frames"], int]
    | tuple[Literal["done"], int]
    | tuple[Literal["end"], Stages]
    | tuple[Literal["failed"], Exception]
)


def make_in_processes(order: Order, segments: list[int], workers: int, stages: Stages, watcher: Watcher) -> None:
    """Make ``segments`` with so many ``workers``, whose times go into ``stages``.

    Raises what a worker raises, and ``MummerError`` where too many of them end by themselves.
    """
    with _Crew(order, Shares(segments), watcher, stages) as crew:
        for _ in range(min(workers, len(segments))):
            crew.start()
        crew.work()


@dataclass(eq=False, slots=True)
class _Worker:
    """``number`` is its own, ``frames`` how many it has counted that are in no finished segment."""

    number: int
    process: BaseProcess
    link: "Connection[int | None, _Word]"
    frames: int = 0
    last: int | None = None


@dataclass
class _Crew:
    """The workers, seen from the process that pays them."""

    order: Order
    shares: Shares
    watcher: Watcher
    stages: Stages
    workers: list[_Worker] = field(default_factory=list)
    started: int = 0
    losses: int = 0

    def __enter__(self) -> "_Crew":
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self.workers:
            worker.process.terminate()
        for worker in self.workers:
            worker.process.join()
            worker.link.close()

    def start(self) -> None:
        """Let one more begin."""
        # A new interpreter: a copy of this one would have its locks, and not the threads that hold them.
        context = get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_work, args=(self.order, theirs), daemon=True)
        process.start()
        theirs.close()
        self.workers.append(_Worker(self.started, process, ours))
        self.started += 1

    def work(self) -> None:
        """Listen to them until all have ended."""
        while self.workers:
            ready = wait([worker.link for worker in self.workers])
            for worker in [worker for worker in self.workers if worker.link in ready]:
                try:
                    word = worker.link.recv()
                except (EOFError, OSError):
                    self._lose(worker)
                else:
                    self._hear(worker, word)

    def _hear(self, worker: _Worker, word: _Word) -> None:
        match word:
            case "next", last:
                with suppress(OSError):  # it is gone, which is heard next
                    worker.link.send(self.shares.next(worker.number, last))
            case "frames", count:
                worker.frames += count
                self.watcher.frames(count)
            case "done", segment:
                worker.frames -= len(self.order.plan.span(segment))
                self.shares.done(worker.number, segment)
                self.watcher.segment(segment)
            case "end", stages:
                self.stages.add(stages)
                self._part_from(worker)
            case "failed", error:
                raise error

    def _lose(self, worker: _Worker) -> None:
        self._part_from(worker)
        self.watcher.frames(-worker.frames)
        self.shares.lost(worker.number)
        self.losses += 1
        if self.losses > LOSSES:
            code = worker.process.exitcode or 0
            how = f"by {signal.Signals(-code).name}" if code < 0 else f"with code {code}"
            raise MummerError(
                f"{self.order.target}: its workers end by themselves, the last one {how}; with less memory than they"
                " need, use fewer --workers"
            )
        self.start()

    def _part_from(self, worker: _Worker) -> None:
        self.workers.remove(worker)
        worker.process.join()
        worker.link.close()


def _work(order: Order, link: "Connection[_Word, int | None]") -> None:
    """A worker's whole life. The process that started it being gone shows in the link, and ends it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that started this one
    tune()
    lock = Lock()

    def say(word: _Word) -> None:
        with lock:
            link.send(word)

    def segments() -> Iterator[int]:
        last: int | None = None
        while True:
            say(("next", last))
            last = link.recv()
            if last is None:
                return
            yield last

    try:
        stages = Stages()
        with closing(order.open_source(stages)) as source:
            swapper = order.open_swapper(stages)
            make_segments(
                order, source, swapper, segments(), lambda: say(("frames", 1)), lambda segment: say(("done", segment))
            )
        say(("end", stages))
    except (EOFError, OSError):
        return  # nobody listens any more
    except (MummerError, UncuttableError) as error:
        say(("failed", error))
    except Exception:  # noqa: BLE001  # raised where the job is waited for
        say(("failed", RuntimeError(f"in a worker:\n{format_exc()}")))
