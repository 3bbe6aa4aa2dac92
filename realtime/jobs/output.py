"""The output of a file job: the sink that writes it, and what is known and signed once it is there."""

from contextlib import AbstractContextManager, closing, nullcontext
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

from realtime.jobs.comparison import Compared, compare, properties
from realtime.jobs.job import Job
from realtime.jobs.lift import written_in_place
from realtime.jobs.report import (
    MediaFacts,
    ProvenanceFacts,
    media_facts,
    provenance_facts,
)
from realtime.jobs.segments.copies import Copies
from realtime.marking.provenance.claim import tag
from realtime.marking.provenance.keys import Credentials
from realtime.marking.provenance.sign import embeds, sidecar_of, sign
from realtime.media.file_sink import FileSink
from realtime.media.file_source import FileSource
from realtime.media.standard_streams import STREAM, streamed
from realtime.runtime.errors import OutputError
from realtime.runtime.files import whole_or_nothing
from realtime.runtime.stages import Stages
from realtime.swapper import FrameSwapper, make_claim

__all__ = ["Made", "check_losses", "open_sink", "place_of", "signed_output", "streamed_output"]


def place_of(job: Job) -> AbstractContextManager[Path]:
    """Where the sink writes: a temporary file that becomes the target, or standard output as it is."""
    if job.target == STREAM:
        return nullcontext(STREAM)
    return whole_or_nothing(job.target, sidecar_of, replace=job.force)


def open_sink(
    job: Job, source: FileSource, part: Path, stages: Stages, copies: Copies | None, not_copied: list[str]
) -> FileSink:
    """The sink that writes the file ``part``, which is to be the job's target; its header is written."""
    like = written_in_place(job, source)
    sink = FileSink(part, source, job.encoding, stages, name=job.target, stream=job.stream, like=like)
    sink.warnings += not_copied
    check_losses(job, source, sink)
    tag(sink.container.metadata, beside=job.target != STREAM and not embeds(job.target))
    if copies is not None:
        copies.describe(sink)
    sink.open()
    return sink


class Made(NamedTuple):
    """An output: its facts, how it is marked, what is to be said of that, and how it compares with the input."""

    facts: MediaFacts
    provenance: ProvenanceFacts
    told: list[str]
    compared: list[Compared]


def streamed_output(job: Job, given: MediaFacts, swapper: FrameSwapper) -> Made:
    """What is known of a stream that is gone: it cannot be read back, nor signed."""
    kind, _ = streamed(job.stream)
    claim = make_claim(job.source, job.look, swapper)
    provenance = ProvenanceFacts(
        manifest="none", manifest_path=None, algorithm=None, signed_s=0.0, watermark=claim.watermark, label=claim.label
    )
    told = "a stream cannot be signed: label, watermark and comment are all that marks it; write a file to sign it"
    facts = given.model_copy(update={"path": str(STREAM), "container": kind.muxer})
    return Made(facts, provenance, [told], [])


def signed_output(
    job: Job,
    credentials: Credentials,
    part: Path,
    was: dict[str, str],
    source: FileSource,
    sink: FileSink,
    swapper: FrameSwapper,
) -> Made:
    """Read the file ``part`` back, hold it against what the input ``was``, and sign it."""
    facts, has = _facts_of(part, job)
    check_losses(job, source, sink)
    claim = make_claim(job.source, job.look, swapper)
    began = perf_counter()
    signed = sign(part, claim, job.target, credentials)
    provenance = provenance_facts(job.target, claim, signed, perf_counter() - began)
    return Made(facts, provenance, [], compare(was, has))


def check_losses(job: Job, source: FileSource, sink: FileSink) -> None:
    """Raise ``OutputError`` for a job that is strict, where the output would not keep something, or has not kept it."""
    losses = [*source.warnings, *sink.warnings]
    if job.strict and losses:
        raise OutputError(f"{job.target}: not written, because with --strict nothing may be lost: {'; '.join(losses)}")


def _facts_of(part: Path, job: Job) -> tuple[MediaFacts, dict[str, str]]:
    """The facts of the file ``part``, which is to be the job's target; reading it proves that it can be read."""
    with closing(FileSource(part, max_pixels=job.max_pixels)) as made:
        return media_facts(job.target, made.container, made.video), properties(made)
