"""Several processes of this machine, each with its own models, that ask for segments and write their files."""

import signal
from collections.abc import Iterable
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from threading import Lock
from typing import cast

from realtime.jobs.segments.engines.crew import Crew, GoneError, Word, work
from realtime.jobs.segments.engines.watcher import Watcher
from realtime.jobs.segments.maker import Order
from realtime.runtime.cores import Share, spread
from realtime.runtime.stages import Stages

__all__ = ["make_in_processes"]


def make_in_processes(order: Order, segments: list[int], workers: int, stages: Stages, watcher: Watcher) -> None:
    """Make ``segments`` with so many ``workers``, whose times go into ``stages``.

    Raises what a worker raises, and ``MummerError`` where too many of them end by themselves.
    """
    with Crew(order, segments, _Machine(order), stages, watcher) as crew:
        crew.work(workers)


class _Machine:
    """This one."""

    def __init__(self, order: Order) -> None:
        self._order = order

    def start(self, share: Share) -> "_Process":
        # A new interpreter: a copy of this one would have its locks, and not the threads that hold them.
        context = get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_work, args=(self._order, share, theirs), daemon=True)
        process.start()
        theirs.close()
        return _Process(process, ours)

    def ready(self, links: "Iterable[_Process]") -> "list[_Process]":
        at = {link.pipe: link for link in links}
        ready = wait(list(at))
        return [link for pipe, link in at.items() if pipe in ready]


class _Process:
    """A process, and this end of its ``pipe``."""

    def __init__(self, process: BaseProcess, pipe: "Connection[int | None, Word]") -> None:
        self._process, self.pipe = process, pipe

    def hear(self) -> Word:
        try:
            return self.pipe.recv()
        except (EOFError, OSError):
            self._process.join()
            code = self._process.exitcode or 0
            raise GoneError(f"by {signal.Signals(-code).name}" if code < 0 else f"with code {code}") from None

    def answer(self, segment: int | None) -> None:
        with suppress(OSError):  # it is gone, which is heard next
            self.pipe.send(segment)

    def spread(self) -> None:
        spread(cast(int, self._process.pid))

    def part(self) -> None:
        self._process.join()
        self.pipe.close()

    def stop(self) -> None:
        self._process.terminate()


def _work(order: Order, share: Share, pipe: "Connection[Word, int | None]") -> None:
    """A worker's whole life. The process that started it being gone shows in the pipe, and ends it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that started this one
    share.take()
    lock = Lock()

    def say(word: Word) -> None:
        with lock:
            pipe.send(word)

    with suppress(EOFError, OSError):  # nobody listens any more
        work(order, say, pipe.recv)
