"""The time, and waiting for it: one object, so that a test can take its place."""

from threading import Event
from time import monotonic_ns
from typing import Final, Protocol

__all__ = ["SYSTEM_CLOCK", "Clock"]


class Clock(Protocol):
    """Nanoseconds of a clock that is never set, and waiting by it. From any thread."""

    def now_ns(self) -> int:
        """The time now."""
        ...

    def wait(self, event: Event, seconds: float) -> bool:
        """Wait until ``event`` is set, ``seconds`` at most; whether it is."""
        ...


class _SystemClock:
    def now_ns(self) -> int:
        return monotonic_ns()

    def wait(self, event: Event, seconds: float) -> bool:
        return event.wait(seconds)


#: The monotonic clock of this machine.
SYSTEM_CLOCK: Final[Clock] = _SystemClock()
