"""What an engine runs with, and what can be changed while it runs."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Final, Literal, NamedTuple, TypeAlias, get_args

from pydantic import Field, ValidationInfo, field_validator

from realtime.live.address import file_of
from realtime.settings import Look, ModelOptions, Option

__all__ = ["ON_MISS", "Change", "LiveLook", "LiveSettings", "ModelChoice", "OnMiss", "SinkSettings", "SourceSettings"]

#: What happens to a frame in which a face is or may be that was not swapped: the region is covered, the last good
#: frame stays, the slate is sent, or the frame is shown as it is.
OnMiss: TypeAlias = Literal["cover", "hold", "slate", "show"]
ON_MISS: Final[tuple[OnMiss, ...]] = get_args(OnMiss)

#: Sides of a picture that make sense, in pixels.
SMALLEST, LARGEST = 16, 8192


@dataclass(frozen=True, slots=True)
class SourceSettings:
    """What a source is asked for; each takes what it has a use for.

    ``size`` is (width, height) in pixels and ``fps`` frames a second, None for the source's own. ``audio`` is the
    address of a microphone that takes the place of the source's own sound. ``loop`` plays a file again and again.
    ``buffer`` is for how many seconds a stream waits so that it goes on evenly, None for what the stream needs.
    """

    size: tuple[int, int] | None = None
    fps: Fraction | None = None
    audio: str | None = None
    loop: bool = False
    buffer: float | None = None


@dataclass(frozen=True, slots=True)
class SinkSettings:
    """How sinks that encode do it; None for what suits the sink. ``bitrate`` is in bits a second.

    ``on_finished`` is called with the path of each recording that was closed in good order; the engine signs it there.
    ``tell`` takes a line about what a sink does by itself, and whether that is a problem.
    """

    codec: str | None = None
    bitrate: int | None = None
    preset: str | None = None
    on_finished: Callable[[Path], None] | None = None
    tell: Callable[[str, bool], None] | None = None


class LiveLook(Look):
    """A look, and what is sent where there is none. Live output always says what it is: the label cannot be off.

    ``puppet`` is a photo that moves in place of the picture; ``consent`` is then that of whom it shows.
    """

    on_miss: OnMiss = Field(
        default="cover", description="Where a face is or may be that was not swapped; 'show' shows it."
    )
    puppet: Annotated[Path | None, Option("PHOTO")] = Field(
        default=None, description="Show no camera, but this photo, moving as the performer does; needs --consent."
    )

    mirror: bool = Field(default=False, description="Exchange left and right, as a mirror does; never the label.")

    @field_validator("label")
    @classmethod
    def _always(cls, label: str | None) -> str:
        if label is None:
            raise ValueError("live output always carries a label; give its text")
        return label


class LiveSettings(LiveLook):
    """What an engine runs with: the body of a request to start a session, and the options of ``mummer live``.

    ``camera`` and ``sinks`` are addresses, ``size`` is (width, height) in pixels (``1280x720`` will do), ``fps`` frames
    a second. ``light_model`` takes the model's place while cost is to be saved. ``patient`` tries again too where the
    very first opening of the source or of a sink fails; otherwise that ends the run with the error.
    """

    camera: Annotated[str, Option("SOURCE")] = Field(
        min_length=1, repr=False, description="Camera number or path, address of a stream, a file, or test:."
    )
    sinks: Annotated[tuple[str, ...], Option(hidden=True)] = Field(default=(), repr=False)
    light_model: Annotated[str | None, Option("NAME|FILE")] = Field(
        default=None, description="Takes its place while frames take too long."
    )
    size: Annotated[tuple[int, int] | None, Option("WxH")] = Field(
        default=None, description="Size of the output; the camera is asked for it."
    )
    fps: Annotated[float | None, Option("RATE")] = Field(
        default=None, ge=1, le=240, description="Frames a second, at most."
    )
    audio: Annotated[str | None, Option("DEVICE")] = Field(
        default=None, description="A microphone in place of the source's own sound."
    )
    loop: bool = Field(default=False, description="Play a file again and again.")
    buffer: Annotated[float | None, Option("SECONDS")] = Field(
        default=None, ge=0, le=10, description="How long a stream waits, to go on evenly; by default what it needs."
    )
    delay: Annotated[float, Option("SECONDS")] = Field(
        default=0.0, ge=0, le=5, description="Send everything later, for sound that goes another way."
    )
    codec: Annotated[str | None, Option("ENCODER")] = Field(
        default=None, description="FFmpeg's name: libx264, libx265, ...; by default what suits the sink."
    )
    bitrate: Annotated[int | None, Option("BITS")] = Field(
        default=None, ge=1, description="Bits a second of encoded sinks."
    )
    preset: Annotated[str | None, Option("NAME")] = Field(default=None, description="The encoder's preset.")
    patient: bool = Field(default=False, description="Keep trying where the camera or a sink is not there yet.")

    @field_validator("size", mode="before")
    @classmethod
    def _written(cls, size: object) -> object:
        if not isinstance(size, str):
            return size
        width, _, height = size.lower().partition("x")
        if not (width.isdecimal() and height.isdecimal()):
            raise ValueError("write it like 1280x720, in pixels")
        return int(width), int(height)

    @field_validator("size")
    @classmethod
    def _possible(cls, size: tuple[int, int] | None) -> tuple[int, int] | None:
        if size is not None and not all(SMALLEST <= side <= LARGEST for side in size):
            raise ValueError(f"write it like 1280x720, in pixels, {SMALLEST} to {LARGEST} each")
        return size

    @field_validator("light_model")
    @classmethod
    def _for_one(cls, light: str | None, info: ValidationInfo) -> str | None:
        if light is not None and info.data.get("map"):
            raise ValueError("takes the place of one model; leave it out where a map has several")
        return light

    @property
    def source(self) -> SourceSettings:
        """What of it is about the source."""
        rate = None if self.fps is None else Fraction(self.fps).limit_denominator(1001)
        return SourceSettings(self.size, rate, self.audio, self.loop, self.buffer)

    @property
    def read(self) -> tuple[Path, ...]:
        """The files that it names to be read; where a name is meant instead, there is no such file."""
        named = (
            file_of(self.camera),
            *self.models,
            self.light_model,
            *self.photo,
            self.embedder,
            self.consent,
            self.puppet,
        )
        return tuple(Path(each) for each in named if each is not None)

    @property
    def sink(self) -> SinkSettings:
        """What of it is about the sinks."""
        return SinkSettings(self.codec, self.bitrate, self.preset)


class ModelChoice(NamedTuple):
    """A model by its name or file, and what is chosen about it."""

    name: str
    options: ModelOptions


class Change(LiveLook):
    """What to change of a running engine; what is not named stays.

    The look's fields mean what they mean at the start, and ``color`` of None is what the model prefers again.
    ``camera`` and the sinks are addresses. Where models run, who looks for faces and which of several models is whose
    is settled at the start: ``device``, ``detector``, ``faces_min`` and ``map`` cannot be changed.
    """

    camera: Annotated[str | None, Field(min_length=1)] = None
    add_sinks: tuple[str, ...] = ()
    remove_sinks: tuple[str, ...] = ()

    @field_validator("device", "detector", "faces_min", "map")
    @classmethod
    def _settled(cls, chosen: object) -> object:
        raise ValueError("is chosen at the start of a session; start another one")

    @property
    def opens_model(self) -> bool:
        """Whether a model has to be opened for it; its other choices hold for the one that runs."""
        return bool(self._about_model & {"model", "photo", "face", "shape", "embedder", "consent"})

    @property
    def _about_model(self) -> set[str]:
        named = self.model_fields_set & {"model", *ModelOptions.model_fields}
        return named - {"consent", "face"} if "puppet" in self.model_fields_set else named

    def chosen_after(self, before: ModelChoice) -> ModelChoice:
        """The model that is asked for, where ``before`` was.

        Another model begins with what is named here only; another photograph does not keep whose the last one was.
        """
        options = {name: getattr(self, name) for name in self._about_model - {"model"}}
        if "model" in self.model_fields_set:
            return ModelChoice(self.model, ModelOptions().model_copy(update=options))
        if "photo" in options:
            options = {"identity": None, "face": None, "consent": None} | options
        return ModelChoice(before.name, before.options.model_copy(update=options))

    def applied_to(self, look: LiveLook) -> LiveLook:
        """``look`` with what is named here, but for the model and what is chosen about it."""
        named = self.model_fields_set & LiveLook.model_fields.keys() - {"model", *ModelOptions.model_fields}
        return look.model_copy(update={name: getattr(self, name) for name in named})
