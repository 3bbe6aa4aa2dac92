"""Threads whose errors end the run."""

from collections.abc import Callable
from threading import Thread

from realtime.runtime.channel import ChannelClosedError

__all__ = ["guarded_thread"]


def guarded_thread(task: Callable[[], None], name: str, failed: Callable[[BaseException], None]) -> Thread:
    """A thread, not started, that runs ``task`` and hands its error to ``failed``, which raises it where it is awaited.

    A channel that closes is no error but the end.
    """

    def guarded() -> None:
        try:
            task()
        except ChannelClosedError:
            pass
        except BaseException as error:  # noqa: BLE001  # raised again, in the waiting thread
            failed(error)

    return Thread(target=guarded, name=name, daemon=True)
