"""The file job: a video in, the same video with its faces swapped out, and a report of what was done."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import TypeAlias

from realtime.finder import FaceFinder
from realtime.jobs.pipeline import run
from realtime.jobs.report import ModelFacts, ProvenanceFacts, Report, media_facts
from realtime.marking.provenance.claim import tag
from realtime.marking.provenance.sign import embeds, ready_to_sign, sidecar_of, sign
from realtime.media.containers import container_for
from realtime.media.encoding import Encoding, check_encoding, is_lossless
from realtime.media.file_sink import FileSink
from realtime.media.file_source import FileSource, check_regular
from realtime.runtime.errors import OutputError
from realtime.runtime.files import whole_or_nothing, writing
from realtime.runtime.stages import Stages
from realtime.settings import Look
from realtime.swapper import make_claim, make_swapper

__all__ = ["Job", "OnFrame", "check_output", "convert"]

#: Called after each frame with the number written and the number expected (0 where nobody knows).
OnFrame: TypeAlias = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Job:
    """One conversion.

    ``report`` is where the report is written as JSON; ``force`` replaces an existing output.
    """

    source: Path
    target: Path
    look: Look = field(default_factory=Look)
    encoding: Encoding = field(default_factory=Encoding)
    report: Path | None = None
    force: bool = False


def convert(job: Job, on_frame: OnFrame | None = None, finder: FaceFinder | None = None) -> Report:
    """Run ``job`` to the end and return its report; ``finder`` takes the place of the look's detector.

    The output appears under its name only when it is whole; on any failure, and on Ctrl-C, nothing is left
    behind. Everything that can be checked without decoding is checked first. Raises a ``MummerError`` with
    one clear line.
    """
    began = perf_counter()
    stages = Stages()
    check_regular(job.source)
    check_output(job.target, job.source, job.force)
    codec = job.encoding.codec or container_for(job.target).codec
    check_encoding(job.encoding, codec)
    if job.report is not None:
        _check_report(job.report, job)
    credentials = ready_to_sign()
    swapper = make_swapper(job.look, stages, finder, confined=is_lossless(job.encoding, codec))
    source = FileSource(job.source, stages)
    try:
        facts = media_facts(job.source, source.container, source.video)
        with whole_or_nothing(job.target, sidecar_of) as part:
            sink = FileSink(part, source, job.encoding, stages, name=job.target)
            tag(sink.container.metadata, beside=not embeds(job.target))
            sink.open()
            ran = perf_counter()
            clock = _Clock(on_frame, source.expected_frames)
            run(source, swapper.process, sink, clock.tick)
            ended = perf_counter()
            made = FileSource(part)
            output = media_facts(job.target, made.container, made.video)
            made.close()
            claim = make_claim(job.source, job.look, swapper)
            signing = perf_counter()
            signed = sign(part, claim, job.target, credentials)
            signed_s = perf_counter() - signing
            warnings = [*source.warnings, *sink.warnings]
            if not swapper.faces_swapped:
                warnings.append("no face was found: the pictures are as they were")
            report = Report(
                input=facts,
                output=output,
                frames_in=source.frames,
                frames_out=sink.frames,
                frames_swapped=swapper.frames_swapped,
                faces=swapper.faces_swapped,
                fps=round(sink.frames / (ended - ran), 3),
                first_frame_s=round((clock.first or ended) - began, 3),
                wall_s=round(perf_counter() - began, 3),
                stages_ms=stages.summary(),
                model=ModelFacts(
                    name=swapper.model.path.stem,
                    sha256=swapper.model.sha256,
                    identity=list(swapper.model.shown),
                ),
                provenance=ProvenanceFacts(
                    manifest=signed.where,
                    manifest_path=str(job.target if signed.where == "embedded" else sidecar_of(job.target)),
                    algorithm=signed.algorithm,
                    signed_s=round(signed_s, 3),
                    watermark=claim.watermark,
                    label=claim.label,
                ),
                warnings=warnings,
            )
            if job.report is not None:
                with whole_or_nothing(job.report) as page, writing(job.report):
                    # Escaped JSON holds file names too that are no UTF-8.
                    page.write_text(json.dumps(report.model_dump(mode="json"), indent=2) + "\n", encoding="utf-8")
    finally:
        source.close()
    return report


def check_output(target: Path, source: Path, force: bool) -> None:
    """Raise ``OutputError`` where the output cannot become a file of its own."""
    container_for(target)
    _check_place(target)
    if target.exists():
        if target.samefile(source):
            raise OutputError(f"{target}: the output is the input; give another name")
        if not force:
            raise OutputError(f"{target}: exists already; use --force to replace it")
    sidecar = sidecar_of(target)
    _check_place(sidecar)
    if sidecar.exists() and not force:
        raise OutputError(f"{sidecar}: exists already, the signature of another file; use --force to replace it")


def _check_report(report: Path, job: Job) -> None:
    _check_place(report)
    used = [path for path in (job.source, job.target, Path(job.look.model)) if path.exists()]
    same = report.exists() and any(report.samefile(path) for path in used)
    if same or report.resolve() == job.target.resolve():
        raise OutputError(f"{report}: cannot be the report; give the name of another file")


def _check_place(path: Path) -> None:
    """Raise ``OutputError`` where ``path`` cannot name a file, new or to be replaced."""
    with writing(path):
        folder = path.resolve().parent
        is_folder, is_other = path.is_dir(), path.exists() and not path.is_file()
    if is_folder:
        raise OutputError(f"{path}: a folder; give the name of the file to write")
    if not folder.is_dir():
        raise OutputError(f"{path}: the folder {path.parent} does not exist; make it first")
    if is_other:
        raise OutputError(f"{path}: not a regular file")


class _Clock:
    """Counts frames for the progress bar, and notes when the first was written."""

    def __init__(self, on_frame: OnFrame | None, expected: int) -> None:
        self.first: float | None = None
        self._on_frame, self._expected, self._done = on_frame, expected, 0

    def tick(self) -> None:
        self._done += 1
        if self.first is None:
            self.first = perf_counter()
        if self._on_frame is not None:
            self._on_frame(self._done, self._expected)
