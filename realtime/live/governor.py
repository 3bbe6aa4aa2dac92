"""Lowers the daemon's own cost when frames take too long, and raises it again when there is room.

The encoders of sinks give way to the swap: where there is too little time for all, it is they who feel it first. So
sinks that lose frames lower the cost, too.
No thread and no clock of its own: it is told what each frame took, and says at which level to run.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from realtime.live.recovery import Recovery

__all__ = ["Governor"]

#: Frames that are judged together: two seconds at 30 frames a second.
WINDOW: Final = 60
#: Shares of the frame's time. Above the first, or with this share of frames dropped, cost goes down a step; below the
#: second, window after window, it goes up one.
BUSY: Final = 0.85
EASY: Final = 0.5
DROPS: Final = 0.02
#: Share of the frames that were sent. With more than the first lost by a sink, cost goes down a step, but for the last
#: one, which costs every sink half of the frames: for that it has to be more than the second.
STARVED: Final = 0.1
HALF: Final = 0.5
#: Easy windows before a step up; doubled, to at most the last, each time that a step up had to be taken back.
CALM: Final = 3
CALMEST: Final = 48


@dataclass
class Governor:
    """``level`` is 0 for full quality and ``top`` for the lowest cost, which is every second frame only.

    ``starved`` tells how many frames were lost by the sink that lost most, since it was last called. ``reason`` is why
    the cost was lowered last, in words.
    """

    top: int
    starved: Callable[[], int] = lambda: 0
    level: int = 0
    reason: str = ""
    _frames: int = 0
    _spent: float = 0.0
    _allowed: float = 0.0
    _drops: int = 0
    _recovery: Recovery = field(default_factory=lambda: Recovery(CALM, CALMEST))

    def observe(self, spent: float, budget: float, drops: int) -> int:
        """Take in a frame; returns the level to run at from the next one on.

        ``spent`` is how long it took and ``budget`` how long it may take, in seconds; ``drops`` is the number of frames
        dropped since the last call.
        """
        self._frames += 1
        self._spent += spent
        self._allowed += budget
        self._drops += drops
        if self._frames >= WINDOW:
            self._judge(self._spent / self._allowed, self._drops / self._frames, self.starved() / self._frames)
            self._frames, self._spent, self._allowed, self._drops = 0, 0.0, 0.0, 0
        return self.level

    def _judge(self, busy: float, dropped: float, starved: float) -> None:
        too_long = busy > BUSY or dropped > DROPS
        if too_long or starved > (HALF if self.level >= self.top - 1 else STARVED):
            self.reason = "frames take too long" if too_long else "a sink loses frames"
            self._recovery.fall()
            self.level = min(self.level + 1, self.top)
        elif self._recovery.rise(busy < EASY and starved <= DROPS, self.level > 0):
            self.level -= 1
