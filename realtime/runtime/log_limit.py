"""A bound on what is logged: whatever happens over and over, the log does not grow without end."""

import logging
from collections.abc import Callable
from threading import Lock
from time import monotonic
from typing import Final

__all__ = ["RateLimit"]

#: Seconds of a period, and records from one place in the code that are logged in each.
PERIOD: Final = 10.0
MOST: Final = 50


class RateLimit(logging.Filter):
    """Lets through ``MOST`` records a ``PERIOD`` from each line of code that logs.

    The first of the next period has the number of those before it that were left out, as its field ``left_out``.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        """``clock`` gives seconds."""
        super().__init__()
        self._clock, self._lock = clock, Lock()
        self._seen: dict[tuple[str, int], _Period] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether ``record`` is logged."""
        now = self._clock()
        with self._lock:
            period = self._seen.setdefault((record.pathname, record.lineno), _Period(now))
            if now - period.began >= PERIOD:
                if period.count > MOST:
                    record.left_out = period.count - MOST
                period.began, period.count = now, 0
            period.count += 1
            return period.count <= MOST


class _Period:
    """When it began, and how many records came since."""

    def __init__(self, began: float) -> None:
        self.began, self.count = began, 0
