"""Latency percentiles: over the whole run in bounded memory, and over the last seconds."""

from collections import deque
from typing import Final, NamedTuple

from pydantic import BaseModel

from realtime.runtime.stages import Histogram

__all__ = ["LIMITS_MS", "Distribution", "Latency", "Percentiles"]

#: Frames that "lately" means: ten seconds at 30 frames a second.
RECENT: Final = 300


class Percentiles(BaseModel, frozen=True):
    """Milliseconds that half, 95 % and 99 % of the frames stay within, and how many frames that is said of."""

    p50: float = 0.0
    p95: float = 0.0
    p99: float = 0.0
    frames: int = 0


#: Milliseconds that frames are counted within: what is felt as now, as late, and as broken.
LIMITS_MS: Final = (5, 10, 20, 30, 40, 50, 75, 100, 150, 250, 500, 1000, 2500)


class Distribution(NamedTuple):
    """Durations since the start: how many frames stay ``within`` each of ``LIMITS_MS``, all frames, and their sum."""

    within: list[int]
    frames: int
    seconds: float


class Latency:
    """Durations of frames. One thread records, any may read."""

    def __init__(self) -> None:
        self._all = Histogram()
        self._recent: deque[int] = deque(maxlen=RECENT)

    def record(self, duration_ns: int) -> None:
        """Count a duration in nanoseconds."""
        self._all.record(duration_ns)
        self._recent.append(duration_ns)

    def overall(self) -> Percentiles:
        """Over the whole run."""
        p50, p95, p99 = (round(self._all.percentile_ms(share), 2) for share in (0.50, 0.95, 0.99))
        return Percentiles(p50=p50, p95=p95, p99=p99, frames=self._all.count)

    def distribution(self) -> Distribution:
        """Over the whole run, for those who add up several."""
        within = self._all.within(LIMITS_MS)
        return Distribution(within, max(self._all.count, *within), self._all.total_ns / 1e9)

    def recent(self) -> Percentiles:
        """Over the last frames."""
        durations = sorted(self._recent.copy())  # copied in one step: another thread may be recording
        if not durations:
            return Percentiles()
        last = len(durations) - 1
        p50, p95, p99 = (round(durations[round(share * last)] / 1e6, 2) for share in (0.50, 0.95, 0.99))
        return Percentiles(p50=p50, p95=p95, p99=p99, frames=len(durations))
