"""What is counted and measured of a run."""

from realtime.runtime.clock import Clock
from realtime.runtime.latency import Distribution, Latency, Percentiles
from realtime.runtime.rate import Meter

__all__ = ["Counters"]


class Counters:
    """Frames in and out, their rates, and how long each took from capture to sent. Any thread may read."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._in, self._out = Meter(), Meter()
        self._latency = Latency()

    def captured(self) -> None:
        """A frame came in."""
        self._in.tick(self._clock.now_ns())

    def sent(self, captured_ns: int) -> None:
        """The frame that was captured at ``captured_ns`` went out."""
        now_ns = self._clock.now_ns()
        self._out.tick(now_ns)
        self._latency.record(now_ns - captured_ns)

    @property
    def frames(self) -> tuple[int, int]:
        """In, and out."""
        return self._in.frames, self._out.frames

    def rates(self) -> tuple[float, float]:
        """Frames a second lately, in and out."""
        now_ns = self._clock.now_ns()
        return self._in.rate(now_ns), self._out.rate(now_ns)

    def latencies(self) -> tuple[Percentiles, Percentiles]:
        """Lately, and over the whole run."""
        return self._latency.recent(), self._latency.overall()

    def distribution(self) -> Distribution:
        """Of all frames, how many took how long."""
        return self._latency.distribution()
