"""Signals for programs that run until they are told to end: each becomes a call in a thread.

A handler runs in the main thread between any two lines, perhaps while that holds the very lock that the handler needs.
So nothing is done there: the interpreter itself writes the number of the signal into a pipe, and a thread reads it.
"""

import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event
from types import FrameType

from realtime.runtime.stop_signals import STOPS
from realtime.runtime.threads import guarded_thread

__all__ = ["relayed"]


@contextmanager
def relayed(stop: Callable[[], None]) -> Iterator[None]:
    """In this block Ctrl-C, SIGTERM and SIGHUP call ``stop``, in a thread, each time that one comes; for main threads.

    Signals that are ignored stay so (``nohup``). Once one came, those that come after the block are ignored: the
    program is ending already. Otherwise they mean what they meant before.
    """
    came = Event()
    reader, writer = socket.socketpair()  # a pipe that Windows knows too
    writer.setblocking(False)

    def read() -> None:
        while numbers := reader.recv(64):
            if not set(STOPS).isdisjoint(numbers):
                came.set()
                stop()

    thread = guarded_thread(read, "signals")
    thread.start()
    heard = [number for number in STOPS if signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.getsignal(number) for number in heard}
    fd_before = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    for number in heard:
        signal.signal(number, _nothing)
    try:
        yield
    finally:
        for number in heard:
            signal.signal(number, signal.SIG_IGN)
        signal.set_wakeup_fd(fd_before)
        writer.close()  # what is inside is still read
        thread.join()
        reader.close()
        if not came.is_set():
            for number, handler in before.items():
                signal.signal(number, handler)


def _nothing(number: int, frame: FrameType | None) -> None:
    """What there is to do is done in a thread."""
