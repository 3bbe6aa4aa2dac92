"""A bounded queue between two threads; closing it wakes both."""

from collections import deque
from collections.abc import Iterator
from threading import Condition
from typing import Generic, Literal, TypeAlias, TypeVar

from realtime.runtime.slack import Slack

__all__ = ["Channel", "ChannelClosedError", "Policy"]

T = TypeVar("T")

#: ``block``: a full channel makes the writer wait, nothing is lost (files). ``latest``: where it is full the oldest
#: item goes, where the reader does not catch up all but the newest, and the loss is counted (live).
Policy: TypeAlias = Literal["block", "latest"]


class ChannelClosedError(Exception):
    """The other end has gone; raised out of ``put`` and ``get``.

    Not an error of the user's: it never leaves a thread.
    """


class Channel(Generic[T]):
    """A bounded first-in first-out queue for one writer and one reader.

    Items have a cost, so that a queue which carries both pictures and sound packets is bounded by what it
    holds and not by how many: an item is let in while the costs inside stay below ``capacity``.

    ``close`` ends the stream in good order: what is inside is still read. ``cut`` ends it at once, and what
    is inside is dropped. Both wake both ends.
    """

    def __init__(self, capacity: int = 1, policy: Policy = "block") -> None:
        if capacity < 1:
            raise ValueError("a channel holds at least one item")
        self._capacity = capacity
        self._slack = Slack(capacity) if policy == "latest" else None
        self._items: deque[tuple[T, int]] = deque()
        self._held = 0
        self._open = True
        self._was_cut = False
        self._changed = Condition()
        self.dropped = 0

    def put(self, item: T, cost: int = 1) -> None:
        """Hand over ``item``; waits while the channel is full. ``ChannelClosedError`` once it is closed."""
        with self._changed:
            for _ in range(self._slack.excess(len(self._items)) if self._slack else 0):
                self._held -= self._items.popleft()[1]
                self.dropped += 1
            self._changed.wait_for(lambda: self._held < self._capacity or not self._open)
            if not self._open:
                raise ChannelClosedError
            self._items.append((item, cost))
            self._held += cost
            self._changed.notify_all()

    def get(self) -> T:
        """The next item; waits for one. ``ChannelClosedError`` when the channel is closed and empty."""
        with self._changed:
            self._changed.wait_for(lambda: self._items or not self._open)
            if not self._items:
                raise ChannelClosedError
            item, cost = self._items.popleft()
            self._held -= cost
            self._changed.notify_all()
            return item

    def __iter__(self) -> Iterator[T]:
        """Every item until the channel is closed and empty.

        Raises ``ChannelClosedError`` when it was cut instead.
        """
        while True:
            try:
                item = self.get()
            except ChannelClosedError:
                if self._was_cut:
                    raise
                return
            yield item

    def __len__(self) -> int:
        return len(self._items)

    def close(self) -> None:
        """No more items will come; those inside can still be read."""
        with self._changed:
            self._open = False
            self._changed.notify_all()

    def cut(self) -> None:
        """Drop what is inside and end both sides now."""
        with self._changed:
            self._open = False
            self._was_cut = True
            self._items.clear()
            self._held = 0
            self._changed.notify_all()
