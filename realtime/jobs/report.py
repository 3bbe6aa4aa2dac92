"""What a file job did: the facts of both files, counts, times, and what could not be done as asked."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Final, Literal

import av
from av.container import InputContainer
from av.video.stream import VideoStream
from pydantic import BaseModel

from realtime.jobs.comparison import Compared
from realtime.marking.provenance.claim import Claim
from realtime.marking.provenance.sign import Signed, sidecar_of
from realtime.media.color_tags import matrix_name, primaries_name, range_name, transfer_name
from realtime.runtime.errors import OutputError
from realtime.runtime.files import whole_or_nothing, writing
from realtime.runtime.stages import StageTimes
from realtime.swap import SwapModel
from realtime.swap.cast import Cast
from realtime.swap.consent import Identity

__all__ = [
    "AudioFacts",
    "ColorFacts",
    "MediaFacts",
    "ModelFacts",
    "ProvenanceFacts",
    "Report",
    "RoleFacts",
    "cast_facts",
    "is_report",
    "media_facts",
    "model_facts",
    "provenance_facts",
    "write_report",
]


class ColorFacts(BaseModel):
    """Colour tags in FFmpeg's words; ``unknown`` where the stream says nothing."""

    matrix: str
    primaries: str
    transfer: str
    range: str


class AudioFacts(BaseModel):
    """One stream of sound; ``rate`` in samples a second."""

    codec: str
    rate: int
    channels: int
    language: str | None


class MediaFacts(BaseModel):
    """A video file.

    ``size`` is width and height in pixels, ``duration`` in seconds, ``frame_rate`` is ``fps`` exactly.
    """

    path: str
    container: str
    codec: str
    size: tuple[int, int]
    pix_fmt: str
    color: ColorFacts
    sample_aspect_ratio: str
    fps: float
    frame_rate: str
    time_base: str
    duration: float | None
    audio: list[AudioFacts]


class ModelFacts(BaseModel):
    """The swap model that was used: its name, the sha256 of its file, and whom it shows."""

    name: str
    sha256: str
    identity: list[Identity]


class RoleFacts(BaseModel):
    """A model of a map, and who gets it."""

    who: str
    model: ModelFacts


class ProvenanceFacts(BaseModel):
    """How the output is marked.

    ``manifest`` says whether the file carries its C2PA manifest, or a sidecar does, or none as in a stream,
    ``manifest_path`` which file that is, ``algorithm`` what it is signed with, ``signed_s`` how many seconds that took,
    ``watermark`` the 64 bits in the picture as 16 hexadecimal digits, ``label`` the text in its corner; both are None
    where they were left out.
    """

    manifest: Literal["embedded", "sidecar", "none"]
    manifest_path: str | None
    algorithm: str | None
    signed_s: float
    watermark: str | None
    label: str | None


class Report(BaseModel):
    """A finished file job.

    ``frames_swapped`` counts frames with at least one face swapped, ``frames_copied`` those that were not encoded anew
    and so are as they were to the last bit, and ``faces`` the faces swapped in all of
    them, ``faces_left`` those that were found and not swapped, and heads that may have a face; ``fps`` is frames a
    second of the run without its start, ``first_frame_s`` the time from the job's start until the first frame was
    written, ``wall_s`` the whole job's. ``stages_ms`` holds milliseconds by stage. ``compared`` sets the output against
    the input, property by property; empty for pictures and streams. ``cast`` holds the models of a map, the first of
    which is ``model``; empty without one.
    """

    input: MediaFacts
    output: MediaFacts
    frames_in: int
    frames_out: int
    frames_swapped: int
    faces: int
    faces_left: int
    fps: float
    first_frame_s: float
    wall_s: float
    stages_ms: dict[str, StageTimes]
    model: ModelFacts
    provenance: ProvenanceFacts
    warnings: list[str]
    compared: list[Compared] = []
    cast: list[RoleFacts] = []
    frames_copied: int = 0


def media_facts(path: Path, container: InputContainer, video: VideoStream) -> MediaFacts:
    """The facts of an open file; ``video`` is the stream that counts."""
    context = video.codec_context
    rate = video.average_rate or video.guessed_rate or Fraction(0)
    return MediaFacts(
        path=str(path),
        container=container.format.name,
        codec=context.codec.canonical_name,
        size=(context.width, context.height),
        pix_fmt=context.pix_fmt or "unknown",
        color=ColorFacts(
            matrix=matrix_name(context.colorspace),
            primaries=primaries_name(context.color_primaries),
            transfer=transfer_name(context.color_trc),
            range=range_name(context.color_range),
        ),
        sample_aspect_ratio=_ratio(video.sample_aspect_ratio),
        fps=round(float(rate), 3),
        frame_rate=_ratio(rate),
        time_base=_ratio(video.time_base),
        duration=None if container.duration is None else container.duration / av.time_base,
        audio=[
            AudioFacts(
                codec=stream.codec_context.name,
                rate=stream.codec_context.sample_rate,
                channels=stream.codec_context.channels,
                language=stream.language,
            )
            for stream in container.streams.audio
            if stream.codec_context is not None
        ],
    )


def model_facts(model: SwapModel) -> ModelFacts:
    """The facts of an open model."""
    return ModelFacts(name=model.path.stem, sha256=model.sha256, identity=list(model.shown))


def cast_facts(cast: Cast | None) -> list[RoleFacts]:
    """The facts of the models of a map."""
    return [RoleFacts(who=role.who, model=model_facts(role.model)) for role in cast.roles] if cast else []


def provenance_facts(target: Path, claim: Claim, signed: Signed, seconds: float) -> ProvenanceFacts:
    """How ``target`` was marked; ``seconds`` is how long signing took."""
    return ProvenanceFacts(
        manifest=signed.where,
        manifest_path=str(target if signed.where == "embedded" else sidecar_of(target)),
        algorithm=signed.algorithm,
        signed_s=round(seconds, 3),
        watermark=claim.watermark,
        label=claim.label,
    )


#: Entries of a report by which one is known, of a file, a batch or a folder, whatever version wrote it.
_FILE: Final = frozenset({"input", "output", "frames_in", "frames_out"})
_BATCH: Final = frozenset({"done", "failed", "left_alone"})
_FOLDER: Final = frozenset({"pictures", "failed", "left_alone"})


def is_report(path: Path) -> bool:
    """Whether the file ``path`` is a report that may be replaced by another."""
    try:
        with path.open("rb") as page:
            entries = json.load(page) if page.read(1) == b"{" and page.seek(0) == 0 else None
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(entries, dict) and any(entries.keys() >= known for known in (_FILE, _BATCH, _FOLDER))


def write_report(path: Path, report: BaseModel, force: bool = False) -> None:
    """Write ``report`` as JSON, when the output has its name.

    A file that appeared there meanwhile is replaced with ``force`` only, or if it is a report. Raises ``OutputError``.
    """
    # Escaped JSON holds file names too that are no UTF-8.
    page = json.dumps(report.model_dump(mode="json"), indent=2) + "\n"
    try:
        with whole_or_nothing(path, replace=force or is_report(path)) as part, writing(path):
            part.write_text(page, encoding="utf-8")
    except OutputError as error:
        raise OutputError(f"{error}; the output itself is finished") from error


def _ratio(value: Fraction | None) -> str:
    return "unknown" if not value else f"{value.numerator}/{value.denominator}"
