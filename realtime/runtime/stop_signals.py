"""What Ctrl-C, SIGTERM and SIGHUP do to a command: an end in good order at any moment, from its first import on.

An exception that is raised wherever the program happens to be may be lost: the import system turns it into an
``ImportError``, a callback from C prints it and goes on. So the handler raises one only where something must be tidied
up, inside ``unwinding``. Before that, nothing was made that anybody would miss, and the process ends on the spot.
``held`` puts the answer off for a few steps that belong together, and ``check`` gives it again where it got lost.
"""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import current_thread, main_thread
from types import FrameType
from typing import Final, NoReturn

__all__ = ["INTERRUPTED", "STOPS", "Interrupted", "check", "held", "leave", "listen", "unwinding", "was_stopped"]

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


_listener: Final = _Listener()


def listen() -> None:
    """Answer the signals from now on. For programs; a library that is imported never calls it."""
    for number in STOPS:
        if number in STOPS[:2] or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _listener.handle)


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
