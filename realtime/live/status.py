"""What can be said of a running engine: values, made anew whenever somebody asks."""

from typing import Literal, TypeAlias

from pydantic import BaseModel

from realtime.runtime.latency import Percentiles
from realtime.runtime.stages import StageTimes

__all__ = ["Connection", "Drops", "EngineState", "GovernorStatus", "LookStatus", "ModelStatus", "SinkStatus",
           "SourceStatus", "Status"]  # fmt: skip

#: Of the whole: ``live`` frames flow, ``slate`` a slate is sent.
EngineState: TypeAlias = Literal["starting", "live", "slate", "ended"]
#: Of a source or sink: ``lost`` is waiting for the next try.
Connection: TypeAlias = Literal["opening", "live", "lost", "ended"]


class SourceStatus(BaseModel, frozen=True):
    """The camera. ``retries`` counts openings after the first, ``problem`` is the last one, in words.

    ``buffer`` is how many seconds what it sends waits now, so that it goes on evenly.
    """

    address: str
    state: Connection
    frames: int
    fps: float
    size: tuple[int, int] | None
    buffer: float
    retries: int
    problem: str | None


class SinkStatus(BaseModel, frozen=True):
    """A sink. ``dropped`` frames were too many for it, ``missed`` ones came while it was away.

    ``latency_ms`` is lately, from capture to sent; ``overall_ms`` the same since the start. ``bitrate`` is what a
    stream aims at now, in bits a second; less than asked for while the network cannot take it. ``seconds`` is for how
    long it has been open, and ``written`` how many bytes a recording has.
    """

    address: str
    state: Connection
    frames: int
    fps: float
    seconds: float
    written: int | None
    bitrate: int | None
    dropped: int
    missed: int
    dropped_sound: int
    errors: int
    retries: int
    problem: str | None
    latency_ms: Percentiles
    overall_ms: Percentiles


class Drops(BaseModel, frozen=True):
    """Frames that were not sent, by place; ``thinned`` were left out on purpose, for the rate asked for."""

    captured: int
    late: int
    thinned: int


class ModelStatus(BaseModel, frozen=True):
    """The model that swaps now, and the id of the face that it puts in.

    ``loading`` is the model that will take its place.
    """

    name: str
    sha256: str
    identities: list[str]
    identity: str
    morph: float | None
    loading: str | None


class LookStatus(BaseModel, frozen=True):
    """How the faces look now."""

    faces: str
    map: tuple[str, ...] = ()
    blend: str
    color: str
    sharpen: float
    occlusion: str
    label: str
    label_place: str
    on_miss: str
    mirror: bool


class PuppetStatus(BaseModel, frozen=True):
    """The photo that moves in place of the picture, and whom it shows.

    ``rested`` says that the performer's rest is known, ``moving`` that there is a performer.
    """

    photo: str
    identity: str
    rested: bool
    moving: bool


class GovernorStatus(BaseModel, frozen=True):
    """How much the cost is lowered: ``level`` steps, and what they were."""

    level: int
    steps: list[str]


class Status(BaseModel, frozen=True):
    """The whole. ``latency_ms`` is lately, from capture to handing out; ``overall_ms`` the same since the start.

    ``missed`` counts frames in which something was hidden, ``shown`` those that were shown instead, because ``on_miss``
    says so, and ``swapped`` those with a swapped face.
    ``faces_left`` counts faces that were found and not swapped, and heads that may have a face, over all frames.
    ``asked`` is how the faces will look from the next frame on, None where that is how they look.
    """

    state: EngineState
    seconds: float
    size: tuple[int, int] | None
    rate: float | None
    fps_in: float
    fps_out: float
    frames_in: int
    frames_out: int
    slates: int
    swapped: int
    missed: int
    shown: int
    faces_left: int
    drops: Drops
    latency_ms: Percentiles
    overall_ms: Percentiles
    stages_ms: dict[str, StageTimes]
    source: SourceStatus
    sinks: list[SinkStatus]
    model: ModelStatus
    look: LookStatus
    asked: LookStatus | None
    puppet: PuppetStatus | None
    governor: GovernorStatus
    problems: list[str]
