"""Which job one file asks for: a video, a picture that moves, a photo, or numbered pictures.

A kind of job is imported only when it is asked for.
"""

from realtime.finder import FaceFinder
from realtime.jobs.convert import Job, OnFrame, convert
from realtime.jobs.report import Report
from realtime.media.animation_sink import ANIMATIONS
from realtime.media.file_source import check_regular
from realtime.media.photo_formats import PHOTOS
from realtime.media.picture import kind_of
from realtime.media.sequence import Pattern
from realtime.media.standard_streams import STREAM
from realtime.runtime.errors import InputError, OutputError, UsageError

__all__ = ["convert_one"]


def convert_one(job: Job, on_frame: OnFrame | None = None, finder: FaceFinder | None = None) -> Report:
    """Run ``job`` as what its source is, by its content, and its target, by its name. Raises a ``MummerError``."""
    is_numbered, suffix = Pattern.read(job.source) is not None, job.target.suffix.lower()
    if not is_numbered:
        check_regular(job.source)
    kind = "other" if is_numbered or job.source == STREAM else kind_of(job.source, job.max_pixels)
    if job.alignments is not None and (
        is_numbered or kind != "other" or job.source == STREAM or suffix in (*ANIMATIONS, *PHOTOS)
    ):  # saved faces go by the times of a video that is a file
        raise UsageError("--alignments is for a video file that becomes a video file; leave it out")
    if job.smart and (is_numbered or Pattern.read(job.target) is not None):
        raise UsageError("--smart is for a video that becomes a video; leave it out for numbered pictures")
    if STREAM in (job.source, job.target):
        if kind == "still":
            raise InputError(f"{job.source}: a still picture, and - is for videos; give OUTPUT the name of a picture")
        return convert(job, on_frame, finder)
    if job.stream is not None:
        raise UsageError("--format is for standard output (-); a file says by its suffix what it is")
    if kind == "still":
        if suffix in PHOTOS:
            return _photo(job, finder)
        raise InputError(f"{job.source}: a still picture; give OUTPUT the name of one ({' '.join(PHOTOS)})")
    if is_numbered or Pattern.read(job.target) is not None:
        return _sequence(job, on_frame, finder)
    if job.fps is not None or job.start_number is not None:
        raise UsageError("--fps and --start-number are for numbered pictures, like frames/%06d.png; leave them out")
    if suffix in ANIMATIONS:
        return _animation(job, on_frame, finder)
    if suffix in PHOTOS:
        raise OutputError(f"{job.target}: a still picture cannot hold what moves in {job.source}; use .mp4, .gif, ...")
    return convert(job, on_frame, finder)


def _photo(job: Job, finder: FaceFinder | None) -> Report:
    from realtime.jobs.photo import convert_photo

    return convert_photo(job, finder)


def _animation(job: Job, on_frame: OnFrame | None, finder: FaceFinder | None) -> Report:
    from realtime.jobs.animation import convert_animation

    return convert_animation(job, on_frame, finder)


def _sequence(job: Job, on_frame: OnFrame | None, finder: FaceFinder | None) -> Report:
    from realtime.jobs.sequence import convert_sequence

    return convert_sequence(job, on_frame, finder)
