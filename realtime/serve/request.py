"""The body of a request to start a session."""

from fractions import Fraction

from pydantic import BaseModel, ConfigDict, Field

from realtime.jobs.convert import SHARPEN, Look
from realtime.live.fail_closed import OnMiss
from realtime.live.settings import LiveSettings
from realtime.live.sink import SinkSettings
from realtime.live.source import SourceSettings
from realtime.marking.label import TEXT
from realtime.swap.library import DEFAULT
from realtime.swapper import WhichFaces

__all__ = ["StartRequest"]


class StartRequest(BaseModel):
    """A session, in the words of ``mummer live``: ``camera`` and ``sinks`` are addresses, ``size`` width and height."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    camera: str = Field(min_length=1)
    sinks: tuple[str, ...] = ()
    model: str = DEFAULT
    light_model: str | None = None
    device: str = "auto"
    detector: str = "builtin"
    faces: WhichFaces = "all"
    blend: str = "normal"
    color: str | None = None
    sharpen: float = Field(SHARPEN, ge=0, le=1)
    label: str = TEXT
    label_place: str = "bottom-right"
    on_miss: OnMiss = "cover"
    size: tuple[int, int] | None = None
    fps: float | None = Field(None, ge=1, le=240)
    audio: str | None = None
    loop: bool = False
    codec: str | None = None
    bitrate: int | None = Field(None, ge=1)
    preset: str | None = None
    patient: bool = False

    def settings(self) -> LiveSettings:
        """The same for the engine."""
        look = Look(
            model=self.model,
            device=self.device,
            detector=self.detector,
            faces=self.faces,
            blend=self.blend,
            color=self.color,
            sharpen=self.sharpen,
            label=self.label,
            label_place=self.label_place,
        )
        rate = None if self.fps is None else Fraction(self.fps).limit_denominator(1001)
        return LiveSettings(
            camera=self.camera,
            sinks=self.sinks,
            look=look,
            source=SourceSettings(self.size, rate, self.audio, self.loop),
            sink=SinkSettings(self.codec, self.bitrate, self.preset),
            on_miss=self.on_miss,
            light_model=self.light_model,
            patient=self.patient,
        )
