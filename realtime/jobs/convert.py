"""The file job: a video in, the same video with its faces swapped out, and a report of what was done."""

from contextlib import ExitStack, closing
from dataclasses import replace
from functools import partial
from pathlib import Path

from realtime.finder import FaceFinder
from realtime.finder.saved_finder import SavedFinder
from realtime.jobs.clock import Clock
from realtime.jobs.comparison import properties
from realtime.jobs.file_checks import check_files
from realtime.jobs.in_segments import (
    copies_of,
    journal_of,
    plan_of,
    run_in_segments,
    why_in_one_piece,
    why_not_copied,
    with_sets,
)
from realtime.jobs.job import Engine, Job, OnFrame, container_of, open_source
from realtime.jobs.lift import lifted
from realtime.jobs.output import Made, open_sink, place_of, signed_output, streamed_output
from realtime.jobs.pipeline import run
from realtime.jobs.report import (
    MediaFacts,
    Report,
    cast_facts,
    media_facts,
    model_facts,
    write_report,
)
from realtime.jobs.segments.journal import was_made
from realtime.jobs.segments.plan import UncuttableError
from realtime.marking.provenance.keys import Credentials
from realtime.marking.provenance.sign import ready_to_sign
from realtime.media.codec_family import SAME, choose_codec
from realtime.media.encoding import check_encoding, is_lossless
from realtime.media.file_sink import FileSink
from realtime.media.file_source import FileSource, check_regular
from realtime.media.layer import layer_encoding
from realtime.media.standard_streams import STREAM
from realtime.media.tone import HDR
from realtime.runtime.errors import UsageError
from realtime.runtime.stages import Stages
from realtime.swapper import FrameSwapper, make_swapper

__all__ = ["Engine", "Job", "OnFrame", "convert", "open_source"]


def convert(job: Job, on_frame: OnFrame | None = None, finder: FaceFinder | None = None) -> Report:
    """Run ``job`` to the end and return its report; ``finder`` takes the place of the look's detector.

    The work is done in segments, and those that are finished wait in a journal beside the output: whatever stops the
    job, ``resume`` goes on from there. The output appears under its name only when it is whole. Everything that can be
    checked without decoding is checked first. Raises a ``MummerError`` with one clear line.
    """
    check_regular(job.source)
    if job.resume and job.target != STREAM and was_made(job.target):
        job = replace(job, force=True)  # by the job that is resumed, which was killed just before its end
    _check(job)
    if job.alignments is not None:
        finder = SavedFinder(job.alignments, job.source, job.smooth)
    credentials = None if job.target == STREAM else ready_to_sign()
    once = partial(_convert, job, credentials, on_frame, finder)
    if STREAM in (job.source, job.target):
        return once([])
    try:
        return once(None)
    except UncuttableError as why:
        if finder is not None:
            finder.reset()
        return once([why_in_one_piece(why)])


def _convert(
    job: Job,
    credentials: Credentials | None,
    on_frame: OnFrame | None,
    finder: FaceFinder | None,
    in_one_piece: list[str] | None,
) -> Report:
    """Run ``job`` in segments, or in one piece and say why.

    Raises ``UncuttableError`` where it shows on the way that it does not do in segments.
    """
    clock, stages = Clock(on_frame), Stages()
    with ExitStack() as stack:
        source = stack.enter_context(closing(open_source(job, stages)))
        if job.layer:
            job = _for_layer(job)
        choice = choose_codec(job.encoding, source.video, container_of(job), str(job.target))
        swapper = make_swapper(job.look, stages, finder, confined=is_lossless(choice.encoding) and not job.layer)
        plan, told = (None, in_one_piece) if in_one_piece is not None else plan_of(source, swapper)
        copies, not_copied = copies_of(job, choice.encoding, source, swapper, plan) if job.smart else (None, [])
        if copies is not None:
            choice, job = replace(choice, encoding=copies.encoding), with_sets(job, copies.encoding.sets)
        journal = stack.enter_context(journal_of(job, choice.encoding, source, swapper, plan, copies))
        part = stack.enter_context(place_of(job))
        given, was = media_facts(job.source, source.container, source.video), properties(source)
        sink = open_sink(job, source, part, stages, copies, not_copied)
        copied = 0
        if journal is None:
            clock.start(source.expected_frames)
            run(source, partial(lifted, swapper) if job.layer else swapper.process, sink, clock.tick)
        else:
            copied, seen_again = run_in_segments(job, journal, source, swapper, sink, clock, copies)
            told = [*told, *seen_again]
            if copies is not None and not copied:
                told = [*told, why_not_copied("there is a face in every group of pictures that stands for itself")]
        clock.stop()
        if credentials is None:
            made = streamed_output(job, given, swapper)
        else:
            made = signed_output(job, credentials, part, was, source, sink, swapper)
        frames_in = source.frames if journal is None else journal.order.plan.frames
        report = _report(given, made, frames_in, copied, clock, source, sink, swapper, told)
        if journal is not None:
            journal.note_output(part)
    if job.report is not None:
        write_report(job.report, report, job.force)
    return report


def _report(
    given: MediaFacts,
    made: Made,
    frames_in: int,
    copied: int,
    clock: Clock,
    source: FileSource,
    sink: FileSink,
    swapper: FrameSwapper,
    told: list[str],
) -> Report:
    """What was done; ``told`` is to be said beside what the parts say themselves."""
    return Report(
        input=given,
        output=made.facts,
        frames_in=frames_in,
        frames_out=sink.frames,
        frames_swapped=swapper.frames_swapped,
        frames_copied=copied,
        faces=swapper.faces_swapped,
        faces_left=swapper.faces_left,
        fps=clock.fps,
        first_frame_s=clock.first_s,
        wall_s=clock.now_s,
        stages_ms=swapper.stages.summary(),
        model=model_facts(swapper.model),
        cast=cast_facts(swapper.cast),
        provenance=made.provenance,
        warnings=[*source.warnings, *sink.warnings, *swapper.warnings, *_of_hdr(source), *made.told, *told],
        compared=made.compared,
    )


def _for_layer(job: Job) -> Job:
    """The job with an encoder for transparency, and no label: that would be no face."""
    encoding = layer_encoding(job.encoding, container_of(job), str(job.target))
    return replace(job, encoding=encoding, look=job.look.model_copy(update={"label": None}))


def _check(job: Job) -> None:
    """Raise ``OutputError`` for what cannot be written, or not as it is asked for."""
    container_of(job)
    check_files((job.source,), job.target, job.report, job.force, map(Path, job.look.models))
    if job.stream is not None and job.target != STREAM:
        raise UsageError(f"--format is for standard output; {job.target} says by its suffix what it is")
    if job.encoding.codec not in (None, SAME):
        check_encoding(job.encoding, job.encoding.codec)


def _of_hdr(source: FileSource) -> list[str]:
    """What is to be said where models, which know SDR only, meet HDR."""
    name = HDR.get(source.first.kind.curve)
    if name is None:
        return []
    return [f"the video is HDR ({name}), and models know SDR only: faces were tone-mapped for them, and mapped back"]
