"""Wall and CPU time of each step of a frame's way, in bounded memory."""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from math import exp2, log2
from time import perf_counter_ns, thread_time_ns
from types import TracebackType
from typing import Final, Self, TypeAlias

__all__ = ["STAGES", "Histogram", "StageTimes", "Stages"]

#: The steps of a frame's way, in order.
STAGES: Final = ("decode", "find", "warp", "occlusion", "swap", "color", "paste", "watermark", "label", "encode")

#: Buckets per doubling of time: a percentile is exact to half a bucket, 1.1 %.
_PER_OCTAVE: Final = 32


#: Milliseconds of one stage by name: ``p50`` and ``p99``, wall time of the median and of the slowest
#: hundredth call, and ``cpu``, mean CPU time a call.
StageTimes: TypeAlias = dict[str, float]


class Histogram:
    """Durations in bounded memory: counts in buckets of a fixed ratio. One thread at a time may record."""

    def __init__(self) -> None:
        self._buckets: dict[int, int] = {}
        self.count = self.total_ns = 0

    def record(self, duration_ns: int) -> None:
        """Count a duration in nanoseconds."""
        bucket = int(log2(max(duration_ns, 1)) * _PER_OCTAVE)
        self._buckets[bucket] = self._buckets.get(bucket, 0) + 1
        self.count += 1
        self.total_ns += duration_ns

    def within(self, limits_ms: Iterable[float]) -> list[int]:
        """How many durations stay within each of the limits, to half a bucket."""
        buckets = self._buckets.copy()
        bounds = [log2(limit * 1e6) * _PER_OCTAVE for limit in limits_ms]
        return [sum(count for bucket, count in buckets.items() if bucket + 0.5 <= bound) for bound in bounds]

    def add(self, other: "Histogram") -> None:
        """Take in all that ``other`` has counted."""
        for bucket, count in other._buckets.items():
            self._buckets[bucket] = self._buckets.get(bucket, 0) + count
        self.count += other.count

    def percentile_ms(self, share: float) -> float:
        """What ``share`` (0..1) of the durations stay within, in milliseconds, to the middle of its bucket."""
        buckets = sorted(self._buckets.copy().items())  # a copy in one step: another thread may be recording
        wanted = share * sum(count for _, count in buckets)
        seen = 0
        for bucket, count in buckets:
            seen += count
            if seen >= wanted:
                return exp2((bucket + 0.5) / _PER_OCTAVE) / 1e6
        return 0.0


class _Stage:
    """One stage's times; ``with`` it around the work. One thread at a time may write a stage."""

    def __init__(self) -> None:
        self._wall = Histogram()
        self._cpu_ns = 0
        self._wall_at = 0
        self._cpu_at = 0

    def __enter__(self) -> Self:
        self._cpu_at = thread_time_ns()
        self._wall_at = perf_counter_ns()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.record(perf_counter_ns() - self._wall_at, thread_time_ns() - self._cpu_at)

    def record(self, wall_ns: int, cpu_ns: int) -> None:
        self._wall.record(wall_ns)
        self._cpu_ns += cpu_ns

    @contextmanager
    def left(self) -> Iterator[None]:
        wall, cpu = perf_counter_ns(), thread_time_ns()
        try:
            yield
        finally:
            self._wall_at += perf_counter_ns() - wall
            self._cpu_at += thread_time_ns() - cpu

    def add(self, other: "_Stage") -> None:
        self._wall.add(other._wall)
        self._cpu_ns += other._cpu_ns

    def times(self) -> StageTimes:
        return {
            "p50": round(self._wall.percentile_ms(0.50), 3),
            "p99": round(self._wall.percentile_ms(0.99), 3),
            "cpu": round(self._cpu_ns / max(self._wall.count, 1) / 1e6, 3),
        }


class Stages:
    """Times by stage name: ``with stages("warp"): ...``.

    CPU time is that of the calling thread; what a codec or a model does in threads of its own is not in it.
    Memory is bounded (a histogram per stage). A stage belongs to the one thread that runs it.
    """

    def __init__(self) -> None:
        self._stages: dict[str, _Stage] = {}

    def __call__(self, name: str) -> _Stage:
        """The stage called ``name``, to put into a ``with``."""
        stage = self._stages.get(name)
        if stage is None:
            stage = self._stages[name] = _Stage()
        return stage

    def outside(self, name: str) -> AbstractContextManager[None]:
        """For a ``with`` inside that of the stage called ``name``: what is done in it is not that stage's."""
        return self(name).left()

    def add(self, other: "Stages") -> None:
        """Take in all that ``other``, of another process, has recorded."""
        for name, stage in other._stages.items():
            self(name).add(stage)

    def summary(self) -> dict[str, StageTimes]:
        """Times of every stage that ran, in the order of a frame's way; unknown names come last."""
        order = {name: place for place, name in enumerate(STAGES)}
        ran = sorted(self._stages.copy(), key=lambda name: order.get(name, len(order)))
        return {name: self._stages[name].times() for name in ran}
