"""A face finder that misses by a script: for proving what happens then."""

from collections.abc import Callable

from realtime.finder import FaceFinder
from realtime.finder.face import Face
from realtime.media.frame import Frame

__all__ = ["ScriptedFinder"]


class ScriptedFinder:
    """Finds what another finder finds, but for the frames in which it is told to miss.

    ``misses`` is asked once a frame, with the frame's number from 0. What it raises comes out of ``find``. ``truth``
    holds the faces that are really in the last frame.
    """

    def __init__(self, finder: FaceFinder, misses: Callable[[int], bool]) -> None:
        self._finder = finder
        self._misses = misses
        self._frames = 0
        self.truth: tuple[Face, ...] = ()

    def find(self, frame: Frame) -> tuple[Face, ...]:
        """The faces of ``frame``, or none."""
        self.truth = self._finder.find(frame)
        number, self._frames = self._frames, self._frames + 1
        return () if self._misses(number) else self.truth

    def reset(self) -> None:
        """Another source. The script goes on where it is."""
        self._finder.reset()
