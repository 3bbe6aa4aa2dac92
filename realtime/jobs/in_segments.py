"""A file job in segments: what is planned, found, made and joined, and what may be copied as it is."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

import numpy as np

from realtime.finder.found import read_found
from realtime.finder.saved_finder import SavedFinder
from realtime.jobs.clock import Clock
from realtime.jobs.job import Job, container_of
from realtime.jobs.lift import written_in_place
from realtime.jobs.segments.copies import Copies, Faces, UncopiableError, faces_in, read_copies, with_copies
from realtime.jobs.segments.engines.serial import make_here
from realtime.jobs.segments.join import join
from realtime.jobs.segments.journal import Journal, folder_of, open_journal
from realtime.jobs.segments.key import key_of
from realtime.jobs.segments.maker import Order
from realtime.jobs.segments.naming import name_people
from realtime.jobs.segments.plan import WARM_UP, WARM_UP_DRAWN, Plan, UncuttableError, read_plan
from realtime.media.closed_groups import Group
from realtime.media.encoding import Encoding
from realtime.media.file_sink import FileSink, video_shape
from realtime.media.file_source import FileSource
from realtime.media.interlaced import fields_of
from realtime.runtime.digest import file_digest
from realtime.swap.cast import Cast
from realtime.swap.drawn import DrawnModel
from realtime.swapper import FrameSwapper

__all__ = ["copies_of", "journal_of", "plan_of", "run_in_segments", "why_in_one_piece", "why_not_copied", "with_sets"]


def plan_of(source: FileSource, swapper: FrameSwapper) -> tuple[Plan | None, list[str]]:
    """The plan for the job's segments; None where it does not do in segments, and what is to be said of that."""
    try:
        if _draws(swapper) and swapper.cast is not None:
            raise UncuttableError("what is found of several people is kept without the mesh that a drawn face needs")
        if swapper.cast is not None and len(fields_of(source.first)) > 1:
            raise UncuttableError("who is who is told by whole pictures, and it has fields")
        return read_plan(source, WARM_UP_DRAWN if _draws(swapper) else WARM_UP), []
    except UncuttableError as why:
        return None, [why_in_one_piece(why)]


def why_in_one_piece(why: UncuttableError) -> str:
    """What is to be said of a job that does not do in segments."""
    return f"converted in one piece, because {why}: had it been stopped, it could not have been resumed"


def _draws(swapper: FrameSwapper) -> bool:
    return any(isinstance(model, DrawnModel) for model in swapper.models)


def copies_of(
    job: Job, encoding: Encoding, source: FileSource, swapper: FrameSwapper, plan: Plan | None
) -> tuple[Copies | None, list[str]]:
    """What of ``source`` may be copied where there is no face in it; None for nothing, and what is to be said of it."""
    try:
        if plan is None:
            raise UncopiableError("the video is converted in one piece")
        if _draws(swapper):
            raise UncopiableError("a drawn face goes by the frames before it, too")
        if job.layer:
            raise UncopiableError("a layer is transparent where there is no face")
        if job.look.label is not None:
            raise UncopiableError("the label stands in every picture")
        if job.deinterlace:
            raise UncopiableError("fields are made whole pictures")
        return read_copies(source, plan, encoding, container_of(job)), []
    except UncopiableError as why:
        return None, [why_not_copied(why)]


def why_not_copied(why: object) -> str:
    """What is to be said where ``--smart`` has copied nothing."""
    return f"nothing was copied, because {why}: all pictures were encoded"


def with_sets(job: Job, sets: int) -> Job:
    """``job`` with this number for its encoder's parameter sets."""
    return replace(job, encoding=replace(job.encoding, sets=sets))


def journal_of(
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
        video_shape(source, written_in_place(job, source)),
        folder_of(job.target),
        job.alignments,
        job.smooth,
        finds=job.alignments is None and (copies is not None or swapper.cast is not None),
        layer=job.layer,
    )
    saved = None if job.alignments is None else file_digest(job.alignments)
    choices: list[str | float] = [job.deinterlace, job.smooth, job.part.words, copies is not None, job.layer]
    key = key_of(job.source, job.target, job.look, encoding, choices, swapper.models, plan, saved)
    return open_journal(order, key, job.resume, job.force)


def run_in_segments(
    job: Job,
    journal: Journal,
    source: FileSource,
    swapper: FrameSwapper,
    sink: FileSink,
    clock: Clock,
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
    job: Job, journal: Journal, source: FileSource, swapper: FrameSwapper, clock: Clock
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
    job: Job, journal: Journal, source: FileSource, swapper: FrameSwapper, clock: Clock, copied: int = 0
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


class _Watcher:
    """Tells the clock, and looks after room for the segments to come."""

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self.frames = clock.tick
        self._journal = journal

    def segment(self, number: int) -> None:
        self._journal.check_room()
