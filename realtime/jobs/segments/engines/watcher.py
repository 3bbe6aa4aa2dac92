"""Who is told how far a job is."""

from typing import Protocol

__all__ = ["Watcher"]


class Watcher(Protocol):
    """Told of frames and segments as they are finished, in one thread at a time."""

    def frames(self, count: int) -> None:
        """So many more frames are done; fewer than 0 where the work of a worker that was lost is."""

    def segment(self, number: int) -> None:
        """The file of a segment is whole; what this raises ends the job."""
