"""The file job: a video in, the same video with its faces swapped out, and a report of what was done."""

from collections.abc import Callable
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import TypeAlias

from realtime.finder import FaceFinder
from realtime.jobs.pipeline import run
from realtime.jobs.report import (
    MediaFacts,
    ProvenanceFacts,
    Report,
    media_facts,
    model_facts,
    provenance_facts,
    write_report,
)
from realtime.jobs.report_checks import check_report
from realtime.marking.provenance.claim import tag
from realtime.marking.provenance.sign import embeds, ready_to_sign, sidecar_of, sign
from realtime.media.codec_family import SAME, choose_codec
from realtime.media.containers import Container, container_for
from realtime.media.encoding import Encoding, check_encoding, is_lossless
from realtime.media.file_sink import FileSink
from realtime.media.file_source import FileSource, check_regular
from realtime.media.output_checks import check_output
from realtime.media.pixel_limit import MAX_PIXELS
from realtime.media.standard_streams import STREAM, streamed
from realtime.runtime.errors import UsageError
from realtime.runtime.files import whole_or_nothing
from realtime.runtime.stages import Stages
from realtime.settings import Look
from realtime.swapper import FrameSwapper, make_claim, make_swapper

__all__ = ["Job", "OnFrame", "convert", "open_source"]

#: Called after each frame with the number written and the number expected (0 where nobody knows).
OnFrame: TypeAlias = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Job:
    """One conversion.

    ``report`` is where the report is written as JSON; ``force`` replaces an existing output; pictures of more than
    ``max_pixels`` are refused. ``STREAM`` as source or target is standard input or output, and ``stream`` the container
    that is written there. ``deinterlace`` makes whole pictures of fields.
    """

    source: Path
    target: Path
    look: Look = field(default_factory=Look)
    encoding: Encoding = field(default_factory=Encoding)
    report: Path | None = None
    force: bool = False
    max_pixels: int = MAX_PIXELS
    stream: str | None = None
    deinterlace: bool = False


def convert(job: Job, on_frame: OnFrame | None = None, finder: FaceFinder | None = None) -> Report:
    """Run ``job`` to the end and return its report; ``finder`` takes the place of the look's detector.

    The output appears under its name only when it is whole; on any failure, and on Ctrl-C, nothing is left
    behind. Everything that can be checked without decoding is checked first. Raises a ``MummerError`` with
    one clear line.
    """
    clock = _Clock(on_frame)
    stages = Stages()
    check_regular(job.source)
    _check(job)
    credentials = None if job.target == STREAM else ready_to_sign()
    with closing(open_source(job, stages)) as source, _place(job) as part:
        choice = choose_codec(job.encoding, source.video, _container(job), str(job.target))
        swapper = make_swapper(job.look, stages, finder, confined=is_lossless(choice.encoding))
        given = media_facts(job.source, source.container, source.video)
        sink = _swap(job, source, swapper, part, stages, clock)
        if credentials is None:
            made, provenance, told = _of_stream(job, given, swapper)
        else:
            made, told = _facts_of(part, job), list[str]()
            claim = make_claim(job.source, job.look, swapper)
            began = perf_counter()
            signed = sign(part, claim, job.target, credentials)
            provenance = provenance_facts(job.target, claim, signed, perf_counter() - began)
        report = Report(
            input=given,
            output=made,
            frames_in=source.frames,
            frames_out=sink.frames,
            frames_swapped=swapper.frames_swapped,
            faces=swapper.faces_swapped,
            faces_left=swapper.faces_left,
            fps=clock.fps,
            first_frame_s=clock.first_s,
            wall_s=clock.now_s,
            stages_ms=stages.summary(),
            model=model_facts(swapper.model),
            provenance=provenance,
            warnings=[*source.warnings, *sink.warnings, *swapper.warnings, *told],
        )
    if job.report is not None:
        write_report(job.report, report, job.force)
    return report


def open_source(job: Job, stages: Stages | None = None) -> FileSource:
    """The job's input, read as the job says. Raises ``InputError``."""
    return FileSource(job.source, stages, job.max_pixels, job.deinterlace)


def _container(job: Job) -> Container:
    """What the target is. Raises ``OutputError`` for a name that has no container's suffix."""
    return streamed(job.stream)[0] if job.target == STREAM else container_for(job.target)


def _check(job: Job) -> None:
    """Raise ``OutputError`` for what cannot be written, or not as it is asked for."""
    _container(job)
    if job.target != STREAM:
        check_output(job.target, (job.source,), job.force, sidecar_of)
        if job.stream is not None:
            raise UsageError(f"--format is for standard output; {job.target} says by its suffix what it is")
    if job.encoding.codec not in (None, SAME):
        check_encoding(job.encoding, job.encoding.codec)
    if job.report is not None:
        check_report(job.report, job.target, (job.source, Path(job.look.model)), job.force)


def _place(job: Job) -> AbstractContextManager[Path]:
    """Where the sink writes: a temporary file that becomes the target, or standard output as it is."""
    if job.target == STREAM:
        return nullcontext(STREAM)
    return whole_or_nothing(job.target, sidecar_of, replace=job.force)


def _of_stream(job: Job, given: MediaFacts, swapper: FrameSwapper) -> tuple[MediaFacts, ProvenanceFacts, list[str]]:
    """What is known of a stream that is gone: it cannot be read back, nor signed."""
    kind, _ = streamed(job.stream)
    claim = make_claim(job.source, job.look, swapper)
    provenance = ProvenanceFacts(
        manifest="none", manifest_path=None, algorithm=None, signed_s=0.0, watermark=claim.watermark, label=claim.label
    )
    told = "a stream cannot be signed: label, watermark and comment are all that marks it; write a file to sign it"
    return given.model_copy(update={"path": str(STREAM), "container": kind.muxer}), provenance, [told]


def _swap(job: Job, source: FileSource, swapper: FrameSwapper, part: Path, stages: Stages, clock: "_Clock") -> FileSink:
    """Every frame of ``source`` through ``swapper`` into the file ``part``; returns the sink that wrote it."""
    sink = FileSink(part, source, job.encoding, stages, name=job.target, stream=job.stream)
    tag(sink.container.metadata, beside=job.target != STREAM and not embeds(job.target))
    sink.open()
    clock.start(source.expected_frames)
    run(source, swapper.process, sink, clock.tick)
    clock.stop()
    return sink


def _facts_of(part: Path, job: Job) -> MediaFacts:
    """The facts of the file ``part``, which is to be the job's target; reading it proves that it can be read."""
    with closing(FileSource(part, max_pixels=job.max_pixels)) as made:
        return media_facts(job.target, made.container, made.video)


class _Clock:
    """Counts frames for the progress bar, and seconds since it was made for the report."""

    def __init__(self, on_frame: OnFrame | None) -> None:
        self._on_frame = on_frame
        self._expected = self._done = 0
        self._made = self._started = self._ended = perf_counter()
        self._first: float | None = None

    def start(self, expected: int) -> None:
        """Frames begin to come, ``expected`` in all (0 where nobody knows)."""
        self._expected, self._started = expected, perf_counter()

    def tick(self) -> None:
        """A frame was written."""
        self._done += 1
        if self._first is None:
            self._first = perf_counter()
        if self._on_frame is not None:
            self._on_frame(self._done, self._expected)

    def stop(self) -> None:
        """The last frame was written."""
        self._ended = perf_counter()

    @property
    def fps(self) -> float:
        """Frames a second, from start to stop."""
        return round(self._done / (self._ended - self._started), 3)

    @property
    def first_s(self) -> float:
        """Seconds until the first frame was written."""
        return round((self._first or self._ended) - self._made, 3)

    @property
    def now_s(self) -> float:
        """Seconds until now."""
        return round(perf_counter() - self._made, 3)
