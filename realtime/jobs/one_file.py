"""Which job one file asks for: a video, a picture that moves, a photo, or numbered pictures."""

from realtime.finder import FaceFinder
from realtime.jobs.animation import convert_animation
from realtime.jobs.convert import Job, OnFrame, convert
from realtime.jobs.photo import convert_photo
from realtime.jobs.report import Report
from realtime.jobs.sequence import convert_sequence
from realtime.media.animation_sink import ANIMATIONS
from realtime.media.file_source import check_regular
from realtime.media.sequence import Pattern
from realtime.media.standard_streams import STREAM
from realtime.media.still import kind_of
from realtime.media.still_encoder import PHOTOS
from realtime.runtime.errors import InputError, OutputError, UsageError

__all__ = ["convert_one"]


def convert_one(job: Job, on_frame: OnFrame | None = None, finder: FaceFinder | None = None) -> Report:
    """Run ``job`` as what its source is, by its content, and its target, by its name. Raises a ``MummerError``."""
    if job.alignments is not None:
        _check_saved(job)
    if job.smart and (Pattern.read(job.source) is not None or Pattern.read(job.target) is not None):
        raise UsageError("--smart is for a video that becomes a video; leave it out for numbered pictures")
    if STREAM in (job.source, job.target):
        if job.source != STREAM and kind_of(job.source, job.max_pixels) == "still":
            raise InputError(f"{job.source}: a still picture, and - is for videos; give OUTPUT the name of a picture")
        return convert(job, on_frame, finder)
    if job.stream is not None:
        raise UsageError("--format is for standard output (-); a file says by its suffix what it is")
    if Pattern.read(job.source) is not None:
        return convert_sequence(job, on_frame, finder)
    check_regular(job.source)
    kind, suffix = kind_of(job.source, job.max_pixels), job.target.suffix.lower()
    if kind == "still":
        if suffix in PHOTOS:
            return convert_photo(job, finder)
        raise InputError(f"{job.source}: a still picture; give OUTPUT the name of one ({' '.join(PHOTOS)})")
    if Pattern.read(job.target) is not None:
        return convert_sequence(job, on_frame, finder)
    if job.fps is not None or job.start_number is not None:
        raise UsageError("--fps and --start-number are for numbered pictures, like frames/%06d.png; leave them out")
    if suffix in ANIMATIONS:
        return convert_animation(job, on_frame, finder)
    if suffix in PHOTOS:
        raise OutputError(f"{job.target}: a still picture cannot hold what moves in {job.source}; use .mp4, .gif, ...")
    return convert(job, on_frame, finder)


def _check_saved(job: Job) -> None:
    """Raise ``UsageError`` where saved faces cannot be used: they go by the times of a video that is a file."""
    is_picture = job.target.suffix.lower() in (*ANIMATIONS, *PHOTOS) or Pattern.read(job.source) is not None
    if not is_picture and job.source.is_file():
        is_picture = kind_of(job.source, job.max_pixels) != "other"
    if is_picture or job.source == STREAM:
        raise UsageError("--alignments is for a video file that becomes a video file; leave it out")
