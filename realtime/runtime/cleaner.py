"""Collecting what is rubbish, on behalf of threads that had better not do it themselves."""

from threading import Event

from realtime.runtime.process import clear_up

__all__ = ["Cleaner"]


class Cleaner:
    """``clear_up`` in a thread that gives way to nobody, whoever asks for it.

    Python and the heap are locked meanwhile: where a thread that gives way did it, and had to, all others would wait.
    """

    def __init__(self) -> None:
        self._asked = Event()
        self._is_over = False

    def ask(self) -> None:
        """From any thread: something large has ended. Comes back at once."""
        self._asked.set()

    def run(self) -> None:
        """In a thread of its own, until ``end``."""
        while self._asked.wait() and not self._is_over:
            self._asked.clear()
            clear_up()

    def end(self) -> None:
        """Nothing more is to be done."""
        self._is_over = True
        self._asked.set()
