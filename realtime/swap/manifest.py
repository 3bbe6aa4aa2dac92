"""The manifest: what a model file says about itself, JSON under one key of the ONNX metadata."""

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from realtime.runtime.errors import ModelError
from realtime.settings import first_problem
from realtime.swap.consent import Identity

__all__ = ["KEY", "Manifest", "Tensors", "Training", "parse_manifest"]

#: The key of ``metadata_props``.
KEY: Final = "mummer.manifest"

Text = Annotated[str, Field(min_length=1, max_length=2000)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Tensors(_Part):
    """The graph's names, and how their values are laid out; ``identity`` is the input that chooses a face."""

    input: Text = "face"
    swapped: Text = "swapped"
    mask: Text | None = "mask"
    identity: Text | None = None
    layout: Literal["NHWC", "NCHW"] = "NHWC"
    color_order: Literal["RGB", "BGR"] = "RGB"
    dtype: Literal["uint8", "float32"] = "uint8"
    value_range: tuple[int, int] = (0, 255)


class Training(_Part):
    """What the weights were made from; ``counts`` is pictures for each side, ``sources`` sha256 by name."""

    counts: tuple[int, ...]
    iterations: Annotated[int, Field(ge=0)]
    sources: dict[str, Sha256] = {}
    code_version: Text


class Manifest(_Part):
    """See the module's text. ``size`` is the crop's side in pixels, ``color`` the colour mode that suits.

    ``training`` and ``weights_sha256`` are None where nobody knows, as for models of other programs.
    """

    format: Literal[1] = 1
    architecture: dict[str, int | float | bool | str | tuple[int, ...]]
    size: Annotated[int, Field(ge=16, le=2048)]
    template: Text
    tensors: Tensors = Tensors()
    masks: tuple[Text, ...] = ("mask",)
    identities: Annotated[tuple[Identity, ...], Field(min_length=1)]
    licence: Text
    training: Training | None
    weights_sha256: Sha256 | None
    color: Text = "none"
    precision: Literal["float32", "float16", "int8"] = "float32"

    @field_validator("identities")
    @classmethod
    def _distinct(cls, identities: tuple[Identity, ...]) -> tuple[Identity, ...]:
        if len({identity.id for identity in identities}) < len(identities):
            raise ValueError("two of them have the same id")
        return identities


def parse_manifest(text: str, name: str) -> Manifest:
    """Parse and check the JSON ``text`` of the file ``name``. Raises ``ModelError`` for what does not fit."""
    try:
        return Manifest.model_validate_json(text)
    except ValidationError as error:
        raise ModelError(f"{name}: its manifest does not fit: {first_problem(error)}") from error
