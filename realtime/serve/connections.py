"""How many may be connected, and how long they may keep silent: part of the server, before any request is read.

Whoever is connected costs a file descriptor, token or not. Beyond the limit the one that has waited longest without a
request is cut off, so that those who have something to say always get through.
"""

import asyncio
import sys
from typing import Final

from h11 import Request
from uvicorn.protocols.http.h11_impl import H11Protocol

__all__ = ["ACCEPTS", "BoundedProtocol", "bounded_protocol", "most_connections"]

#: Seconds in which a request must come, head and all: at the beginning, and after each answer.
SILENT: Final = 10.0
#: Connections that are accepted at a time, before the first of them is looked at.
ACCEPTS: Final = 64
#: File descriptors that are kept for everything else: cameras, files, libraries, and connections at the door.
KEPT: Final = 256


def most_connections(asked: int) -> int:
    """``asked``, or as many as the system has file descriptors for."""
    if sys.platform == "win32":
        return asked
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return asked if soft == resource.RLIM_INFINITY else max(min(asked, soft - KEPT), 16)


class BoundedProtocol(H11Protocol):
    """One connection; ``most`` are open at a time. In the event loop."""

    most: int
    #: Those of all connections that have not made their request yet, the oldest first.
    waiting: "dict[BoundedProtocol, asyncio.TimerHandle]"

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as its base has it
        """Somebody came."""
        super().connection_made(transport)
        if len(self.connections) > self.most:
            strangers = (each for each in self.waiting if each.cycle is None)  # others are between two requests
            (next(strangers, None) or next(iter(self.waiting), self)).cut()
        if self in self.connections:
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """They went."""
        self._stop_waiting()
        super().connection_lost(exc)

    def handle_events(self) -> None:
        """Bytes came: perhaps the request is there."""
        super().handle_events()
        if self.waiting.get(self) is not None and not self._silent():
            self._stop_waiting()

    def on_response_complete(self) -> None:
        """The request was answered; there may be another one."""
        super().on_response_complete()
        if self in self.connections and self._silent():
            self._wait()

    def handle_websocket_upgrade(self, event: Request) -> None:
        """From here on it is another protocol's."""
        self._stop_waiting()
        super().handle_websocket_upgrade(event)

    def cut(self) -> None:
        """Close the connection now, and count it no longer."""
        self._stop_waiting()
        self.connections.discard(self)
        self.transport.abort()

    def _silent(self) -> bool:
        """Whether no request is being answered."""
        return self.cycle is None or self.cycle.response_complete

    def _wait(self) -> None:
        self._stop_waiting()
        self.waiting[self] = self.loop.call_later(SILENT, self.cut)

    def _stop_waiting(self) -> None:
        timer = self.waiting.pop(self, None)
        if timer is not None:
            timer.cancel()


def bounded_protocol(most: int) -> type[BoundedProtocol]:
    """The protocol of a server with ``most`` connections at a time."""
    # The server makes protocols out of a class, so each server has a class of its own.
    return type("ServedProtocol", (BoundedProtocol,), {"most": most, "waiting": {}})
