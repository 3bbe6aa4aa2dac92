"""The file job: a video in, the same video with its faces swapped out, and a report of what was done."""

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, closing, nullcontext
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Literal, NamedTuple, TypeAlias

import numpy as np

from realtime.finder import FaceFinder
from realtime.finder.found import read_found
from realtime.finder.saved_finder import SavedFinder
from realtime.jobs.comparison import Compared, compare, properties
from realtime.jobs.file_checks import check_files
from realtime.jobs.pipeline import run
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
from realtime.jobs.segments.copies import Copies, Faces, UncopiableError, faces_in, read_copies, with_copies
from realtime.jobs.segments.engines.serial import make_here
from realtime.jobs.segments.join import join
from realtime.jobs.segments.journal import Journal, folder_of, open_journal, was_made
from realtime.jobs.segments.key import key_of
from realtime.jobs.segments.maker import Order
from realtime.jobs.segments.naming import name_people
from realtime.jobs.segments.plan import Plan, UncuttableError, read_plan
from realtime.marking.provenance.claim import tag
from realtime.marking.provenance.keys import Credentials
from realtime.marking.provenance.sign import embeds, ready_to_sign, sidecar_of, sign
from realtime.media.closed_groups import Group
from realtime.media.codec_family import SAME, choose_codec
from realtime.media.containers import Container, container_for
from realtime.media.encoding import Encoding, check_encoding, is_lossless
from realtime.media.file_sink import FileSink, video_shape
from realtime.media.file_source import FileSource, check_regular
from realtime.media.frame import Frame
from realtime.media.interlaced import fields_of
from realtime.media.layer import layer_encoding, layer_of
from realtime.media.pixel_limit import MAX_PIXELS
from realtime.media.standard_streams import STREAM, streamed
from realtime.media.tone import HDR
from realtime.runtime.digest import file_digest
from realtime.runtime.errors import OutputError, UsageError
from realtime.runtime.files import whole_or_nothing
from realtime.runtime.stages import Stages
from realtime.settings import Look
from realtime.settings.part import WHOLE, Part
from realtime.swap.cast import Cast
from realtime.swap.drawn import DrawnModel
from realtime.swapper import FrameSwapper, make_claim, make_swapper

__all__ = ["Engine", "Job", "OnFrame", "convert", "open_source"]

#: Called after each frame with the number written and the number expected (0 where nobody knows).
OnFrame: TypeAlias = Callable[[int, int], None]


#: What ``workers`` are: processes of this machine, or of a Ray cluster.
Engine: TypeAlias = Literal["local", "ray"]


@dataclass(frozen=True, slots=True)
class Job:
    """One conversion.

    ``report`` is where the report is written as JSON; ``force`` replaces an existing output; pictures of more than
    ``max_pixels`` are refused. ``STREAM`` as source or target is standard input or output, and ``stream`` the container
    that is written there. ``deinterlace`` makes whole pictures of fields. ``strict`` makes an error of whatever the
    output would not keep of the input. ``keep_damaged`` converts what can be decoded of a damaged input, else an error.
    ``layer`` writes the faces alone, transparent around them. ``resume`` goes on with what an earlier run left, and so
    many ``workers`` share the work: processes of this machine, or of the Ray cluster at ``address`` (None: one of its
    own) where the ``engine`` is that. ``alignments`` is a file of saved faces that takes the place of the face finder,
    and ``smooth`` steadies them over time. Only a ``part`` of a video may be meant. ``smart`` copies the groups of
    pictures without a face as they are.
    ``fps`` is the rate of a video that is made of numbered pictures (None: 25), ``start_number`` the first number of
    those that are written (None: as they are).
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
    strict: bool = False
    keep_damaged: bool = True
    layer: bool = False
    resume: bool = False
    workers: int = 1
    engine: Engine = "local"
    address: str | None = None
    alignments: Path | None = None
    smooth: bool = True
    part: Part = WHOLE
    fps: Fraction | None = None
    start_number: int | None = None
    smart: bool = False


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
    if STREAM in (job.source, job.target) or job.layer:
        return once([])
    try:
        return once(None)
    except UncuttableError as why:
        if finder is not None:
            finder.reset()
        return once([_one_piece(why)])


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
    clock, stages = _Clock(on_frame), Stages()
    with ExitStack() as stack:
        source = stack.enter_context(closing(open_source(job, stages)))
        if job.layer:
            job = _for_layer(job)
        choice = choose_codec(job.encoding, source.video, _container(job), str(job.target))
        swapper = make_swapper(job.look, stages, finder, confined=is_lossless(choice.encoding) and not job.layer)
        plan, told = (None, in_one_piece) if in_one_piece is not None else _plan(source, swapper)
        copies, not_copied = _copies(job, choice.encoding, source, plan) if job.smart else (None, [])
        if copies is not None:
            choice, job = replace(choice, encoding=copies.encoding), _with_sets(job, copies.encoding.sets)
        journal = stack.enter_context(_journal(job, choice.encoding, source, swapper, plan, copies))
        part = stack.enter_context(_place(job))
        given, was = media_facts(job.source, source.container, source.video), properties(source)
        sink = _open_sink(job, source, part, stages, copies, not_copied)
        copied = 0
        if journal is None:
            clock.start(source.expected_frames)
            run(source, partial(_lift, swapper) if job.layer else swapper.process, sink, clock.tick)
        else:
            copied, seen_again = _run_in_segments(job, journal, source, swapper, sink, clock, copies)
            told = [*told, *seen_again]
            if copies is not None and not copied:
                told = [*told, _not_copied("there is a face in every group of pictures that stands for itself")]
        clock.stop()
        if credentials is None:
            made = _streamed(job, given, swapper)
        else:
            made = _signed(job, credentials, part, was, source, sink, swapper)
        frames_in = source.frames if journal is None else journal.order.plan.frames
        report = _report(given, made, frames_in, copied, clock, source, sink, swapper, told)
        if journal is not None:
            journal.note_output(part)
    if job.report is not None:
        write_report(job.report, report, job.force)
    return report


def _report(
    given: MediaFacts,
    made: "_Made",
    frames_in: int,
    copied: int,
    clock: "_Clock",
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


def open_source(job: Job, stages: Stages | None = None) -> FileSource:
    """The job's input, read as the job says. Raises ``InputError``."""
    return FileSource(job.source, stages, job.max_pixels, job.deinterlace, job.keep_damaged, job.part)


def _plan(source: FileSource, swapper: FrameSwapper) -> tuple[Plan | None, list[str]]:
    """The plan for the job's segments; None where it does not do in segments, and what is to be said of that."""
    try:
        if any(isinstance(model, DrawnModel) for model in swapper.models):
            raise UncuttableError("a drawn face goes by what it has seen of the performer in all frames before")
        if swapper.cast is not None and len(fields_of(source.first)) > 1:
            raise UncuttableError("who is who is told by whole pictures, and it has fields")
        return read_plan(source), []
    except UncuttableError as why:
        return None, [_one_piece(why)]


def _copies(job: Job, encoding: Encoding, source: FileSource, plan: Plan | None) -> tuple[Copies | None, list[str]]:
    """What of ``source`` may be copied where there is no face in it; None for nothing, and what is to be said of it."""
    try:
        if plan is None:
            raise UncopiableError("the video is converted in one piece")
        if job.look.label is not None:
            raise UncopiableError("the label stands in every picture")
        if job.deinterlace:
            raise UncopiableError("fields are made whole pictures")
        return read_copies(source, plan, encoding, _container(job)), []
    except UncopiableError as why:
        return None, [_not_copied(why)]


def _not_copied(why: object) -> str:
    return f"nothing was copied, because {why}: all pictures were encoded"


def _with_sets(job: Job, sets: int) -> Job:
    return replace(job, encoding=replace(job.encoding, sets=sets))


def _one_piece(why: UncuttableError) -> str:
    return f"converted in one piece, because {why}: had it been stopped, it could not have been resumed"


def _journal(
    job: Job, encoding: Encoding, source: FileSource, swapper: FrameSwapper, plan: Plan | None, copies: Copies | None
) -> AbstractContextManager[Journal | None]:
    """The journal of a job in segments; None for one without a plan."""
    if plan is None:
        return nullcontext()
    order = Order(
        job.source,
        job.target,
        job.look,
        encoding,
        job.max_pixels,
        job.deinterlace,
        job.part,
        plan,
        video_shape(source),
        folder_of(job.target),
        job.alignments,
        job.smooth,
        finds=job.alignments is None and (copies is not None or swapper.cast is not None),
    )
    saved = None if job.alignments is None else file_digest(job.alignments)
    choices: list[str | float] = [job.deinterlace, job.smooth, job.part.words, copies is not None]
    key = key_of(job.source, job.target, job.look, encoding, choices, swapper.models, plan, saved)
    return open_journal(order, key, job.resume, job.force)


def _run_in_segments(
    job: Job,
    journal: Journal,
    source: FileSource,
    swapper: FrameSwapper,
    sink: FileSink,
    clock: "_Clock",
    copies: Copies | None,
) -> tuple[int, list[str]]:
    """Make the segments that are missing, and join all into ``sink``; ``swapper`` then has the counts of all.

    Where there are ``copies``, the groups of pictures without a face take the place of segments; returns how many
    pictures were copied, and what is to be said of people who were seen again.
    """
    copied, told = list[Group](), list[str]()
    try:
        journal.check_room()
        if journal.order.finds:
            journal, told = _look_through(job, journal, source, swapper, clock)
        elif swapper.cast is not None:
            journal = _with_parts(journal, source, swapper, swapper.cast)
        if copies is not None:
            copied = copies.without(_faces(journal.order, source, swapper))
            journal = replace(journal, order=replace(journal.order, plan=with_copies(journal.order.plan, copied)))
        count = sum(len(group.frames) for group in copied)
        _make_missing(job, journal, source, swapper, clock, count)
        if count:
            clock.tick(count)
        join(journal.paths(), journal.order.plan, source, sink, copies, copied).put_on(swapper)
        sink.finish()
    except BaseException:
        sink.abort()
        raise
    return count, told


def _look_through(
    job: Job, journal: Journal, source: FileSource, swapper: FrameSwapper, clock: "_Clock"
) -> tuple[Journal, list[str]]:
    """Find all faces before any is swapped, and say who is who where a cast has parts for them.

    Returns the journal for the rest of the work, and what is to be said of people who were seen again.
    """
    order, cast, told = journal.order, swapper.cast, list[str]()
    clock.look(order.plan.frames * (1 if cast is None else 2))
    _make_missing(job, journal, source, swapper, clock)
    if cast is not None:
        order, told = name_people(order, source, cast, clock.tick)
    clock.looked()
    order = replace(order, plan=replace(order.plan, warm_up=0), finds=False, found=order.plan.spans)
    swapper.use(order.found_finder() or swapper.finder)
    return replace(journal, order=order), told


def _with_parts(journal: Journal, source: FileSource, swapper: FrameSwapper, cast: Cast) -> Journal:
    """The journal of a job for which faces are saved: these say which of them gets which part."""
    if isinstance(swapper.finder, SavedFinder):
        for faces in swapper.finder.faces_at(_saved_times(journal.order.plan, source)):
            cast.assign(faces, source.first.width)
        cast.bind(cast.parts)
    return replace(journal, order=replace(journal.order, parts=tuple(cast.parts.items())))


def _faces(order: Order, source: FileSource, swapper: FrameSwapper) -> Faces:
    """Where there are faces, or may be: as is saved, or else as was found."""
    if isinstance(swapper.finder, SavedFinder):
        return np.array(swapper.finder.has_faces(_saved_times(order.plan, source)))
    return faces_in(frame for path in order.found_paths for frame in read_found(path))


def _saved_times(plan: Plan, source: FileSource) -> list[int]:
    """When each frame of the plan is shown in the whole input, of which it may be a part."""
    return [time + source.first.moved for time in plan.times.tolist()]


def _make_missing(
    job: Job, journal: Journal, source: FileSource, swapper: FrameSwapper, clock: "_Clock", copied: int = 0
) -> None:
    """Make the files of the journal's order that are not there yet; so many pictures are ``copied`` beside them."""
    order, plan, missing = journal.order, journal.order.plan, journal.missing()
    watcher = _Watcher(journal, clock)
    clock.start(plan.frames, plan.frames - copied - sum(len(plan.span(number)) for number in missing))
    if not missing:
        return
    if job.engine == "ray":
        from realtime.jobs.segments.engines.ray_engine import make_on_ray

        make_on_ray(order, missing, job.workers, job.address, source, swapper, watcher)
    elif job.workers > 1:
        from realtime.jobs.segments.engines.processes import make_in_processes

        make_in_processes(order, missing, job.workers, swapper.stages, watcher)
    else:
        make_here(order, missing, source, swapper, watcher)


def _for_layer(job: Job) -> Job:
    """The job with an encoder for transparency, and no label: that would be no face."""
    encoding = layer_encoding(job.encoding, _container(job), str(job.target))
    return replace(job, encoding=encoding, look=job.look.model_copy(update={"label": None}))


def _lift(swapper: FrameSwapper, frame: Frame) -> None:
    """Swap the faces of ``frame``, and leave nothing of its picture but them."""
    for each in fields_of(frame):
        swapper.swap(each)
    layer = layer_of(frame)
    layer.pasted = frame.pasted
    swapper.mark(layer)
    frame.picture = layer.picture


def _container(job: Job) -> Container:
    """What the target is. Raises ``OutputError`` for a name that has no container's suffix."""
    return streamed(job.stream)[0] if job.target == STREAM else container_for(job.target)


def _check(job: Job) -> None:
    """Raise ``OutputError`` for what cannot be written, or not as it is asked for."""
    _container(job)
    check_files((job.source,), job.target, job.report, job.force, map(Path, job.look.models))
    if job.stream is not None and job.target != STREAM:
        raise UsageError(f"--format is for standard output; {job.target} says by its suffix what it is")
    if job.encoding.codec not in (None, SAME):
        check_encoding(job.encoding, job.encoding.codec)


def _place(job: Job) -> AbstractContextManager[Path]:
    """Where the sink writes: a temporary file that becomes the target, or standard output as it is."""
    if job.target == STREAM:
        return nullcontext(STREAM)
    return whole_or_nothing(job.target, sidecar_of, replace=job.force)


class _Made(NamedTuple):
    """An output: its facts, how it is marked, what is to be said of that, and how it compares with the input."""

    facts: MediaFacts
    provenance: ProvenanceFacts
    told: list[str]
    compared: list[Compared]


def _streamed(job: Job, given: MediaFacts, swapper: FrameSwapper) -> _Made:
    """What is known of a stream that is gone: it cannot be read back, nor signed."""
    kind, _ = streamed(job.stream)
    claim = make_claim(job.source, job.look, swapper)
    provenance = ProvenanceFacts(
        manifest="none", manifest_path=None, algorithm=None, signed_s=0.0, watermark=claim.watermark, label=claim.label
    )
    told = "a stream cannot be signed: label, watermark and comment are all that marks it; write a file to sign it"
    facts = given.model_copy(update={"path": str(STREAM), "container": kind.muxer})
    return _Made(facts, provenance, [told], [])


def _signed(
    job: Job,
    credentials: Credentials,
    part: Path,
    was: dict[str, str],
    source: FileSource,
    sink: FileSink,
    swapper: FrameSwapper,
) -> _Made:
    """Read the file ``part`` back, hold it against what the input ``was``, and sign it."""
    facts, has = _facts_of(part, job)
    _check_losses(job, source, sink)
    claim = make_claim(job.source, job.look, swapper)
    began = perf_counter()
    signed = sign(part, claim, job.target, credentials)
    provenance = provenance_facts(job.target, claim, signed, perf_counter() - began)
    return _Made(facts, provenance, [], compare(was, has))


def _open_sink(
    job: Job, source: FileSource, part: Path, stages: Stages, copies: Copies | None, not_copied: list[str]
) -> FileSink:
    """The sink that writes the file ``part``, which is to be the job's target; its header is written."""
    like = layer_of(source.first) if job.layer else None
    sink = FileSink(part, source, job.encoding, stages, name=job.target, stream=job.stream, like=like)
    sink.warnings += not_copied
    _check_losses(job, source, sink)
    tag(sink.container.metadata, beside=job.target != STREAM and not embeds(job.target))
    if copies is not None:
        copies.describe(sink)
    sink.open()
    return sink


def _of_hdr(source: FileSource) -> list[str]:
    """What is to be said where models, which know SDR only, meet HDR."""
    name = HDR.get(source.first.kind.curve)
    if name is None:
        return []
    return [f"the video is HDR ({name}), and models know SDR only: faces were tone-mapped for them, and mapped back"]


def _check_losses(job: Job, source: FileSource, sink: FileSink) -> None:
    """Raise ``OutputError`` for a job that is strict, where the output would not keep something, or has not kept it."""
    losses = [*source.warnings, *sink.warnings]
    if job.strict and losses:
        raise OutputError(f"{job.target}: not written, because with --strict nothing may be lost: {'; '.join(losses)}")


def _facts_of(part: Path, job: Job) -> tuple[MediaFacts, dict[str, str]]:
    """The facts of the file ``part``, which is to be the job's target; reading it proves that it can be read."""
    with closing(FileSource(part, max_pixels=job.max_pixels)) as made:
        return media_facts(job.target, made.container, made.video), properties(made)


class _Watcher:
    """Tells the clock, and looks after room for the segments to come."""

    def __init__(self, journal: Journal, clock: "_Clock") -> None:
        self.frames = clock.tick
        self._journal = journal

    def segment(self, number: int) -> None:
        self._journal.check_room()


class _Clock:
    """Counts frames for the progress bar, and seconds since it was made for the report."""

    def __init__(self, on_frame: OnFrame | None) -> None:
        self._on_frame = on_frame
        self._expected = self._done = self._before = 0
        self._made = self._ended = perf_counter()
        self._started: float | None = None
        self._first: float | None = None
        self._to_look_at = self._looked_at = 0

    def look(self, frames: int) -> None:
        """What begins next only looks at so many frames; they come a second time to be written, and count twice."""
        self._to_look_at = frames

    def looked(self) -> None:
        """The frames were looked at, and come again."""
        self._looked_at, self._to_look_at = self._to_look_at, 0

    def start(self, expected: int, before: int = 0) -> None:
        """Frames begin to come, ``expected`` in all (0 where nobody knows), and ``before`` of them came already."""
        self._expected = expected + self._to_look_at + self._looked_at
        self._done = self._before = before + self._looked_at
        self._started = self._started or perf_counter()

    def tick(self, count: int = 1) -> None:
        """So many frames were written; fewer than 0 where they have to be written once more."""
        self._done += count
        if self._first is None and not self._to_look_at:
            self._first = perf_counter()
        if self._on_frame is not None:
            self._on_frame(self._done, self._expected)

    def stop(self) -> None:
        """The last frame was written."""
        self._ended = perf_counter()

    @property
    def fps(self) -> float:
        """Frames a second, from start to stop."""
        return round((self._done - self._before) / (self._ended - (self._started or self._made)), 3)

    @property
    def first_s(self) -> float:
        """Seconds until the first frame was written."""
        return round((self._first or self._ended) - self._made, 3)

    @property
    def now_s(self) -> float:
        """Seconds until now."""
        return round(perf_counter() - self._made, 3)
