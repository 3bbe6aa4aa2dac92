"""Measuring a frame rate, and limiting one."""

from collections import deque
from typing import Final

__all__ = ["Meter", "Thinner"]

#: What "now" means for a rate, in seconds.
SPAN: Final = 3.0
#: Ticks remembered at most.
MOST: Final = 1024


class Meter:
    """Frames, and how many there are a second lately. One thread ticks, any may read."""

    def __init__(self) -> None:
        self.frames = 0
        self._ticks: deque[int] = deque(maxlen=MOST)

    def tick(self, now_ns: int) -> None:
        """A frame at ``now_ns`` of the monotonic clock."""
        self.frames += 1
        self._ticks.append(now_ns)

    def rate(self, now_ns: int) -> float:
        """Frames a second over the last seconds before ``now_ns``."""
        ticks = [tick for tick in self._ticks.copy() if tick > now_ns - SPAN * 1e9]
        if len(ticks) < 2:  # a rate is between two
            return 0.0
        # Until now, where frames stopped coming: the rate of a stream that stands still falls.
        pause = max(now_ns - ticks[-1] - 2 * (ticks[-1] - ticks[0]) // (len(ticks) - 1), 0)
        span = ticks[-1] - ticks[0] + pause
        return round((len(ticks) - 1) * 1e9 / span, 2) if span else 0.0


class Thinner:
    """Leaves frames out, evenly, so that at most ``rate`` a second are left.

    ``missed`` is how many frames were due and did not come before the one that was kept last.
    """

    def __init__(self) -> None:
        self._due_ns = 0
        self.missed = 0

    def wants(self, captured_ns: int, rate: float) -> bool:
        """Whether the frame captured then is kept."""
        interval = 1e9 / rate
        if captured_ns < self._due_ns - interval / 4:  # cameras tremble a little
            return False
        # What is a quarter short of a whole interval late is an interval late, for the same reason.
        self.missed = int((captured_ns - self._due_ns) / interval + 1 / 4) if self._due_ns else 0
        # The grid goes on from where the frame was due, and starts afresh after a gap.
        self._due_ns = int(max(self._due_ns + interval, captured_ns + interval / 2))
        return True
