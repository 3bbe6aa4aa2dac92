"""The keyword arguments: the fields of the settings models, spelled out for editors and type checkers.

The models in ``realtime`` say what each means, check it, and hold the defaults; a test holds that the names are theirs.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from os import PathLike
from typing import Literal, TypeAlias, TypedDict, TypeVar

from pydantic import BaseModel, ValidationError

from realtime.runtime.errors import UsageError
from realtime.settings import first_problem

__all__ = ["AnyPath", "Changes", "ConversionChoices", "LiveChoices", "LookChoices", "validated"]

_Settings = TypeVar("_Settings", bound=BaseModel)

#: What names a file.
AnyPath: TypeAlias = str | PathLike[str]
_OnMiss: TypeAlias = Literal["cover", "hold", "slate", "show"]


class _Appearance(TypedDict, total=False):
    identity: str | None
    morph: float | None
    photo: AnyPath | Sequence[AnyPath] | None
    face: str | None
    shape: float | None
    embedder: AnyPath | None
    consent: AnyPath | None
    faces: str
    faces_min: int | None
    map: str | Sequence[str] | Mapping[str, str]
    blend: str
    color: str | None
    sharpen: float
    occlusion: Literal["on", "off"]
    label: str | None
    label_place: str


class LookChoices(_Appearance, total=False):
    """The fields of ``realtime.settings.Look``, but for the model."""

    device: str
    detector: str


class ConversionChoices(LookChoices, total=False):
    """The fields of ``realtime.settings.Conversion``, but for the model."""

    start: str | float | None
    end: str | float | None
    codec: str | None
    crf: float | None
    preset: str | None
    deinterlace: bool
    strict: bool
    layer: bool
    on_damage: Literal["keep", "stop"]
    max_pixels: int
    fps: str | float | Fraction | None
    start_number: int | None
    alignments: AnyPath | None
    smooth: bool
    smart: bool


class LiveChoices(LookChoices, total=False):
    """The fields of ``realtime.live.settings.LiveSettings``, but for the model, the camera and the sinks."""

    on_miss: _OnMiss
    puppet: AnyPath | None
    mirror: bool
    buffer: float | None
    delay: float
    light_model: str | None
    size: tuple[int, int] | str | None
    fps: float | None
    audio: str | None
    loop: bool
    codec: str | None
    bitrate: int | None
    preset: str | None
    patient: bool


class Changes(_Appearance, total=False):
    """The fields of ``realtime.live.settings.Change``: what of a running session may be changed."""

    model: str
    on_miss: _OnMiss
    puppet: AnyPath | None
    mirror: bool
    camera: str
    add_sinks: tuple[str, ...] | list[str]
    remove_sinks: tuple[str, ...] | list[str]


def validated(model: type[_Settings], chosen: Mapping[str, object]) -> _Settings:
    """The settings that were ``chosen``, the others at their defaults.

    Raises ``UsageError`` that names the first problem.
    """
    try:
        return model.model_validate(chosen)
    except ValidationError as error:
        raise UsageError(first_problem(error, sorted(model.model_fields))) from error
