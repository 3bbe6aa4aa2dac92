"""A source that comes later: for those whose sound goes another way, and takes longer."""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from threading import Event
from time import monotonic_ns
from typing import Final

from realtime.live.source import LiveItem, LiveSource, PacedSource, Sound
from realtime.runtime.channel import Channel, ChannelClosedError
from realtime.runtime.threads import Failure, guarded_thread

__all__ = ["Delayed", "delayed"]

#: Frames and pieces of sound that may wait; the delay bounds them long before that.
MOST: Final = 4096


def delayed(source: LiveSource, seconds: float) -> LiveSource:
    """``source``, or where ``seconds`` are asked for the same, so much later."""
    return Delayed(source, seconds) if seconds else source


class Delayed:
    """What ``source`` gives, ``seconds`` after it was captured; that is its ``captured_ns`` then."""

    def __init__(self, source: LiveSource, seconds: float) -> None:
        self._source, self._delay_ns = source, int(seconds * 1e9)
        self._waiting: Channel[LiveItem] = Channel(MOST)
        self._closed = Event()
        self._failure = Failure()

    @property
    def rate(self) -> Fraction | None:
        """As the source says."""
        return self._source.rate

    @property
    def buffered(self) -> float:
        """Seconds for which what comes waits, here and before."""
        return float(getattr(self._source, "buffered", 0.0)) + self._delay_ns / 1e9

    @property
    def due_ns(self) -> int:
        """When the next frame is due, where the source knows; see ``PacedSource``."""
        known_ns = self._source.due_ns if isinstance(self._source, PacedSource) else 0
        return known_ns and known_ns + self._delay_ns

    def __iter__(self) -> Iterator[LiveItem]:
        """Raises what the source raises, as much later."""
        guarded_thread(self._read, "delay", self._fail).start()
        try:
            for item in self._waiting:
                due_ns = (item.captured_ns or 0) + self._delay_ns
                early_ns = due_ns - monotonic_ns()
                if self._closed.wait(early_ns / 1e9) if early_ns > 0 else self._closed.is_set():
                    return
                if isinstance(item, Sound):
                    yield replace(item, captured_ns=due_ns)
                else:
                    item.captured_ns = due_ns
                    yield item
        except ChannelClosedError:
            return  # closed
        self._failure.check()

    def close(self) -> None:
        """Wake up whoever waits, and end."""
        self._closed.set()
        self._source.close()
        self._waiting.cut()

    def _read(self) -> None:
        try:
            for item in self._source:
                self._waiting.put(item)
        except ChannelClosedError:
            return
        finally:
            self._source.close()
        self._waiting.close()

    def _fail(self, error: BaseException) -> None:
        self._failure.note(error)
        self._waiting.close()
