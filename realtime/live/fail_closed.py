"""A live frame's way: swap; cover on failure."""

from collections.abc import Callable
from dataclasses import dataclass, field

import av

from realtime.finder import FaceFinder
from realtime.finder.face import Box, Face
from realtime.live.cover import cover
from realtime.live.guard import Guard, Hidden
from realtime.live.settings import OnMiss
from realtime.live.slate import duplicate
from realtime.media.frame import Frame
from realtime.swapper import FrameSwapper

__all__ = ["FailClosed", "RecordingFinder"]


class RecordingFinder:
    """Remembers what a finder found in the last frame, so that it is known even where the swap fails."""

    def __init__(self, finder: FaceFinder) -> None:
        self.finder = finder
        self.found: tuple[Face, ...] = ()

    def find(self, frame: Frame) -> tuple[Face, ...]:
        """The faces of ``frame``."""
        self.found = ()
        self.found = self.finder.find(frame)
        return self.found

    def reset(self) -> None:
        """Another source: nothing is known of what it shows."""
        self.found = ()
        self.finder.reset()


@dataclass
class FailClosed:
    """Swaps the faces of live frames, and covers them on failure.

    ``complain`` is told what failed, and ``doubtful`` gives the boxes of heads in the last frame that may have a face.
    ``missed`` counts the frames in which something was hidden, ``shown`` those that were shown as they are although a
    face was or may have been there that was not swapped.
    """

    swapper: FrameSwapper
    on_miss: OnMiss
    complain: Callable[[Exception], None]
    doubtful: Callable[[], tuple[Box, ...]] = lambda: ()
    missed: int = 0
    shown: int = 0
    _guard: Guard = field(default_factory=Guard)
    _good: av.VideoFrame | None = None

    def __post_init__(self) -> None:
        self._recording = RecordingFinder(self.swapper.finder)
        self.swapper.finder = self._recording

    def process(self, frame: Frame) -> Frame | None:
        """The frame to send for ``frame``, which is changed in place; None for the slate."""
        swapped: tuple[Face, ...] = ()
        try:
            swapped = self.swapper.swap(frame)
        except Exception as error:  # noqa: BLE001  # whatever failed, the face must not be shown
            self.complain(error)
        hidden = self._guard.check(frame.captured_ns or 0, self._recording.found, swapped, self.doubtful())
        show = self.on_miss == "show"
        self.missed += bool(hidden) and not show
        self.shown += bool(hidden) and show
        if not hidden or show:
            self.swapper.mark(frame)
            self._good = frame.picture if self.on_miss == "hold" else None
            return frame
        return self._answer(frame, hidden)

    def reset(self) -> None:
        """Another source: nothing is known of its picture, and the last good frame is not its own."""
        self.swapper.reset()
        self._guard.reset()
        self._good = None

    def _answer(self, frame: Frame, hidden: Hidden) -> Frame | None:
        if self.on_miss == "hold" and self._good is not None:
            return duplicate(self._good, frame.captured_ns or 0)
        if self.on_miss != "cover":
            return None
        with self.swapper.stages("cover"):
            swaps = tuple(frame.pasted)
            cover(frame, hidden)
            # What may be a face beside a swapped one must not cost half of that: the swaps go over the covers.
            covers = frame.pasted[len(swaps) :]
            frame.put(part for swap in swaps if (part := swap.within(covers)))
        self.swapper.mark(frame)
        return frame
