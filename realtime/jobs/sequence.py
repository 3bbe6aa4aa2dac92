"""The job for image sequences: numbered pictures in, numbered pictures out, or a video at one of the two ends."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from time import perf_counter

from realtime.finder import FaceFinder
from realtime.jobs.convert import Job, OnFrame, open_source
from realtime.jobs.file_checks import check_report
from realtime.jobs.lift import lifted
from realtime.jobs.photo import picture_facts
from realtime.jobs.pipeline import Sink, run
from realtime.jobs.report import (
    MediaFacts,
    ProvenanceFacts,
    Report,
    cast_facts,
    media_facts,
    model_facts,
    provenance_facts,
    write_report,
)
from realtime.jobs.sequence_journal import journal_of, key_of, unfinished
from realtime.jobs.sequence_sinks import PictureSink, Step, VideoSink
from realtime.marking.provenance.sign import ready_to_sign, sidecar_of
from realtime.media.containers import container_for
from realtime.media.encoding import Encoding, is_lossless
from realtime.media.file_source import FileSource
from realtime.media.frame import Frame
from realtime.media.frame_samples import layer_samples, shown_samples
from realtime.media.output_checks import check_output
from realtime.media.photo_metadata import NO_METADATA
from realtime.media.sequence import Pattern, gaps
from realtime.media.still import Still, read_still
from realtime.media.still_encoder import fitted, photo_format
from realtime.media.still_encoder import is_lossless as keeps_samples
from realtime.media.tone import HDR
from realtime.runtime.errors import InputError, OutputError, UsageError
from realtime.runtime.files import whole_or_nothing
from realtime.runtime.stages import Stages
from realtime.swapper import FrameSwapper, make_claim, make_swapper

__all__ = ["convert_sequence"]

#: Pictures a second of a video that is made of pictures, where nothing is said.
RATE = Fraction(25)


def convert_sequence(job: Job, on_frame: OnFrame | None = None, finder: FaceFinder | None = None) -> Report:
    """Run ``job``, of which the source, the target or both are the name of a sequence; returns its report.

    Each picture appears under its name only when it is whole, marked and signed, and so does a video. Raises a
    ``MummerError`` with one clear line.
    """
    stages = Stages()
    _check(job)
    if job.layer:  # a label would be no face
        job = replace(job, look=job.look.model_copy(update={"label": None}))
    credentials = ready_to_sign()
    with ExitStack() as stack:
        reel = stack.enter_context(closing(_open(job, stages)))
        count = _Count(on_frame, reel.expected)
        lossless = _is_lossless(job, reel.first)
        swapper = make_swapper(job.look, stages, finder, confined=lossless and not job.layer)
        claim = make_claim(job.source, job.look, swapper)
        sink: Sink[Step]
        pattern = Pattern.read(job.target)
        if pattern is not None:
            _check_pictures(job, pattern, reel)
            sink = pictures = PictureSink(pattern, job.force, credentials, claim, stages, not reel.is_video)
            reel.losses += [words for words in fitted(reel.first, job.target).warnings if not job.layer]
            made = _facts_of(job, job.target, reel.first)
        else:
            part = stack.enter_context(whole_or_nothing(job.target, sidecar_of, replace=job.force))
            sink = video = VideoSink(part, job.target, reel.first, job.encoding, reel.rate, stages)
        if job.strict and (lost := [*reel.losses, *sink.warnings]):
            raise OutputError(
                f"{job.target}: not written, because with --strict nothing may be lost: {'; '.join(lost)}"
            )
        if pattern is not None:
            pictures.finished = stack.enter_context(unfinished(job, pattern, key_of(job, reel.numbers, swapper)))
        count.start()
        run(reel, partial(_swap, swapper, job.layer), sink, count.tick)
        count.stop()
        if pattern is not None:
            signed, signed_s = pictures.signed, pictures.signed_s
        else:
            claim = replace(claim, frames_swapped=swapper.frames_swapped)
            made = _video_facts(job, part)
            signed, signed_s = video.sign(claim, credentials)
    assert signed is not None  # noqa: S101  # there was a first picture
    provenance = provenance_facts(job.target, claim, signed, signed_s)
    report = _report(reel, made, count, swapper, provenance, sink.warnings)
    if job.report is not None:
        write_report(job.report, report, job.force)
    return report


class _Count:
    """Counts pictures for the progress bar, and seconds since it was made for the report."""

    def __init__(self, on_frame: OnFrame | None, expected: int) -> None:
        self._on_frame, self._expected = on_frame, expected
        self.done = 0
        self.made = self.started = self.ended = perf_counter()

    def start(self) -> None:
        """Pictures begin to come."""
        self.started = perf_counter()

    def tick(self) -> None:
        """One was written."""
        self.done += 1
        if self._on_frame is not None:
            self._on_frame(self.done, self._expected)

    def stop(self) -> None:
        """The last was written."""
        self.ended = perf_counter()


def _report(
    reel: "_Reel",
    made: MediaFacts,
    count: _Count,
    swapper: FrameSwapper,
    provenance: ProvenanceFacts,
    warnings: list[str],
) -> Report:
    """What was done; ``warnings`` are the sink's."""
    return Report(
        input=reel.facts,
        output=made,
        frames_in=count.done,
        frames_out=count.done,
        frames_swapped=swapper.frames_swapped,
        faces=swapper.faces_swapped,
        faces_left=swapper.faces_left,
        fps=round(count.done / (count.ended - count.started), 3),
        first_frame_s=round(count.started - count.made, 3),
        wall_s=round(perf_counter() - count.made, 3),
        stages_ms=swapper.stages.summary(),
        model=model_facts(swapper.model),
        cast=cast_facts(swapper.cast),
        provenance=provenance,
        warnings=list(dict.fromkeys([*reel.losses, *warnings, *swapper.warnings])),
    )


def _swap(swapper: FrameSwapper, layer: bool, step: Step) -> None:
    """Swap the faces of one picture, and make of its frame what is written of it."""
    before = swapper.frames_swapped
    frame = step.frame
    if layer:
        step.samples, step.alpha = layer_samples(lifted(swapper, frame))
    else:
        swapper.process(frame)
        step.samples = shown_samples(frame) if step.still is None else frame.samples()
        step.alpha = None if step.still is None else step.still.alpha
    step.swapped = swapper.frames_swapped - before


# where the pictures come from


@dataclass
class _Reel:
    """Pictures one after the other, with their numbers; ``first`` is one of them as it will be written.

    ``losses`` is what of the input is not in the pictures, ``expected`` how many come (0: nobody knows).
    """

    first: Still
    facts: MediaFacts
    losses: list[str]
    expected: int
    rate: Fraction
    numbers: list[int] | None = None
    pattern: Pattern | None = None
    video: FileSource | None = None
    offset: int = 0
    max_pixels: int = 0
    stages: Stages | None = None

    @property
    def is_video(self) -> bool:
        return self.video is not None

    def __iter__(self) -> Iterator[Step]:
        if self.video is not None:
            number = self.offset
            for item in self.video:
                if isinstance(item, Frame):
                    yield Step(number, self.video.path, item)
                    number += 1
            return
        assert self.numbers is not None and self.pattern is not None and self.stages is not None  # noqa: S101
        for number in self.numbers:
            path = self.pattern.name(number)
            with self.stages("decode"):
                still = read_still(path, self.max_pixels)
            yield Step(number + self.offset, path, Frame.from_samples(still.samples), still)

    def close(self) -> None:
        if self.video is not None:
            self.video.close()


def _open(job: Job, stages: Stages) -> _Reel:
    """The pictures of the job's source. Raises ``InputError``, and ``UsageError`` for what does not go with it."""
    pattern = Pattern.read(job.source)
    if pattern is None:
        return _open_video(job, stages)
    numbers = pattern.found()
    if not numbers:
        raise InputError(f"{job.source}: no picture is called so; {pattern.name(1).name} would be one")
    rate = RATE if job.fps is None else job.fps
    losses = [] if (missing := gaps(numbers)) is None else [f"{job.source}: {missing}: the others follow each other"]
    last = (len(numbers) - 1) / rate
    numbers = [number for place, number in enumerate(numbers) if job.part.holds(place / rate)]
    if not numbers:
        raise InputError(f"{job.source}: no picture {job.part.words}; its last one comes at {float(last):.2f} s")
    first = read_still(pattern.name(numbers[0]), job.max_pixels)
    facts = picture_facts(job.source, first.format.lower(), first.samples, first.alpha)
    offset = 0 if job.start_number is None else job.start_number - numbers[0]
    if Pattern.read(job.target) is None and first.alpha is not None:
        losses.append("transparency was left out: a video holds none here")
    return _Reel(
        first, facts, losses, len(numbers), rate, numbers, pattern, None, offset, job.max_pixels, stages
    )  # fmt: skip


def _open_video(job: Job, stages: Stages) -> _Reel:
    if job.fps is not None:
        raise UsageError("--fps is for a sequence of pictures that becomes a video; leave it out")
    source = open_source(job, stages)
    frame = source.first
    first = Still(shown_samples(frame), None, "video", lossless=True)
    losses = [*source.warnings]
    if any(stream.type == "audio" for stream in source.others):
        losses.append("pictures hold no sound: left out")
    if (name := HDR.get(frame.kind.curve)) is not None:
        losses.append(f"the video is HDR ({name}): its pictures are tone-mapped to SDR")
    facts = media_facts(job.source, source.container, source.video)
    offset = 1 if job.start_number is None else job.start_number
    return _Reel(first, facts, losses, source.expected_frames, source.rate, video=source, offset=offset)


# what is looked at before


def _check(job: Job) -> None:
    """Raise a ``MummerError`` where the job makes no sense, or its output cannot be written."""
    if job.workers > 1 or job.engine != "local":
        raise UsageError(
            "--workers and --engine are for videos that become videos; leave them out for numbered pictures"
        )
    into = Pattern.read(job.target)
    if into is None:
        if job.resume:
            raise UsageError(f"{job.target}: a video of numbered pictures is made in one piece; leave out --resume")
        container_for(job.target)
        check_output(job.target, (), job.force, sidecar_of)
        if job.layer:
            raise UsageError(
                f"{job.target}: the faces of pictures alone go into pictures; give the name of some, %06d.png"
            )
        if job.start_number is not None:
            raise UsageError("--start-number is for pictures that are written; leave it out")
    elif job.encoding != Encoding():
        raise UsageError("--codec, --crf and --preset are for videos; leave them out for pictures")
    elif job.layer and not photo_format(job.target).alpha:
        raise OutputError(
            f"{job.target}: {photo_format(job.target).name} holds no transparency; use .png, .tif or .webp"
        )
    if job.report is not None:
        check_report(job.report, job.target, map(Path, job.look.models), job.force)


def _check_pictures(job: Job, into: Pattern, reel: _Reel) -> None:
    """Raise ``OutputError`` where a picture that will be written is there already, or is one that is read."""
    numbers = reel.numbers
    if not into.path.parent.is_dir():
        return
    there = into.found()
    coming = range(reel.offset, 1 << 62) if numbers is None else {number + reel.offset for number in numbers}
    taken = [number for number in there if number in coming]
    if not taken:
        return
    one = into.name(taken[0])
    read = () if reel.pattern is None or numbers is None else map(reel.pattern.name, numbers)
    if any(one.samefile(each) for each in read):
        raise OutputError(f"{one}: the output is the input; give another folder")
    if not job.force and not journal_of(into).exists():
        raise OutputError(f"{one}: exists already; use --force to replace it")


def _is_lossless(job: Job, first: Still) -> bool:
    if Pattern.read(job.target) is not None:
        return keeps_samples(first, photo_format(job.target))
    return job.encoding.codec is not None and is_lossless(job.encoding)


def _facts_of(job: Job, path: Path, first: Still) -> MediaFacts:
    """The facts of the pictures that are written."""
    plain = replace(first, metadata=NO_METADATA)
    if job.layer:
        plain = replace(plain, samples=plain.samples.astype("uint8"), alpha=plain.samples[..., 0].astype("uint8"))
    still = fitted(plain, path)
    return picture_facts(path, photo_format(path).name.lower(), still.samples, still.alpha)


def _video_facts(job: Job, part: Path) -> MediaFacts:
    """The facts of a video that was made; reading it proves that it can be read."""
    with closing(FileSource(part, max_pixels=job.max_pixels)) as made:
        return media_facts(job.target, made.container, made.video)
