"""Threads whose errors are never lost: the one way to start a thread."""

import logging
from collections.abc import Callable
from threading import Thread
from typing import Final

from realtime.runtime.channel import ChannelClosedError

__all__ = ["Failure", "guarded_thread", "log_failure"]

_log: Final = logging.getLogger(__name__)


class Failure:
    """What a thread failed with, on its way to the one that awaits it, which gets it once.

    An error knows the frames that it went through: whoever kept it there would keep what they hold, such as decoders,
    their threads and pictures, until rubbish is collected.
    """

    def __init__(self) -> None:
        self._error: BaseException | None = None

    def note(self, error: BaseException) -> None:
        """In the thread that failed."""
        self._error = error

    def check(self) -> None:
        """Raise what was noted, if anything was."""
        error = self._error
        if error is None:  # nothing is written: the thread may fail at this moment
            return
        self._error = None
        try:
            raise error
        finally:
            del error


def log_failure(error: BaseException) -> None:
    """For threads that nobody waits for: the error, with its traceback, goes into the log."""
    _log.error("a thread failed: %s: %s", type(error).__name__, error, exc_info=error)


def guarded_thread(
    task: Callable[[], None], name: str, failed: Callable[[BaseException], None] = log_failure
) -> Thread:
    """A thread, not started, that runs ``task`` and hands its error to ``failed``, which raises it where it is awaited.

    A channel that closes is no error but the end. The thread does not keep the process alive.
    """

    def guarded() -> None:
        try:
            task()
        except ChannelClosedError:
            pass
        except BaseException as error:  # noqa: BLE001  # raised again, in the waiting thread
            failed(error)

    return Thread(target=guarded, name=name, daemon=True)
