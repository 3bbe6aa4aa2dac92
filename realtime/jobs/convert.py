"""The file job: a video in, the same video with its faces swapped out, and a report of what was done."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Final, TypeAlias

import numpy as np

from realtime.composite.color import open_color
from realtime.composite.mask import open_blend
from realtime.finder import FaceFinder, open_finder
from realtime.jobs.pipeline import run
from realtime.jobs.report import ModelFacts, ProvenanceFacts, Report, media_facts
from realtime.marking.label import TEXT, Label
from realtime.marking.provenance.claim import Claim, tag
from realtime.marking.provenance.sign import embeds, ready_to_sign, sidecar_of, sign
from realtime.marking.watermark import Watermark, payload_of
from realtime.media.containers import container_for
from realtime.media.encoding import Encoding, check_encoding, is_lossless
from realtime.media.file_sink import FileSink
from realtime.media.file_source import FileSource, check_regular
from realtime.runtime.errors import OutputError, UsageError
from realtime.runtime.files import whole_or_nothing, writing
from realtime.runtime.stages import Stages
from realtime.swap import ModelOptions, open_model
from realtime.swap.library import DEFAULT
from realtime.swapper import FrameSwapper, WhichFaces

__all__ = ["Job", "Look", "OnFrame", "check_output", "convert", "make_swapper"]

#: Called after each frame with the number written and the number expected (0 where nobody knows).
OnFrame: TypeAlias = Callable[[int, int], None]


#: Networks that learn by mean errors answer a little soft; this much gives back what they lose, without a halo.
SHARPEN: Final = 0.5


@dataclass(frozen=True, slots=True)
class Look:
    """How the swapped faces look, and who looks for them.

    ``color`` of None is what the model prefers, ``label`` of None leaves the label out, ``sharpen`` is 0..1,
    and ``options`` is what the model itself offers to choose.
    """

    model: str = DEFAULT
    device: str = "auto"
    detector: str = "builtin"
    faces: WhichFaces = "all"
    blend: str = "normal"
    color: str | None = None
    sharpen: float = SHARPEN
    label: str | None = TEXT
    label_place: str = "bottom-right"
    options: ModelOptions = field(default_factory=ModelOptions)


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


def make_swapper(look: Look, stages: Stages, finder: FaceFinder | None = None, confined: bool = False) -> FrameSwapper:
    """Open all that the frame's way needs; ``confined`` keeps the watermark to the faces.

    Raises ``ModelError``, ``DetectorError`` or ``UsageError``.
    """
    if not 0 <= look.sharpen <= 1:
        raise UsageError(f"--sharpen is a share from 0 to 1, not {look.sharpen:g}")
    label = None if look.label is None else Label(look.label, look.label_place)
    blend = open_blend(look.blend)
    color = None if look.color is None else open_color(look.color)
    model = open_model(look.model, look.device, look.options)
    return FrameSwapper(
        finder=finder or open_finder(look.detector, look.device),
        model=model,
        color=color or open_color(model.manifest.color),
        sharpness=look.sharpen,
        blend=blend,
        label=label,
        watermark=Watermark(payload_of(model.sha256), confined),
        faces=look.faces,
        stages=stages,
    )


def make_claim(source: Path | None, look: Look, swapper: FrameSwapper) -> Claim:
    """What an output that ``swapper`` made from ``source`` (None for a live one) says of itself."""
    model, mark = swapper.model, swapper.watermark
    return Claim(
        source=source,
        model=model.name,
        model_sha256=model.sha256,
        identities=model.shown,
        label=None if swapper.label is None else swapper.label.text,
        watermark=None if mark is None else np.packbits(mark.payload.encode()).tobytes().hex(),
        frames_swapped=swapper.frames_swapped,
        settings={
            "identity": model.identity,
            "morph": model.morph,
            "detector": look.detector,
            "faces": look.faces,
            "blend": look.blend,
            "color": look.color,
            "sharpen": look.sharpen,
        },
    )


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
