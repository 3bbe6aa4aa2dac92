"""When to dare a step up again after a step down: what the governor and the throttle have in common."""

from dataclasses import dataclass

__all__ = ["Recovery"]


@dataclass
class Recovery:
    """A step up comes after ``wait`` calm windows in a row: twice as many, up to ``longest``, each time that the last
    one had to be taken back.
    """

    wait: int
    longest: int
    _calm: int = 0
    _rose: bool = False

    def fall(self) -> None:
        """Take in a window so bad that a step down was made."""
        if self._rose:  # the step up was one too many
            self.wait = min(2 * self.wait, self.longest)
        self._calm, self._rose = 0, False

    def rise(self, calm: bool, room: bool) -> bool:
        """Take in any other window, and whether it was ``calm``; True for a step up now, where there is ``room``."""
        self._calm = self._calm + 1 if calm else 0
        self._rose = room and self._calm >= self.wait
        if self._rose:
            self._calm = 0
        return self._rose
