"""How the loss goes: its rolling mean, plateaus and divergence, in words."""

import math
from collections import deque
from typing import Final

__all__ = ["Curve"]

#: Iterations of the rolling mean.
WINDOW: Final = 500
#: A gain that counts, and a loss that has run away, in shares of the best rolling mean.
GAIN: Final = 0.995
AWAY: Final = 3.0


class Curve:
    """The loss of a run, iteration by iteration.

    ``best`` is the lowest rolling mean and ``gained`` the iteration of the last gain worth the name; both live on in
    the checkpoint, as ``state``.
    """

    def __init__(self, state: dict[str, float] | None = None) -> None:
        self._recent: deque[float] = deque(maxlen=WINDOW)
        self._sum = 0.0
        self.best = (state or {}).get("best", math.inf)
        self.gained = int((state or {}).get("gained", 0))
        self._said = self.gained

    @property
    def state(self) -> dict[str, float]:
        """What a resumed run needs to know; JSON can hold it."""
        return {"best": self.best, "gained": self.gained} if math.isfinite(self.best) else {}

    @property
    def mean(self) -> float:
        """The mean of the last iterations, ``WINDOW`` of them at most."""
        return self._sum / len(self._recent) if self._recent else math.nan

    def add(self, iteration: int, loss: float) -> None:
        """Note the loss of an iteration."""
        if len(self._recent) == WINDOW:
            self._sum -= self._recent[0]
        self._recent.append(loss)
        self._sum += loss
        if len(self._recent) == WINDOW and self.mean < self.best * GAIN:
            self.best, self.gained = self.mean, iteration

    def plateau(self, iteration: int, patience: int) -> str | None:
        """A line for a run that has gained nothing for ``patience`` iterations; said once for each such stretch."""
        if iteration - max(self.gained, self._said) < patience:
            return None
        self._said = iteration
        since = iteration - self.gained
        return f"no gain in the last {since:,} iterations: other faces would help more than more time"

    def diverged(self) -> bool:
        """Whether the loss has run away from the best that it has been."""
        return len(self._recent) == WINDOW and self.mean > self.best * AWAY
