"""How to train: the settings of a run, with the same names in TOML and on the command line."""

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from realtime.runtime.errors import InputError, UsageError, reason
from realtime.runtime.files import read_regular
from realtime.settings import first_problem

__all__ = [
    "FILE",
    "STAGES",
    "LossWeights",
    "Partners",
    "Plan",
    "Precision",
    "Settings",
    "Stage",
    "read_toml",
    "to_toml",
    "validate",
]

#: The settings' name in a run's folder.
FILE: Final = "settings.toml"

Precision = Literal["auto", "fp32", "bf16", "fp16"]
Partners = Literal["drawn", "nearest"]
Share = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[float, Field(ge=0)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class LossWeights(_Part):
    """How much each part of the loss counts; a part of weight 0 is not computed.

    ``structure`` is block SSIM of the lightness, ten times as fast on a CPU as the Gaussian windows of ``ssim`` and
    ``ms_ssim``. ``priority`` is how many times a pixel of eyes and mouth counts.
    """

    l1: Weight = 1.0
    mse: Weight = 0.0
    structure: Weight = 0.3
    ssim: Weight = 0.0
    ms_ssim: Weight = 0.0
    edges: Weight = 2.0
    features: Weight = 0.0
    mask: Weight = 0.5
    priority: Annotated[float, Field(ge=1, le=3.98)] = 3.0  # a byte of 64 is 1


class Stage(_Part):
    """A part of the run. ``share`` is its length, relative to the other stages'.

    ``rate`` is the share of the full learning rate at its end, which it approaches from the stage before along half a
    cosine. ``warp`` and ``light`` scale the augmentation, ``pseudo`` is the share of each
    side's batch that asks for it with another side's faces. ``fit`` is the share of side A's batch that comes from the
    faces of the target clip, ``discriminator`` the weight of the patch discriminator.
    """

    name: str
    share: Annotated[float, Field(gt=0)]
    rate: Share = 1.0
    warp: Weight = 1.0
    light: Weight = 1.0
    pseudo: Share = 0.5
    fit: Share = 0.0
    discriminator: Weight = 0.0


#: Learn with warped faces, sharpen without the warp, then let the rate fall on (mostly) the faces of the target clip.
STAGES: Final = (
    Stage(name="warp", share=0.2),
    Stage(name="plain", share=0.5, rate=0.3, warp=0.0),
    Stage(name="finish", share=0.3, rate=0.01, warp=0.0, light=0.5, fit=0.5),
)


class Settings(_Part):
    """How to train. The run ends after ``iterations``, ``hours`` or ``minutes``, whichever comes first."""

    iterations: Annotated[int, Field(ge=1)] | None = None
    hours: Annotated[float, Field(gt=0)] | None = None
    minutes: Annotated[float, Field(gt=0)] | None = None
    batch: Annotated[int, Field(ge=1)] = 16  # pictures a step, of each side, on each device
    rate: Annotated[float, Field(gt=0)] = 1e-3
    warmup: Annotated[int, Field(ge=0)] = 100  # iterations
    decay: Weight = 1e-4
    average: Share = 0.999  # of the running average of the weights
    clip: Annotated[float, Field(gt=0)] = 1.0  # largest norm of the gradient
    seed: Annotated[int, Field(ge=0, le=2**31)] = 0
    threads: Annotated[int, Field(ge=0)] = 0  # 0: as many as torch takes by itself
    device: str = "auto"
    devices: Annotated[int, Field(ge=1)] = 1
    precision: Precision = "auto"  # bf16 where the processor multiplies it, else fp32
    compile: bool | None = None  # None: where it pays
    hold_out: Annotated[float, Field(ge=0, le=0.5)] = 0.05  # share of each side's faces that is never trained on
    log_every: Annotated[int, Field(ge=1)] = 50
    preview_every: Annotated[int, Field(ge=1)] = 500
    save_every: Annotated[int, Field(ge=1)] = 500
    save_minutes: Annotated[float, Field(gt=0)] = 5.0  # whichever comes first
    keep: Annotated[int, Field(ge=1)] = 2  # last checkpoints
    plateau: Annotated[int, Field(ge=1)] = 20_000  # iterations without a gain that are worth a word
    loss: LossWeights = LossWeights()
    stages: Annotated[tuple[Stage, ...], Field(min_length=1)] = STAGES

    @property
    def endless(self) -> bool:
        """Whether nothing says when to end."""
        return self.iterations is None and self.hours is None and self.minutes is None

    def done(self, iteration: int, seconds: float) -> float:
        """How much of the run is over: 0 at its start, 1 or more at its end."""
        ends = (self.iterations, self.hours and self.hours * 3600, self.minutes and self.minutes * 60)
        return max(spent / end for spent, end in zip((iteration, seconds, seconds), ends, strict=True) if end)


class Plan(Settings):
    """A whole run as the user asks for it: the settings, and what to train on what."""

    a: Path | None = None
    b: Path | None = None
    c: tuple[Path, ...] = ()  # the third and further sides
    fit: Path | None = None  # faces of the target clip
    pairs: Path | None = None
    book: Path | None = Field(None, alias="import")  # a run of the book's code
    arch: str = "lite"
    size: int | None = None
    skips: Annotated[int, Field(ge=0, le=3)] = 0
    template: str = "whole-face"
    base: Literal["auto", "none"] = "auto"  # weights to begin with: what is shipped, where it fits, or fresh ones
    partners: Partners = "drawn"  # targets of pseudo-pairs: drawn by the mesh, or the nearest true frames alone
    flip: str = "all"  # sides whose faces may be mirrored: all, none, or letters as in "ab"


def validate(values: Mapping[str, object], where: str) -> Plan:
    """The plan of those ``values``. Raises ``UsageError`` with the first that does not fit, and ``where`` it stands."""
    try:
        return Plan.model_validate(values)
    except ValidationError as error:
        raise UsageError(f"{where}: {first_problem(error)}") from error


def read_toml(path: Path) -> dict[str, object]:
    """What stands in a TOML file. Raises ``InputError`` where it cannot be read, or is none."""
    try:
        return tomllib.loads(read_regular(path).decode("utf-8"))
    except (OSError, UnicodeError) as error:
        raise InputError(f"{path}: cannot be read: {reason(error)}") from error
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path}: not TOML: {error}") from error


def to_toml(settings: Settings) -> str:
    """The settings as TOML, for ``read_toml`` and ``validate``; None is left out."""
    values = settings.model_dump(mode="json", exclude_none=True, by_alias=True)
    lines = [f"{key} = {json.dumps(value)}" for key, value in values.items() if key not in ("loss", "stages")]
    lines += ["", "[loss]", *(f"{key} = {json.dumps(value)}" for key, value in values["loss"].items())]
    for stage in values["stages"]:
        lines += ["", "[[stages]]", *(f"{key} = {json.dumps(value)}" for key, value in stage.items())]
    return "\n".join(lines) + "\n"
