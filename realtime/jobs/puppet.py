"""The puppet as a file job: a photo and a driving clip in, a video of the photo that moves as the clip does."""

from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

import numpy as np

from realtime.finder.builtin import BuiltinFinder
from realtime.jobs.convert import OnFrame
from realtime.jobs.file_checks import check_files
from realtime.jobs.pipeline import run
from realtime.jobs.report import ModelFacts, Report, media_facts, provenance_facts, write_report
from realtime.jobs.rest import Rest, find_rest
from realtime.marking.label import Label
from realtime.marking.provenance.claim import Claim, tag
from realtime.marking.provenance.sign import embeds, ready_to_sign, sidecar_of, sign
from realtime.marking.watermark import Watermark, payload_of
from realtime.media.containers import container_for
from realtime.media.encoding import Encoding, check_encoding
from realtime.media.file_sink import FileSink
from realtime.media.file_source import FileSource
from realtime.media.pixel_limit import MAX_PIXELS
from realtime.media.standard_streams import STREAM
from realtime.puppet.follower import Follower
from realtime.puppet.show import Show
from realtime.puppet.sitter import ONE_PICTURE, read_sitter
from realtime.runtime.errors import UsageError
from realtime.runtime.files import whole_or_nothing
from realtime.runtime.stages import Stages
from realtime.settings import LABEL

__all__ = ["PuppetJob", "puppet"]


@dataclass(frozen=True, slots=True)
class PuppetJob:
    """One photo, moved by the performer of one clip.

    ``consent`` is the record of whom the photo shows, ``face`` which of several faces that is, ``rest`` the performer's
    (see ``read_rest``); ``label`` of None leaves the label out. The others mean what they mean in ``Job``.
    """

    photo: Path
    driver: Path
    target: Path
    consent: Path | None = None
    face: str | None = None
    rest: Rest = None
    label: str | None = LABEL
    label_place: str = "bottom-right"
    device: str = "auto"
    encoding: Encoding = field(default_factory=Encoding)
    report: Path | None = None
    force: bool = False
    max_pixels: int = MAX_PIXELS


def puppet(job: PuppetJob, on_frame: OnFrame | None = None) -> Report:
    """Run ``job`` to the end and return its report.

    The output has the photo's size, and the clip's times and sound; it appears under its name only when it is whole.
    Raises a ``MummerError`` with one clear line.
    """
    began = perf_counter()
    _check(job)
    credentials = ready_to_sign()
    stages = Stages()
    sitter = read_sitter(job.photo, job.consent, job.device, job.face, job.max_pixels)
    rest = find_rest(job.driver, job.rest, job.device, job.max_pixels)
    show = Show(
        sitter,
        BuiltinFinder(job.device, mesh=True),
        stages,
        None if job.label is None else Label(job.label, job.label_place),
        Watermark(payload_of(sitter.sha256)),
        Follower(rest),
    )
    count = _Count(on_frame)
    with (
        closing(FileSource(job.driver, stages, job.max_pixels)) as source,
        whole_or_nothing(job.target, sidecar_of, replace=job.force) as part,
    ):
        given = media_facts(job.driver, source.container, source.video)
        sink = FileSink(part, source, job.encoding, stages, name=job.target, like=show.canvas.first)
        tag(sink.container.metadata, beside=not embeds(job.target), puppet=True)
        sink.open()
        count.start(source.expected_frames)
        run(source, show.process, sink, count.tick)
        seconds = perf_counter() - count.began
        with closing(FileSource(part, max_pixels=max(job.max_pixels, sitter.picture[..., 0].size))) as again:
            made = media_facts(job.target, again.container, again.video)
        claim = _claim(job, show)
        signing = perf_counter()
        signed = sign(part, claim, job.target, credentials)
        provenance = provenance_facts(job.target, claim, signed, perf_counter() - signing)
    moved, frames = show.follower.frames, sink.frames
    told = [] if moved == frames else [f"no face was found in {frames - moved:,} frames: there the photo rests"]
    report = Report(
        input=given,
        output=made,
        frames_in=source.frames,
        frames_out=frames,
        frames_swapped=moved,
        faces=moved,
        faces_left=0,
        fps=round(frames / seconds, 3),
        first_frame_s=round((count.first or perf_counter()) - began, 3),
        wall_s=round(perf_counter() - began, 3),
        stages_ms=stages.summary(),
        model=ModelFacts(name=ONE_PICTURE, sha256=sitter.sha256, identity=[sitter.identity]),
        provenance=provenance,
        warnings=[*sitter.warnings, *source.warnings, *sink.warnings, *told],
    )
    if job.report is not None:
        write_report(job.report, report, job.force)
    return report


def _check(job: PuppetJob) -> None:
    """Raise a ``MummerError`` for what can be known to fail before anything is decoded."""
    if STREAM in (job.photo, job.driver, job.target):
        raise UsageError("- is for convert; a puppet is made of files, and the clip is read twice")
    codec = job.encoding.codec or container_for(job.target).codec
    consent = () if job.consent is None else (job.consent,)
    check_files((job.photo, job.driver), job.target, job.report, job.force, consent)
    check_encoding(job.encoding, codec)


def _claim(job: PuppetJob, show: Show) -> Claim:
    """What the output says of itself."""
    mark, sitter = show.watermark, show.sitter
    return Claim(
        source=job.driver,
        model=ONE_PICTURE,
        model_sha256=sitter.sha256,
        identities=(sitter.identity,),
        label=job.label,
        watermark=None if mark is None else np.packbits(mark.payload.encode()).tobytes().hex(),
        frames_swapped=show.follower.frames,
        settings={"photo": job.photo.name, "rest": "auto" if job.rest is None else str(job.rest)},
        puppet=True,
    )


class _Count:
    """Frames for the progress bar, and when they came."""

    def __init__(self, on_frame: OnFrame | None) -> None:
        self._on_frame = on_frame
        self._expected = self._done = 0
        self.began = perf_counter()
        self.first: float | None = None

    def start(self, expected: int) -> None:
        """Frames begin to come, ``expected`` in all (0 where nobody knows)."""
        self._expected, self.began = expected, perf_counter()

    def tick(self) -> None:
        """A frame was written."""
        self._done += 1
        self.first = self.first or perf_counter()
        if self._on_frame is not None:
            self._on_frame(self._done, self._expected)
