"""How swapped faces look, and who looks for them: the choices that every job has, live or not."""

from os import PathLike
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from realtime.settings.casting import cast_of, entries_of, which_faces
from realtime.settings.option import Option

__all__ = ["LABEL", "LONGEST_LABEL", "MODEL", "Look", "ModelOptions"]

#: The model where none is named, and the label where nothing is said.
MODEL: Final = "bronze"
LABEL: Final = "SYNTHETIC FACES"

#: Characters of a label that can be read on every frame of some size.
LONGEST_LABEL: Final = 80


class ModelOptions(BaseModel):
    """What a user may choose about a model; None is what the model prefers.

    ``identity`` is the id of one of several faces in the file, ``morph`` (0..1) how much of the other face an AMP model
    shows, or how much of a photograph is. ``photo`` are pictures of the face to put in, and ``consent`` is the
    photographed person's identity file; without a model of its own a photograph is drawn, a one-image model also needs
    ``embedder``, the file of an ArcFace network. ``face`` says which face of a photograph is meant, and ``shape``
    (0..1) how far the outline of the performer's face goes to the photograph's.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    @field_validator("*", mode="before")
    @classmethod
    def _sound(cls, value: object) -> object:
        """No name of anything holds a NUL, and the system refuses it in ways of its own."""
        words = value if isinstance(value, list | tuple) else [value]
        if any("\0" in str(each) for each in words if isinstance(each, str | Path)):
            raise ValueError("holds a NUL character; leave it out")
        return value

    @field_validator("photo", mode="before")
    @classmethod
    def _several(cls, photo: object) -> object:
        """One is as good as a list of one."""
        if photo is None:
            return ()
        return (photo,) if isinstance(photo, str | PathLike) else photo

    identity: Annotated[str | None, Option("ID")] = Field(
        default=None, description="Which face to put in, of a model that has several."
    )
    morph: Annotated[float | None, Option("SHARE")] = Field(
        default=None, ge=0, le=1, description="How much of the other face an AMP model or a photograph shows."
    )
    photo: Annotated[tuple[Path, ...], Option("FILE")] = Field(
        default=(),
        max_length=16,
        description="A picture of the face to put in, drawn over the performer's; again for more of the same face.",
    )
    face: Annotated[str | None, Option("left|right|N")] = Field(
        default=None, description="Which face of the photograph, where it shows several."
    )
    shape: Annotated[float | None, Option("SHARE")] = Field(
        default=None, ge=0, le=1, description="How far the face's outline goes to the photograph's; 0.6 by default."
    )
    embedder: Annotated[Path | None, Option("FILE.onnx")] = Field(
        default=None, description="One-image models: the ArcFace network that reads it."
    )
    consent: Annotated[Path | None, Option("IDENTITY.json")] = Field(
        default=None, description="Whose face it is and who agreed: `mummer consent new`."
    )


class Look(ModelOptions):
    """How the swapped faces look, and who looks for them.

    ``color`` of None is what the model prefers, ``label`` of None (or ``off``) leaves the label out, ``sharpen`` is
    0..1: networks that learn by mean errors answer a little soft, and half of it gives back what they lose, without a
    halo. Names of modes are checked where the modes are. ``faces`` and the entries of ``map`` are as in
    ``realtime.settings.casting``; a map takes the place of ``model``, and faces that it has nothing for stay.
    """

    model: Annotated[str, Option("NAME|FILE")] = Field(default=MODEL, description="Swap model; see `mummer models`.")
    device: Annotated[str, Option("NAME")] = Field(default="auto", description="Where models run: auto, cpu, cuda, ...")
    detector: Annotated[str, Option("NAME")] = Field(
        default="builtin", description="Face finder: builtin, sfd, yunet, ..."
    )
    faces: Annotated[str, Option("all|largest|left|right|N")] = Field(
        default="all", description="Swap every face, or one of each frame; N counts from the left."
    )
    faces_min: Annotated[int | None, Option("PX")] = Field(
        default=None,
        ge=12,
        le=4096,
        description="Always look for heads as small as this many pixels; by default when something hints at them.",
    )
    map: Annotated[tuple[str, ...], Option("WHO=NAME")] = Field(
        default=(), max_length=32, description='Several models: "left=bob right=carol", track:3=bob, all=bob.'
    )
    blend: Annotated[str, Option("NAME")] = Field(
        default="normal", description="The mask's edge: normal, soft, tight, inner."
    )
    color: Annotated[str | None, Option("MODE")] = Field(
        default=None, description="Colour transfer: none, light, balance, mean; by default what suits the model."
    )
    sharpen: Annotated[float, Option("AMOUNT")] = Field(
        default=0.5, ge=0, le=1, description="Sharpen the new face, 0 to 1."
    )
    occlusion: Literal["on", "off"] = Field(
        default="off", description="Leave hands, microphones and other things in front of the face: on, off."
    )
    label: Annotated[str | None, Option("TEXT|off")] = Field(
        default=LABEL, description="Text in a corner that says what the video is, or off."
    )
    label_place: Annotated[str, Option("CORNER")] = Field(
        default="bottom-right", description="Its corner: top-left, top-right, bottom-left, bottom-right."
    )

    @field_validator("faces")
    @classmethod
    def _which(cls, faces: str) -> str:
        return which_faces(faces)

    @field_validator("map", mode="before")
    @classmethod
    def _entries(cls, given: object) -> object:
        return entries_of(given)

    @field_validator("map")
    @classmethod
    def _cast(cls, entries: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        """A map is whole in itself: what is said about one model, or about which faces, has no place beside it."""
        for name in ("model", "faces", *ModelOptions.model_fields) if entries else ():
            if info.data.get(name, cls.model_fields[name].default) != cls.model_fields[name].default:
                raise ValueError(f"says which face gets which model; leave out {name}, and give all=NAME for the rest")
        cast_of(entries)
        return entries

    @property
    def models(self) -> tuple[str, ...]:
        """The names or files of the models that it takes, each once."""
        return tuple(dict.fromkeys(cast_of(self.map).values())) or (self.model,)

    @field_validator("label")
    @classmethod
    def _readable(cls, label: str | None) -> str | None:
        if label is None or label.strip().lower() == "off":
            return None
        if len(label) > LONGEST_LABEL:
            raise ValueError(f"is {len(label):,} characters long; give at most {LONGEST_LABEL}")
        return label
