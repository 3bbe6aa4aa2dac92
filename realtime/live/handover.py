"""What threads give to an event loop: a few items, however late the loop is."""

import asyncio
from collections import deque
from threading import Lock
from typing import Generic, TypeVar

__all__ = ["Handover"]

T = TypeVar("T")


class Handover(Generic[T]):
    """At most ``room`` items wait for the loop; then the oldest goes.

    A call into the loop for each item would be a queue without a bound: where the loop's thread gets no time for
    seconds, as on a busy machine, each of them kept its picture. Here one call at most is on its way.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, room: int) -> None:
        self._loop = loop
        self._items: deque[T] = deque(maxlen=room)
        self._arrived = asyncio.Event()
        self._lock = Lock()
        self._is_called = False

    def put(self, item: T) -> bool:
        """From any thread: hand ``item`` over; whether the oldest had to go for it."""
        with self._lock:
            full = len(self._items) == self._items.maxlen
            self._items.append(item)
            called, self._is_called = self._is_called, True
        if not called:
            self._loop.call_soon_threadsafe(self._call)
        return full

    async def get(self) -> T:
        """In the loop, for one reader: the oldest item, as soon as there is one."""
        while not self._items:
            self._arrived.clear()
            await self._arrived.wait()
        return self._items.popleft()

    def _call(self) -> None:
        with self._lock:
            self._is_called = False
        self._arrived.set()
