"""This process at work on the first segments, in a thread, while whoever makes the others still gets ready."""

from collections import deque
from collections.abc import Iterator
from threading import Lock
from types import TracebackType
from typing import Self

from realtime.jobs.segments.engines.serial import make_here
from realtime.jobs.segments.engines.watcher import Watcher
from realtime.jobs.segments.maker import Order
from realtime.media.file_source import FileSource
from realtime.runtime.threads import guarded_thread
from realtime.swapper import FrameSwapper

__all__ = ["HeadStart"]


class HeadStart:
    """Makes ``segments`` with what is open already, until it is ``cut_short`` or all are made.

    It is at work within the block, and ends with the segment that it is at; after an error, with its frame. What
    others have made is told to it as to a ``Watcher``, in whatever thread, and goes on to ``watcher`` in turn; that
    raises what went wrong here.
    """

    def __init__(
        self, order: Order, segments: list[int], source: FileSource, swapper: FrameSwapper, watcher: Watcher
    ) -> None:
        self._waiting, self._watcher, self._lock = deque(segments), watcher, Lock()
        self._error: BaseException | None = None
        self._given_up = False
        self._thread = guarded_thread(
            lambda: make_here(order, self._segments(), source, swapper, self), "head start", self._failed
        )

    def __enter__(self) -> Self:
        if self._waiting:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._given_up = kind is not None
        if self._thread.ident is not None:
            self._thread.join()
        if self._error is not None and kind is None:
            raise self._error

    def cut_short(self) -> list[int]:
        """Begin no other segment; returns those that are left."""
        left = list[int]()
        while (segment := self._next()) is not None:
            left.append(segment)
        return left

    def frames(self, count: int) -> None:
        """So many more frames are done, here or elsewhere."""
        with self._lock:
            self._check()
            self._watcher.frames(count)

    def segment(self, number: int) -> None:
        """A segment is done, here or elsewhere."""
        with self._lock:
            self._check()
            self._watcher.segment(number)

    def _check(self) -> None:
        if self._given_up:
            raise _GivenUpError
        if self._error is not None:
            raise self._error

    def _segments(self) -> Iterator[int]:
        while (segment := self._next()) is not None:
            yield segment

    def _next(self) -> int | None:
        try:
            return self._waiting.popleft()
        except IndexError:
            return None

    def _failed(self, error: BaseException) -> None:
        self._error = error


class _GivenUpError(Exception):
    """Nobody wants it any more."""
