"""The photo job: a picture in, the same picture with its faces swapped out, in any format that both ends know."""

from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Final

from realtime.finder import FaceFinder
from realtime.jobs.convert import Job
from realtime.jobs.file_checks import check_files
from realtime.jobs.report import ColorFacts, MediaFacts, Report, cast_facts, model_facts, provenance_facts, write_report
from realtime.marking.provenance.claim import with_source_type
from realtime.marking.provenance.keys import Credentials
from realtime.marking.provenance.sign import ready_to_sign, sidecar_of, sign
from realtime.marking.watermark import Watermark
from realtime.media.colorspace import Codes
from realtime.media.encoding import Encoding
from realtime.media.frame import Frame
from realtime.media.still import read_still
from realtime.media.still_encoder import encode_still, fitted, is_lossless, photo_format
from realtime.runtime.errors import UsageError
from realtime.runtime.files import whole_or_nothing, writing
from realtime.runtime.stages import Stages
from realtime.settings.part import WHOLE
from realtime.swapper import FrameSwapper, make_claim, make_swapper

__all__ = ["check_is_whole", "check_picture_job", "convert_photo", "picture_facts", "swap_photo"]


def convert_photo(job: Job, finder: FaceFinder | None = None) -> Report:
    """Run ``job`` on a still picture and return its report; ``finder`` takes the place of the look's detector.

    The output appears under its name only when it is whole. Raises a ``MummerError`` with one clear line.
    """
    photo_format(job.target)
    check_is_whole(job)
    check_picture_job(job, "a picture")
    credentials = ready_to_sign()
    report = swap_photo(job, make_swapper(job.look, Stages(), finder), credentials)
    if job.report is not None:
        write_report(job.report, report, job.force)
    return report


def check_picture_job(job: Job, what: str) -> None:
    """Raise a ``MummerError`` where ``job`` cannot be done; ``what`` is the kind of picture that it makes."""
    if job.encoding != Encoding():
        raise UsageError(f"--codec, --crf and --preset are for videos; leave them out for {what}")
    check_files((job.source,), job.target, job.report, job.force, map(Path, job.look.models))


def check_is_whole(job: Job) -> None:
    """Raise ``UsageError`` where a part is asked for of what is no video."""
    if job.part != WHOLE:
        raise UsageError(f"{job.source}: no video; --start and --end are for a part of one")


def swap_photo(job: Job, swapper: FrameSwapper, credentials: Credentials) -> Report:
    """Do one picture with a swapper that is open; its finder must know nothing of other pictures.

    All checks of ``job`` but the formats were made before. Raises a ``MummerError``.
    """
    began = perf_counter()
    stages = Stages()
    with stages("decode"):
        original = read_still(job.source, job.max_pixels)
    still = fitted(original, job.target)
    swapper = _for_one(swapper, stages, confined=is_lossless(still, photo_format(job.target)))
    frame = Frame.from_samples(still.samples)
    swapper.process(frame)
    marked = replace(still.metadata, xmp=with_source_type(still.metadata.xmp))
    with stages("encode"):
        encoded = encode_still(replace(still, samples=frame.samples(), metadata=marked), job.target)
    claim = make_claim(job.source, job.look, swapper)
    with whole_or_nothing(job.target, sidecar_of, replace=job.force) as part:
        with writing(job.target):
            part.write_bytes(encoded)
        signing = perf_counter()
        signed = sign(part, claim, job.target, credentials)
        signed_s = perf_counter() - signing
    warnings = [*still.warnings, *swapper.warnings]
    wall_s = perf_counter() - began
    return Report(
        input=picture_facts(job.source, original.format.lower(), original.samples, original.alpha),
        output=picture_facts(job.target, photo_format(job.target).name.lower(), still.samples, still.alpha),
        frames_in=1,
        frames_out=1,
        frames_swapped=swapper.frames_swapped,
        faces=swapper.faces_swapped,
        faces_left=swapper.faces_left,
        fps=round(1 / wall_s, 3),
        first_frame_s=round(wall_s, 3),
        wall_s=round(wall_s, 3),
        stages_ms=stages.summary(),
        model=model_facts(swapper.model),
        cast=cast_facts(swapper.cast),
        provenance=provenance_facts(job.target, claim, signed, signed_s),
        warnings=warnings,
    )


def _for_one(swapper: FrameSwapper, stages: Stages, confined: bool) -> FrameSwapper:
    """``swapper`` with counts and times of its own; the watermark keeps to the faces where nothing else may change."""
    mark = None if swapper.watermark is None else Watermark(swapper.watermark.payload, confined)
    return replace(
        swapper, stages=stages, watermark=mark, frames_swapped=0, faces_swapped=0, faces_unmasked=0, faces_left=0
    )


_NO_TAGS: Final = ColorFacts(matrix="unknown", primaries="unknown", transfer="unknown", range="unknown")


def picture_facts(path: Path, form: str, samples: Codes, alpha: Codes | None) -> MediaFacts:
    """The facts of a picture of the format ``form``."""
    height, width = samples.shape[:2]
    kind = ("gray" if samples.ndim == 2 else "rgb") + ("" if alpha is None else "a")
    return MediaFacts(
        path=str(path), container=form, codec=form, size=(width, height),
        pix_fmt=f"{kind}, {8 * samples.itemsize} bits", color=_NO_TAGS, sample_aspect_ratio="1/1", fps=0.0,
        frame_rate="unknown", time_base="unknown", duration=None, audio=[],
    )  # fmt: skip
