"""How many items may wait where the newest count: a few for a reader that is late, one for one that is too slow."""

from typing import Final

__all__ = ["Slack"]

#: A reader is not late but too slow where so many more items have found others waiting than have found none: half a
#: second of frames. Who is late by three frames, and takes two thirds of the time for each, has caught up after nine.
PATIENCE: Final = 15


class Slack:
    """At most ``most`` items wait; where the reader does not catch up, the newest only: all others make it later."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._behind = 0

    def excess(self, waiting: int) -> int:
        """How many of the items that are ``waiting``, the oldest, have to go before another one comes in."""
        self._behind = min(self._behind + 1, PATIENCE) if waiting else max(self._behind - 1, 0)
        return max(waiting + 1 - (self._most if self._behind < PATIENCE else 1), 0)
