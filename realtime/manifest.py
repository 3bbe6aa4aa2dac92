"""The manifest: what a model file says about itself, JSON under one key of the ONNX metadata."""

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from realtime.errors import ModelError

__all__ = ["KEY", "Consent", "Identity", "Kind", "Manifest", "Tensors", "Training", "parse_manifest"]

#: The key of ``metadata_props``.
KEY: Final = "mummer.manifest"

Kind = Literal["synthetic", "self", "consented", "licensed", "public-domain"]
Text = Annotated[str, Field(min_length=1, max_length=2000)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Consent(_Part):
    """Who agreed to the use of a face, when, and to what."""

    by: Text
    date: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]
    statement: Text


class Identity(_Part):
    """A face that the model can put in. A real person's needs a consent record, or a licence to point to."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
    name: Text
    kind: Kind
    consent: Consent | None = None

    @model_validator(mode="after")
    def _consent_where_needed(self) -> "Identity":
        if self.kind in ("self", "consented") and self.consent is None:
            raise ValueError(f"an identity of kind {self.kind} needs a consent record")
        return self


class Tensors(_Part):
    """The graph's names, and how their values are laid out."""

    input: Text = "face"
    swapped: Text = "swapped"
    mask: Text = "mask"
    layout: Literal["NHWC"] = "NHWC"
    color_order: Literal["RGB"] = "RGB"
    dtype: Literal["uint8"] = "uint8"
    value_range: tuple[int, int] = (0, 255)


class Training(_Part):
    """What the weights were made from; ``counts`` is pictures for each side, ``sources`` sha256 by name."""

    counts: tuple[int, ...]
    iterations: Annotated[int, Field(ge=0)]
    sources: dict[str, Sha256] = {}
    code_version: Text


class Manifest(_Part):
    """See the module's text. ``size`` is the crop's side in pixels, ``color`` the colour mode that suits."""

    format: Literal[1] = 1
    architecture: dict[str, int | float | bool | str | tuple[int, ...]]
    size: Annotated[int, Field(ge=16, le=2048)]
    template: Text
    tensors: Tensors = Tensors()
    masks: tuple[Text, ...] = ("mask",)
    identities: Annotated[tuple[Identity, ...], Field(min_length=1)]
    licence: Text
    training: Training
    weights_sha256: Sha256
    color: Text = "none"


def parse_manifest(text: str, name: str) -> Manifest:
    """Parse and check the JSON ``text`` of the file ``name``. Raises ``ModelError`` for what does not fit."""
    try:
        return Manifest.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(step) for step in first["loc"]) or "the whole"
        raise ModelError(f"{name}: its manifest does not fit: {where}: {first['msg']}") from error
