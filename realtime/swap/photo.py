"""The face of a photograph as a model: a texture and a shape, no network. See ``docs/one-picture.md``."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final, Literal

import cv2
import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from realtime.composite.tracked import Tracks
from realtime.media.picture import decode_picture
from realtime.mesh.canonical import VERTICES
from realtime.mesh.expression import NEUTRAL
from realtime.mesh.pose import pose_of
from realtime.photo_swap.blend import Blend
from realtime.photo_swap.draw import Performer, PhotoFace, draw
from realtime.photo_swap.portrait import Portrait, read_portrait
from realtime.photo_swap.shape import OUTLINE
from realtime.photo_swap.texture import MOST_TEXTURES, SIDE, make_textures
from realtime.runtime.arrays import Bytes, Floats
from realtime.runtime.errors import InputError, ModelError, UsageError
from realtime.settings import ModelOptions, first_problem
from realtime.swap.consent import Identity, read_identity
from realtime.swap.drawing import PHOTO, Drawing, pack_drawing, read_drawing
from realtime.swap.drawn import DrawnModel
from realtime.swap.face_crop import FaceCrop
from realtime.swap.manifest import Manifest, Tensors

__all__ = ["PhotoModel", "open_photos", "pack_photos", "shape_of"]

#: The members beside the manifest.
TEXTURE: Final = "texture.png"
FACE: Final = "face.json"
#: Where nobody says how large the face is.
USUAL_SIZE: Final = 256

Angle = Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
Coordinate = Annotated[float, Field(ge=-100, le=100, allow_inf_nan=False)]


class _Face(BaseModel):
    """The member ``face.json``: the shape at rest in face axes, about centimetres, and which photographs it is from.

    ``turns`` are yaw and pitch, in degrees, of those that have a texture of their own, where there are several.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    shape: Annotated[
        tuple[tuple[Coordinate, Coordinate, Coordinate], ...], Field(min_length=VERTICES, max_length=VERTICES)
    ]
    photographs_sha256: Annotated[tuple[str, ...], Field(min_length=1, max_length=64)]
    turns: Annotated[tuple[tuple[Angle, Angle], ...], Field(max_length=MOST_TEXTURES)] = ()


class PhotoModel(DrawnModel):
    """The face of one photograph, or of several of the same person."""

    def __init__(self, drawing: Drawing, sha256: str, options: ModelOptions) -> None:
        """Raises what ``DrawnModel`` raises, and ``ModelError`` where the file's parts are not what they should be."""
        super().__init__(drawing.path, sha256, drawing.manifest, options)
        try:
            face = _Face.model_validate_json(drawing.part(FACE))
        except ValidationError as error:
            raise ModelError(f"{drawing.path}: its {FACE} does not fit: {first_problem(error)}") from error
        shape = np.asarray(face.shape, np.float32)
        names = [_texture_name(number) for number in range(max(len(face.turns), 1))]
        self._photos = [PhotoFace.of(shape, decode_part(drawing, name, SIDE)) for name in names]
        self._turns = np.asarray(face.turns, np.float32)
        count = len(face.photographs_sha256)
        self.made_of = "one picture" if count == 1 else f"{count} pictures"
        self._outline = OUTLINE if options.shape is None else options.shape
        self.forget()

    def draw(self, crop: FaceCrop) -> tuple[Bytes, Bytes]:
        """See ``DrawnModel``."""
        assert crop.mesh is not None  # noqa: S101  # the contract of models that draw
        performer = self._performers[crop.track]
        photo = self._photos[0]
        if len(self._photos) > 1:
            photo = self._blends[crop.track].face(self._photos, self._turns, pose_of(crop.mesh, NEUTRAL))
        return draw(crop.rgb, crop.mesh, photo, performer, self._outline, self._morph)

    def bookmark(self, track: int) -> Callable[[], None]:
        """See ``DrawnModel``."""
        marks = [self._performers.bookmark(track), self._blends.bookmark(track)]

        def back() -> None:
            for mark in marks:
                mark()

        return back

    def forget(self) -> None:
        """See ``DrawnModel``."""
        self._performers = Tracks[Performer](Performer)
        self._blends = Tracks[Blend](Blend)


def open_photos(options: ModelOptions, device: str = "auto") -> PhotoModel:
    """The model of the photographs that ``options`` name, with the consent record named there.

    Raises ``UsageError`` without a consent record, ``ConsentError``, and ``InputError`` for photographs that show no
    face, or none that can be used.
    """
    if options.consent is None:
        raise UsageError(
            f"--photo {options.photo[0]}: whose face is it, and who agreed? give --consent IDENTITY.json of the"
            " photographed person; `mummer consent new` makes one"
        )
    if options.embedder is not None:
        raise UsageError("--embedder is for one-image networks; name one with --model, or leave it out")
    person = read_identity(options.consent)
    portraits = [read_portrait(path, options.face, device) for path in options.photo]
    data = pack_photos(portraits, person)
    drawing = read_drawing(options.photo[0], data)
    model = PhotoModel(drawing, hashlib.sha256(data).hexdigest(), options)
    model.warnings = tuple(f"{each.path.name}: {words}" for each in portraits for words in each.warnings)
    return model


def pack_photos(portraits: list[Portrait], person: Identity) -> bytes:
    """The file of a model that puts in the face of ``portraits``, all of the same ``person``."""
    textures = make_textures([portrait.view for portrait in portraits])
    pictures = {_texture_name(number): _png(texture) for number, texture in enumerate(textures)}
    shape = shape_of(portraits)
    manifest = Manifest(
        architecture={"name": PHOTO, "photographs": len(portraits)},
        size=USUAL_SIZE,
        template="whole-face",
        tensors=Tensors(),
        identities=(person,),
        licence="a photograph; see the consent record",
        training=None,
        weights_sha256=hashlib.sha256(b"".join(pictures.values())).hexdigest(),
    )
    face: dict[str, object] = {
        "format": 1,
        "shape": np.round(shape.astype(float), 4).tolist(),
        "photographs_sha256": [portrait.sha256 for portrait in portraits],
    }
    if len(textures) > 1:
        face["turns"] = [np.round(each.turn, 2).tolist() for each in portraits[: len(textures)]]
    return pack_drawing(manifest, {**pictures, FACE: json.dumps(face).encode()})


def shape_of(portraits: list[Portrait]) -> Floats:
    """The shape that is drawn, float32 (468, 3) in face axes: the most frontal photograph shows it best."""
    return min(portraits, key=lambda portrait: float(np.hypot(*portrait.turn))).identity


def _png(texture: Bytes) -> bytes:
    done, png = cv2.imencode(".png", cv2.cvtColor(texture, cv2.COLOR_RGB2BGR))
    assert done  # noqa: S101  # memory to memory
    return png.tobytes()


def _texture_name(number: int) -> str:
    """The member with the texture of photograph ``number``, from 0."""
    return TEXTURE if number == 0 else f"texture-{number + 1}.png"


def decode_part(drawing: Drawing, name: str, side: int) -> Bytes:
    """The picture in the member ``name``, uint8 (side, side, 3) RGB. Raises ``ModelError`` for any other."""
    try:
        picture = decode_picture(Path(f"{drawing.path}: {name}"), drawing.part(name), side * side)
    except InputError as error:
        raise ModelError(str(error)) from error
    if picture.shape != (side, side, 3):
        raise ModelError(f"{drawing.path}: its {name} is {picture.shape[1]}x{picture.shape[0]}, not {side}x{side}")
    return picture
