"""Faces of files."""

from pathlib import Path
from typing import Unpack

from mummer.choices import AnyPath, LookChoices, validated
from realtime.jobs.batch.run import BatchReport
from realtime.jobs.convert import Job, OnFrame
from realtime.jobs.dispatch import convert_any
from realtime.jobs.report import Report
from realtime.media.encoding import Encoding
from realtime.media.pixel_limit import MAX_PIXELS
from realtime.settings import MODEL, Conversion, Look

__all__ = ["convert"]


def convert(
    source: AnyPath,
    target: AnyPath,
    *,
    model: AnyPath = MODEL,
    on_frame: OnFrame | None = None,
    codec: str | None = None,
    crf: float | None = None,
    preset: str | None = None,
    start: str | float | None = None,
    end: str | float | None = None,
    report: AnyPath | None = None,
    force: bool = False,
    max_pixels: int = MAX_PIXELS,
    alignments: AnyPath | None = None,
    smooth: bool = True,
    **look: Unpack[LookChoices],
) -> Report | BatchReport:
    """Swap the faces in the file ``source``; all else stays as it is. Returns what was done.

    ``source`` is a video, a picture or a folder of pictures, and ``target`` the same. It appears under its name only
    when it is whole, watermarked, labelled and signed. ``start`` and ``end`` are the seconds of a video, or times such
    as 1:02.5, between which alone it is converted. ``on_frame`` is called after each frame with the number written
    and the number expected (0 where nobody knows); ``report`` names a file for the report as JSON; ``force`` replaces a
    ``target`` that exists; pictures of more than ``max_pixels`` are refused. ``alignments`` is a file of saved faces of
    a video, which takes the place of the face finder; ``smooth`` steadies them. Raises a ``MummerError``.
    """
    chosen = validated(Look, {"model": str(model), **look})
    span = {name: str(time) for name, time in (("start", start), ("end", end)) if time is not None}
    job = Job(
        Path(source),
        Path(target),
        chosen,
        Encoding(codec, crf, preset),
        report=None if report is None else Path(report),
        force=force,
        max_pixels=max_pixels,
        alignments=None if alignments is None else Path(alignments),
        smooth=smooth,
        part=validated(Conversion, span).part,
    )
    return convert_any(job, on_frame)
