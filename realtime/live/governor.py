"""Lowers the daemon's own cost when frames take too long, and raises it again when there is room.

No thread and no clock of its own: it is told what each frame took, and says at which level to run.
"""

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
#: Easy windows before a step up; doubled, to at most the last, each time that a step up had to be taken back.
CALM: Final = 3
CALMEST: Final = 48


@dataclass
class Governor:
    """``level`` is 0 for full quality and ``top`` for the lowest cost."""

    top: int
    level: int = 0
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
            self._judge(self._spent / self._allowed, self._drops / self._frames)
            self._frames, self._spent, self._allowed, self._drops = 0, 0.0, 0.0, 0
        return self.level

    def _judge(self, busy: float, dropped: float) -> None:
        if busy > BUSY or dropped > DROPS:
            self._recovery.fall()
            self.level = min(self.level + 1, self.top)
        elif self._recovery.rise(busy < EASY, self.level > 0):
            self.level -= 1
