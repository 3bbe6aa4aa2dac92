"""A look at a running engine: one frame, before and after."""

from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Event

import numpy as np

from realtime.media.frame import Frame
from realtime.runtime.arrays import Bytes

__all__ = ["Preview", "Previews"]


@dataclass(frozen=True, slots=True, eq=False)
class Preview:
    """One frame before and after, uint8 (H, W, 3) RGB of the same size."""

    before: Bytes
    after: Bytes


class _Asked:
    def __init__(self, width: int) -> None:
        self.width = width
        self.done = Event()
        self.preview: Preview | None = None


class Previews:
    """Previews cost nothing until somebody asks for one."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[_Asked] = SimpleQueue()
        self._asked: list[_Asked] = []
        self._before: Bytes | None = None

    def ask(self, width: int, timeout: float) -> Preview | None:
        """The next frame, ``width`` pixels wide; None where none comes in ``timeout`` seconds. From any thread."""
        asked = _Asked(width)
        self._queue.put(asked)
        return asked.preview if asked.done.wait(timeout) else None

    def before(self, frame: Frame) -> None:
        """In the swapping thread: this is the frame before."""
        while True:
            try:
                self._asked.append(self._queue.get_nowait())
            except Empty:
                break
        self._before = _reduced(frame, max(each.width for each in self._asked)) if self._asked else None

    def after(self, frame: Frame) -> None:
        """In the swapping thread: and this is what became of it."""
        if self._before is None:
            return
        preview = Preview(self._before, _reduced(frame, self._before.shape[1]))
        for asked in self._asked:
            asked.preview = preview
            asked.done.set()
        self._asked.clear()
        self._before = None


def _reduced(frame: Frame, width: int) -> Bytes:
    """The whole frame, at most ``width`` pixels wide."""
    zoom = min(width / frame.width, 1.0)
    size = max(round(frame.width * zoom), 1), max(round(frame.height * zoom), 1)
    shift = zoom / 2 - 0.5  # pixel centres: the corner of a pixel goes to the corner of a pixel
    return frame.warp(np.array([[zoom, 0, shift], [0, zoom, shift]]), size)
