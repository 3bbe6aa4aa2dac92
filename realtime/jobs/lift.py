"""The swapped faces of a frame alone, for a layer."""

from realtime.jobs.job import Job
from realtime.media.file_source import FileSource
from realtime.media.frame import Frame
from realtime.media.interlaced import fields_of
from realtime.media.layer import layer_of
from realtime.swapper import FrameSwapper

__all__ = ["lifted", "written_in_place"]


def written_in_place(job: Job, source: FileSource) -> Frame | None:
    """A frame like those that are written in place of the source's own; None where these are written."""
    return layer_of(source.first) if job.layer else None


def lifted(swapper: FrameSwapper, frame: Frame) -> Frame:
    """Swap the faces of ``frame``; returns what of its picture is theirs, marked, and transparent around them."""
    for each in fields_of(frame):
        swapper.swap(each)
    layer = layer_of(frame)
    layer.pasted = frame.pasted
    swapper.mark(layer)
    return layer
