"""The threads that join source, swapper and sink: decode, swap, encode."""

from collections.abc import Callable, Iterable
from functools import partial
from queue import SimpleQueue
from threading import Lock
from typing import Any, Final, Generic, Protocol, TypeVar, cast

from av.packet import Packet

from realtime.media.frame import Frame
from realtime.runtime.channel import Channel
from realtime.runtime.stop_signals import check, held
from realtime.runtime.thread_priority import give_way
from realtime.runtime.threads import guarded_thread

__all__ = ["ProcessFrame", "Sink", "run"]

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)

#: What is done to a frame: in place, or else it returns another frame to take its place.
ProcessFrame = Callable[[Frame], object]

#: Frames that may wait between two threads of a file job, and packets that may wait in place of one of them.
_FRAMES: Final = 3
_PACKETS: Final = 32


class Sink(Protocol[T_contra]):
    """Takes what a source gave, in order."""

    def write(self, item: T_contra) -> None:
        """Encode a frame, or copy a packet."""

    def finish(self) -> None:
        """Write what is still held back; the output is whole after this."""

    def abort(self) -> None:
        """Let go of the output without making it whole."""


def run(
    source: Iterable[T],
    process: Callable[[Any], object] | None,
    sink: Sink[T],
    on_frame: Callable[[], None] | None = None,
) -> None:
    """Run ``source`` through ``process`` into ``sink``, to the end.

    Items are packets, which pass, and frames, with whatever goes with each; ``process`` takes the latter, and None
    passes them on as they are. ``on_frame`` is called in the encoding thread after each
    frame. No frame is lost: a full queue makes the thread before it wait. The first error in any thread stops all
    of them and is raised here with its own traceback; so does an exception that reaches the calling thread
    (Ctrl-C). No thread is left running, and the sink is finished or aborted.
    """
    crew = _Crew(source, process, sink, on_frame)
    try:
        check()
        crew.work()
    except BaseException:
        crew.stop()
        sink.abort()
        raise


def _cost(item: object) -> int:
    return 1 if isinstance(item, Packet) else _PACKETS


class _Crew(Generic[T]):
    def __init__(
        self,
        source: Iterable[T],
        process: Callable[[Any], object] | None,
        sink: Sink[T],
        on_frame: Callable[[], None] | None,
    ) -> None:
        self._source, self._process, self._sink, self._on_frame = source, process, sink, on_frame
        self._decoded: Channel[T] = Channel(_FRAMES * _PACKETS)
        self._swapped: Channel[T] = Channel(_FRAMES * _PACKETS)
        self._error: BaseException | None = None
        self._lock = Lock()
        self._ended: SimpleQueue[None] = SimpleQueue()
        self._threads = [
            guarded_thread(partial(self._to_its_end, task), name, self._failed)
            for name, task in (("decode", self._read), ("swap", self._change), ("encode", self._write))
        ]

    def work(self) -> None:
        with held():  # a thread that began unnoticed could not be waited for
            for thread in self._threads:
                thread.start()
        for _ in self._threads:
            self._ended.get()  # a signal may end this wait: before Python 3.13 a join would take its thread for ended
        with held():
            for thread in self._threads:
                thread.join()
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        """Wake every thread, and wait for the end of the frame that each is at."""
        self._cut()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()

    def _to_its_end(self, task: Callable[[], None]) -> None:
        try:
            task()
        finally:
            self._ended.put(None)

    # one task a thread

    def _read(self) -> None:
        for item in self._source:
            self._decoded.put(item, _cost(item))
        self._decoded.close()

    def _change(self) -> None:
        for item in self._decoded:
            if self._process is not None and not isinstance(item, Packet):
                made = self._process(item)
                item = cast(T, made) if isinstance(made, Frame) else item
            self._swapped.put(item, _cost(item))
        self._swapped.close()

    def _write(self) -> None:
        give_way()
        for item in self._swapped:
            self._sink.write(item)
            if self._on_frame is not None and not isinstance(item, Packet):
                self._on_frame()
        self._sink.finish()

    def _failed(self, error: BaseException) -> None:
        """Keep the first error of all for the caller, and stop the other threads."""
        with self._lock:
            if self._error is None:
                self._error = error
        self._cut()

    def _cut(self) -> None:
        self._decoded.cut()
        self._swapped.cut()
