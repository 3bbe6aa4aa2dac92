"""How many bits a second a network is asked to take: fewer while it cannot, and again more when it can.

No thread and no clock of its own: it is told how long each frame lasts, and how long it was waited for.
"""

from dataclasses import dataclass, field
from typing import Final

from realtime.live.recovery import Recovery

__all__ = ["Throttle"]

#: Seconds that are judged together.
WINDOW: Final = 2.0
#: Shares of the time for which the network was waited for: above the first bits are saved, below the second it is calm.
CONGESTED: Final = 0.2
CALM: Final = 0.02
#: A step down, and a step up, as factors; and the least that is left of the full rate.
DOWN: Final = 0.7
UP: Final = 1.25
LEAST: Final = 0.1
#: Calm windows before a step up; doubled, to at most the last, each time that a step up had to be taken back.
WAIT: Final = 4
LONGEST_WAIT: Final = 60


@dataclass
class Throttle:
    """``bits`` a second are aimed at, of ``full`` where nothing is in the way."""

    full: int
    bits: int = 0
    _passed: float = 0.0
    _waited: float = 0.0
    _recovery: Recovery = field(default_factory=lambda: Recovery(WAIT, LONGEST_WAIT))

    def __post_init__(self) -> None:
        self.bits = self.full

    def observe(self, passed: float, waited: float) -> int:
        """Take in that ``passed`` seconds of stream were sent, and that it took ``waited`` seconds of waiting."""
        self._passed += passed
        self._waited += waited
        if self._passed >= WINDOW:
            self._judge(self._waited / self._passed)
            self._passed = self._waited = 0.0
        return self.bits

    def _judge(self, share: float) -> None:
        if share > CONGESTED:
            self._recovery.fall()
            self.bits = max(int(self.bits * DOWN), int(self.full * LEAST))
        elif self._recovery.rise(share < CALM, self.bits < self.full):
            self.bits = min(int(self.bits * UP), self.full)
