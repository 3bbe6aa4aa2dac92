"""The web server itself: where it listens, and whose signals it minds."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from realtime.runtime.errors import OutputError, reason

__all__ = ["Server", "listen"]


class Server(uvicorn.Server):
    """A server that leaves the signals to the program."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Do without its handlers."""
        yield


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens at the address, before anything else is opened. Raises ``OutputError``."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        # asyncio turns Nagle's delay off only where a socket names its protocol; with it every answer takes 40 ms more
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen()  # from here on who connects waits, and is not refused
        listener.set_inheritable(True)
    except OSError as error:
        words = reason(error)
        raise OutputError(f"{host}:{port}: cannot listen there: {words}; choose another --host or --port") from error
    return listener
