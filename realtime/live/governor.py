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
#: Share of the frame's time above which cost goes down a step.
BUSY: Final = 0.85
#: Share of frames dropped with which it does, in two windows in a row: what happens once comes from elsewhere.
DROPS: Final = 0.02
#: The last step costs every second frame, evenly: shares of time and of dropped frames for which that is worth it.
OVERLOADED: Final = 1.25
MANY_DROPS: Final = 0.2
#: Share of the frames that were sent. With more than the first lost by a sink, cost goes down a step, but for the last
#: one: for that it has to be more than the second.
STARVED: Final = 0.1
HALF: Final = 0.5
#: Easy windows before a step up; doubled, to at most the last, each time that a step up had to be taken back.
CALM: Final = 3
CALMEST: Final = 48


@dataclass
class Governor:
    """``level`` is 0 for full quality, and each level has a lower cost; at the last one it is every second frame only.

    ``easy`` has for each level above 0 the share of the frame's time below which, window after window, it is given up
    again. ``starved`` tells how many frames were lost by the sink that lost most, since it was last called. ``reason``
    is why the cost was lowered last, in words.
    """

    easy: tuple[float, ...]
    starved: Callable[[], int] = lambda: 0
    level: int = 0
    reason: str = ""
    _frames: int = 0
    _spent: float = 0.0
    _allowed: float = 0.0
    _drops: int = 0
    _dropped_before: bool = False
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
        drops = dropped > DROPS
        if self.level < len(self.easy) - 1:
            too_long, lost = busy > BUSY or (drops and self._dropped_before), starved > STARVED
        else:
            too_long, lost = busy > OVERLOADED or (dropped > MANY_DROPS and self._dropped_before), starved > HALF
        self._dropped_before = drops
        if too_long or lost:
            self.reason = "frames take too long" if too_long else "a sink loses frames"
            self._recovery.fall()
            self.level = min(self.level + 1, len(self.easy))
        else:
            easy = self.easy[self.level - 1] if self.level else 0.0
            calm = busy < easy and not drops and starved <= DROPS
            self.level -= self._recovery.rise(calm, self.level > 0)
