"""The job for pictures that move: an animated GIF, WebP or PNG, or a video, into an animated GIF or WebP."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from time import perf_counter

import numpy as np

from realtime.finder import FaceFinder
from realtime.jobs.convert import Job, OnFrame
from realtime.jobs.photo import check_is_whole, check_picture_job, picture_facts
from realtime.jobs.report import Report, cast_facts, model_facts, provenance_facts, write_report
from realtime.marking.provenance.sign import ready_to_sign, sidecar_of, sign
from realtime.media.animation import Moment, loops_of, read_animation
from realtime.media.animation_sink import AnimationSink
from realtime.media.file_source import FileSource
from realtime.media.frame import Frame
from realtime.media.picture import kind_of
from realtime.runtime.errors import InputError
from realtime.runtime.files import whole_or_nothing
from realtime.runtime.stages import Stages
from realtime.swapper import FrameSwapper, make_claim, make_swapper

__all__ = ["convert_animation"]


def convert_animation(job: Job, on_frame: OnFrame | None = None, finder: FaceFinder | None = None) -> Report:
    """Run ``job`` into an animated picture and return its report; ``finder`` takes the place of the look's detector.

    The output appears under its name only when it is whole. Raises a ``MummerError`` with one clear line.
    """
    began = perf_counter()
    check_picture_job(job, "an animated picture")
    credentials = ready_to_sign()
    stages = Stages()
    swapper = make_swapper(job.look, stages, finder)
    warnings: list[str] = []
    animated = kind_of(job.source, job.max_pixels) == "animated"
    if animated:
        check_is_whole(job)
    moments = read_animation(job.source, job.max_pixels) if animated else _moments_of(job, warnings)
    with whole_or_nothing(job.target, sidecar_of, replace=job.force) as part:
        sink = AnimationSink(part, loops_of(job.source, job.max_pixels) if animated else 0, job.target)
        first, frames = _swap(moments, swapper, sink, on_frame)
        if first is None:
            raise InputError(f"{job.source}: no picture in it")
        claim = make_claim(job.source, job.look, swapper)
        signing = perf_counter()
        signed = sign(part, claim, job.target, credentials)
        provenance = provenance_facts(job.target, claim, signed, perf_counter() - signing)
        warnings += swapper.warnings
        wall_s = perf_counter() - began
        report = Report(
            input=picture_facts(job.source, job.source.suffix[1:], first.samples, first.alpha),
            output=picture_facts(job.target, job.target.suffix[1:], first.samples, first.alpha),
            frames_in=frames,
            frames_out=frames,
            frames_swapped=swapper.frames_swapped,
            faces=swapper.faces_swapped,
            faces_left=swapper.faces_left,
            fps=round(frames / wall_s, 3),
            first_frame_s=round(wall_s / frames, 3),
            wall_s=round(wall_s, 3),
            stages_ms=stages.summary(),
            model=model_facts(swapper.model),
            cast=cast_facts(swapper.cast),
            provenance=provenance,
            warnings=warnings,
        )
    if job.report is not None:
        write_report(job.report, report, job.force)
    return report


def _swap(
    moments: Iterator[Moment], swapper: FrameSwapper, sink: AnimationSink, on_frame: OnFrame | None
) -> tuple[Moment | None, int]:
    """Every moment through ``swapper`` into ``sink``, to the end; returns the first and how many there were."""
    first, done = None, 0
    try:
        for moment in moments:
            first = first or moment
            frame = Frame.from_samples(moment.samples)
            swapper.process(frame)
            with swapper.stages("encode"):
                sink.write(replace(moment, samples=frame.samples()))
            done += 1
            if on_frame is not None:
                on_frame(done, 0)
        sink.finish()
    except BaseException:
        sink.abort()
        raise
    return first, done


def _moments_of(job: Job, warnings: list[str]) -> Iterator[Moment]:
    """The frames of a video as they are shown, each until the next one comes."""
    with closing(FileSource(job.source, max_pixels=job.max_pixels, part=job.part)) as source:
        warnings += source.warnings
        if any(stream.type == "audio" for stream in source.others):
            warnings.append("an animated picture holds no sound: left out")
        before: tuple[Frame, float] | None = None
        start = last = 0.0
        for item in source:
            if not isinstance(item, Frame):
                continue
            time = float((item.pts or 0) * (item.time_base or source.time_base))
            if before is None:
                start = time
            else:
                yield _moment(before[0], before[1] - start, time - start)
            before, last = (item, time), time
        if before is not None:
            yield _moment(before[0], last - start, last - start + float(1 / source.rate))


def _moment(frame: Frame, begin: float, end: float) -> Moment:
    rgb = frame.warp(np.eye(2, 3), (frame.width, frame.height))
    return Moment(rgb, None, max(1, round(end * 1000) - round(begin * 1000)))
