"""A file job out of settings: the command line, job files and the API all make theirs here."""

from fractions import Fraction
from pathlib import Path

from realtime.jobs.convert import Engine, Job
from realtime.media.encoding import Encoding
from realtime.settings import Conversion

__all__ = ["job_of"]


def job_of(
    settings: Conversion,
    source: Path,
    target: Path,
    *,
    report: Path | None = None,
    force: bool = False,
    resume: bool = False,
    stream: str | None = None,
    workers: int = 1,
    engine: Engine = "local",
    address: str | None = None,
) -> Job:
    """The job that makes ``target`` of ``source`` as ``settings`` say; the rest is as in ``Job``."""
    return Job(
        source,
        target,
        settings.look,
        Encoding(settings.codec, settings.crf, settings.preset),
        report,
        force,
        settings.max_pixels,
        stream,
        settings.deinterlace,
        strict=settings.strict,
        keep_damaged=settings.on_damage == "keep",
        layer=settings.layer,
        resume=resume,
        workers=workers,
        engine=engine,
        address=address,
        alignments=settings.alignments,
        smooth=settings.smooth,
        fps=None if settings.fps is None else Fraction(settings.fps),
        start_number=settings.start_number,
        part=settings.part,
        smart=settings.smart,
    )
