"""Time limits: one thread watches everything that has one, and sleeps while nothing runs.

Time in which the whole program was stopped (Ctrl-Z, a debugger) is nobody's: it does not count.

A signal that ends the program ends what is under a limit, too: its thread may be inside a library, and hear nothing.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from threading import Condition
from time import monotonic
from typing import Final

from realtime.runtime import stop_signals
from realtime.runtime.threads import guarded_thread, log_failure

__all__ = ["Limit", "limited"]

FOREVER: Final = float("inf")
#: Seconds between two looks at the clock while anything is watched, and by how much a look may come late: what goes
#: beyond that is time in which nothing ran.
TICK, LATE = 0.5, 1.0


@dataclass(eq=False, slots=True)
class Limit:
    """One running task: when it is due (on the monotonic clock), what stops it, and whether that was needed."""

    due: float
    stop: Callable[[], None]
    passed: bool = False


@contextmanager
def limited(seconds: float, stop: Callable[[], None]) -> Iterator[Limit]:
    """Call ``stop`` from another thread where the block takes longer than ``seconds``, or the program is to end."""
    limit = Limit(monotonic() + seconds, stop)
    watchdog = _watchdog()
    watchdog.watch(limit)
    try:
        yield limit
    finally:
        watchdog.leave(limit)


class _Watchdog:
    """Wakes up twice a second, not once a task: tasks come sixty times a second."""

    def __init__(self) -> None:
        self._limits: set[Limit] = set()
        self._changed = Condition()
        self._sleeps_until = FOREVER
        self._ending = False
        guarded_thread(self._run, "watchdog", _failed).start()
        stop_signals.on_stop(self.end)

    def watch(self, limit: Limit) -> None:
        with self._changed:
            self._limits.add(limit)
            if self._ending:
                limit.stop()
            elif limit.due < self._sleeps_until:
                self._sleeps_until = monotonic() + TICK  # the program may be stopped before the first look
                self._changed.notify()

    def leave(self, limit: Limit) -> None:
        with self._changed:
            self._limits.discard(limit)

    def end(self) -> None:
        """Stop all that is watched, and whatever comes to be."""
        with self._changed:
            self._ending = True
            for limit in self._limits:
                limit.stop()

    def _run(self) -> None:
        with self._changed:
            while True:
                now = monotonic()
                if (stopped := now - self._sleeps_until) > LATE:
                    for limit in self._limits:
                        limit.due += stopped
                for limit in [limit for limit in self._limits if limit.due <= now]:
                    self._limits.discard(limit)
                    limit.passed = True
                    limit.stop()
                self._sleeps_until = FOREVER
                if self._limits:
                    self._sleeps_until = min(now + TICK, *(limit.due for limit in self._limits))
                self._changed.wait(None if self._sleeps_until == FOREVER else self._sleeps_until - now)


def _failed(error: BaseException) -> None:
    """What a limit called has failed: the next limit gets another watchdog."""
    _watchdog.cache_clear()
    log_failure(error)


@cache
def _watchdog() -> _Watchdog:
    return _Watchdog()


if hasattr(os, "register_at_fork"):  # threads do not live on in a fork
    os.register_at_fork(after_in_child=_watchdog.cache_clear)
