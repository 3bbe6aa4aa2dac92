"""This process alone, from one segment into the next."""

from collections.abc import Iterable

from realtime.jobs.segments.engines.watcher import Watcher
from realtime.jobs.segments.maker import Order, make_segments
from realtime.media.file_source import FileSource
from realtime.swapper import FrameSwapper

__all__ = ["make_here"]


def make_here(
    order: Order, segments: Iterable[int], source: FileSource, swapper: FrameSwapper, watcher: Watcher
) -> None:
    """Make ``segments`` with what is open already. Raises what the work raises."""
    make_segments(order, source, swapper, iter(segments), lambda: watcher.frames(1), watcher.segment)
