"""What must happen while nothing does: slates are sent, and a source that has stalled is closed."""

from collections.abc import Callable
from threading import Event
from typing import Final

from realtime.live.broadcaster import Broadcaster
from realtime.live.output import Output
from realtime.live.workers import STALLED, SourceWorker
from realtime.runtime.clock import Clock
from realtime.runtime.events import Events

__all__ = ["Watch"]

SECOND_NS: Final = 1_000_000_000
#: Between two slates, in ns: a still picture needs no more to keep a stream alive.
SLATES_NS: Final = SECOND_NS // 10


class Watch:
    """Sleeps until something is overdue. ``slating`` is true from the first slate to the next frame that is sent.

    ``source`` gives the source that is watched now. Whoever sends a frame sets ``slating`` to false.
    """

    def __init__(
        self, broadcaster: Broadcaster, output: Output, source: Callable[[], SourceWorker], events: Events, clock: Clock
    ) -> None:
        self._broadcaster, self._output, self._source = broadcaster, output, source
        self._events, self._clock = events, clock
        self.slating = False
        self.slates = 0

    def run(self, over: Event) -> None:
        """In a thread of its own, until ``over``."""
        while not over.is_set():
            now_ns = self._clock.now_ns()
            self._source().check(now_ns)
            if now_ns >= self._slate_due_ns():
                self._send_slate(now_ns)
            stalled_ns = max(self._source().deadline_ns(), now_ns + SLATES_NS)
            next_ns = min(self._slate_due_ns(), stalled_ns)
            self._clock.wait(over, max(next_ns - self._clock.now_ns(), 0) / SECOND_NS)

    def _send_slate(self, now_ns: int) -> None:
        if not self.slating:
            self.slating = True
            self._events.tell("engine", "no frames: a slate is sent", problem=True)
        self.slates += self._broadcaster.send(self._output.slate(now_ns), stopgap=True)

    def _slate_due_ns(self) -> int:
        """When a slate is to be sent unless a frame comes before."""
        pause_ns = SLATES_NS if self.slating else int(STALLED * SECOND_NS)
        return (self._broadcaster.last_ns or self._output.began_ns) + pause_ns
