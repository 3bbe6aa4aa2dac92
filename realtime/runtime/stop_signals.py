"""What Ctrl-C, SIGTERM and SIGHUP do to a command: an end in good order at any moment, from its first import on.

An exception that is raised wherever the program happens to be may be lost: the import system turns it into an
``ImportError``, a callback from C prints it and goes on. So the handler raises one only where something must be tidied
up, inside ``unwinding``. Before that, nothing was made that anybody would miss, and the process ends on the spot.
``held`` puts the answer off for a few steps that belong together, and ``check`` gives it again where it got lost.

A handler waits for the line of Python that runs, and a library may not come back for minutes, or ever. So the
interpreter also writes the signal's number into a pipe, and a thread that reads it calls what ``on_stop`` was given.
"""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Thread, current_thread, main_thread
from types import FrameType
from typing import Final, NoReturn

if sys.platform != "win32":
    import fcntl

__all__ = [
    "INTERRUPTED",
    "STOPS",
    "Interrupted",
    "check",
    "held",
    "leave",
    "listen",
    "on_stop",
    "unwinding",
    "was_stopped",
]

#: The exit code of a command that was stopped.
INTERRUPTED: Final = 130
#: What ends a job in good order. A terminal that goes away does not when ``nohup`` says so.
STOPS: Final = (signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else []))


class Interrupted(BaseException):
    """Ctrl-C or a termination request; not a KeyboardInterrupt, which typer would answer in its own way."""


class _Listener:
    """The process's one listener: signals are the process's too, so this is no more global than they are.

    Its handler runs in the main thread, at any moment: it takes no lock.
    """

    def __init__(self) -> None:
        self.noted = False
        self.unwound: set[object] = set()
        self.held: set[object] = set()
        self.told: list[Callable[[], None]] = []
        self.came = False  # what the thread knows: it may be ahead of the handler

    def handle(self, number: int, frame: FrameType | None) -> None:
        """The first signal ends the job; a second must not disturb the tidying up."""
        for each in STOPS:
            signal.signal(each, signal.SIG_IGN)
        self.noted = True
        self.answer()

    def answer(self) -> None:
        """End the process, or unwind it, if a signal came and nothing holds the answer back."""
        if not self.noted or self.held:
            return
        if self.unwound:
            raise Interrupted
        leave()

    def relay(self, reader: int) -> None:
        """In a thread of its own: tell of the first signal."""
        while numbers := os.read(reader, 64):
            if not set(STOPS).isdisjoint(numbers):
                self.came = True
                for call in tuple(self.told):
                    call()
                return


_listener: Final = _Listener()


def listen(lasting: bool = False) -> None:
    """Answer the signals from now on. For programs; a library that is imported never calls it.

    The threads of a ``lasting`` program share one heap: that of the listener is the first, so it is settled here.
    """
    for number in STOPS:
        if number in STOPS[:2] or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _listener.handle)
    if lasting:
        from realtime.runtime.malloc import share_one_heap  # takes a moment to import, and the handlers stand by now

        share_one_heap()
    if sys.platform != "win32":  # there it takes a socket, and nobody else sends signals
        reader, writer = map(_beside_streams, os.pipe())
        os.set_blocking(writer, False)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        os.register_at_fork(after_in_child=lambda: signal.set_wakeup_fd(-1))  # the child's signals are its own
        Thread(target=_listener.relay, args=(reader,), name="stop signals", daemon=True).start()


def _beside_streams(end: int) -> int:
    """The same end of a pipe under a number that no standard stream has: one of those may be closed, and free."""
    if sys.platform == "win32":
        return end
    moved = fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 3)
    os.close(end)
    return moved


def on_stop(call: Callable[[], None]) -> None:
    """From the first signal on, call ``call`` in a thread, once: it makes a library that is at work come back."""
    _listener.told.append(call)
    if _listener.came:
        call()


@contextmanager
def unwinding() -> Iterator[None]:
    """A block that leaves something behind unless its ``finally`` clauses run: a signal raises ``Interrupted`` here."""
    block = object()
    _listener.unwound.add(block)
    try:
        yield
    finally:
        _listener.unwound.discard(block)


@contextmanager
def held() -> Iterator[None]:
    """Short steps that are done all or not at all: a signal in the main thread is answered at their end."""
    block = object()
    if current_thread() is main_thread():  # signals do not disturb the others
        _listener.held.add(block)
    try:
        yield
    finally:
        _listener.held.discard(block)
    check()


def check() -> None:
    """Raise ``Interrupted`` in the main thread where a signal came and its answer was put off, or got lost."""
    if _listener.noted and current_thread() is main_thread():
        _listener.answer()


def was_stopped() -> bool:
    """Whether a signal came: then whatever error ends the command is only its shape."""
    return _listener.noted


def leave() -> NoReturn:
    """Say that the command was interrupted, and end the process here.

    The interpreter's own end would take libraries away from their threads, which some of them answer with an abort.
    """
    with suppress(OSError):
        os.write(2, b"mummer: interrupted\n")
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError, RuntimeError):  # nobody reads it, or it is being written to
            stream.flush()
    if "multiprocessing" in sys.modules:
        for child in sys.modules["multiprocessing"].active_children():
            child.terminate()
    os._exit(INTERRUPTED)
