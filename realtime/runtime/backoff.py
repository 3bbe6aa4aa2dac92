"""How long to wait before the next try."""

from typing import Final

__all__ = ["FIRST", "GOOD", "LONGEST", "Backoff"]

#: Seconds between two tries: the first pause, and the longest; each is twice the one before.
FIRST: Final = 1.0
LONGEST: Final = 30.0
#: What held for so many seconds was good: after it the pauses begin anew.
GOOD: Final = 5.0


class Backoff:
    """Pauses that grow while tries fail."""

    def __init__(self, grows: bool = True) -> None:
        """``grows`` is false where a try costs nobody anything: then each pause is the first one."""
        self._next, self._grows = FIRST, grows

    def after(self, held: float) -> float:
        """Seconds to wait after a connection that held for ``held`` seconds."""
        if held >= GOOD or not self._grows:
            self._next = FIRST
        pause, self._next = self._next, min(2 * self._next, LONGEST)
        return pause
