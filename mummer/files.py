"""Faces of files."""

from pathlib import Path
from typing import Unpack

from mummer.choices import AnyPath, ConversionChoices, validated
from realtime.jobs.batch.run import BatchReport
from realtime.jobs.convert import OnFrame
from realtime.jobs.dispatch import convert_any
from realtime.jobs.from_settings import job_of
from realtime.jobs.report import Report
from realtime.settings import MODEL, Conversion

__all__ = ["convert"]


def convert(
    source: AnyPath,
    target: AnyPath,
    *,
    model: AnyPath = MODEL,
    on_frame: OnFrame | None = None,
    report: AnyPath | None = None,
    force: bool = False,
    resume: bool = False,
    workers: int = 1,
    **choices: Unpack[ConversionChoices],
) -> Report | BatchReport:
    """Swap the faces in the file ``source``; all else stays as it is. Returns what was done.

    ``source`` is a video, a picture, numbered pictures (``frames/%06d.png``) or a folder, and ``target`` the same. It
    appears under its name only when it is whole, watermarked, labelled and signed. The ``choices`` are the options of
    ``mummer convert``, with ``_`` for ``-``. ``on_frame`` is called after each frame with the number written and the
    number expected (0 where nobody knows); ``report`` names a file for the report as JSON; ``force`` replaces a
    ``target`` that exists; ``resume`` goes on with what an earlier call left, and so many ``workers`` share a video.
    Raises a ``MummerError``.
    """
    settings = validated(Conversion, {"model": str(model), **choices})
    job = job_of(
        settings,
        Path(source),
        Path(target),
        report=None if report is None else Path(report),
        force=force,
        resume=resume,
        workers=workers,
    )
    return convert_any(job, on_frame)
