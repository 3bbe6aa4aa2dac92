"""Masks as models: a material that code draws, or a picture that a user painted. See ``docs/masks.md``."""

import datetime
import hashlib
from collections.abc import Callable
from functools import cache, lru_cache, partial
from typing import Final

import cv2
import numpy as np

from realtime.composite.tracked import Tracks
from realtime.masks.light import FaceLight
from realtime.masks.material import Material
from realtime.masks.materials import MATERIALS
from realtime.masks.picture import LARGEST, painted
from realtime.masks.wear import wear
from realtime.runtime.arrays import Bytes
from realtime.runtime.errors import ModelError, UsageError
from realtime.settings import ModelOptions
from realtime.swap.consent import Consent, Identity, slug
from realtime.swap.drawing import MASK, Drawing, pack_drawing
from realtime.swap.drawn import DrawnModel
from realtime.swap.face_crop import FaceCrop
from realtime.swap.manifest import Manifest

__all__ = ["MaskModel", "pack_material", "pack_picture"]

#: What of the architecture in the manifest names the material, and the member with a picture.
MATERIAL: Final = "material"
PICTURE: Final = "mask.png"
#: Where nobody says how large the face is.
USUAL_SIZE: Final = 384


class MaskModel(DrawnModel):
    """A mask; the performer's own eyes and mouth show through its openings."""

    room = 1.16

    def __init__(self, drawing: Drawing, sha256: str, options: ModelOptions) -> None:
        """Raises what ``DrawnModel`` raises, and ``ModelError`` where there is no such mask."""
        super().__init__(drawing.path, sha256, drawing.manifest, options)
        if options.shape is not None:
            raise UsageError(f"{drawing.path}: --shape is for photographs, and this is a mask")
        self._drawn = _material(drawing)
        self.forget()

    @property
    def _material(self) -> Material:
        """Drawn when it is first needed: that takes about a second."""
        return self._drawn()

    def draw(self, crop: FaceCrop) -> tuple[Bytes, Bytes]:
        """See ``DrawnModel``."""
        assert crop.mesh is not None  # noqa: S101  # the contract of models that draw
        picture, alpha = wear(self._material, crop.rgb, crop.mesh, self._lights[crop.track])
        if self._morph < 1:
            alpha = np.asarray(cv2.convertScaleAbs(alpha, alpha=self._morph), np.uint8)
        return picture, alpha

    def bookmark(self, track: int) -> Callable[[], None]:
        """See ``DrawnModel``."""
        return self._lights.bookmark(track)

    def forget(self) -> None:
        """See ``DrawnModel``."""
        self._lights = Tracks[FaceLight](FaceLight)


def pack_material(name: str) -> bytes:
    """The file of a mask that comes with the program: its manifest says which, and code draws it."""
    identity = Identity(
        id=name,
        name=name.capitalize(),
        kind="synthetic",
        consent=Consent(
            by="The mummer project",
            date=datetime.date(2026, 11, 21),
            scope="any use that the licence allows",
            statement=f"A mask of {name}, drawn by code of this project. It depicts nobody.",
        ),
    )
    return pack_drawing(_manifest(identity, "MIT", {"name": MASK, MATERIAL: name}), {})


def pack_picture(mask: Bytes, name: str, licence: str | None = None) -> bytes:
    """The file of a mask that a user painted, uint8 (S, S, 4) RGB and opacity. It shows nobody, says who adds it."""
    identity = Identity(
        id=slug(name),
        name=name,
        kind="synthetic",
        consent=Consent(
            by="whoever added it",
            date=datetime.date.today(),
            scope="any use",
            statement="A painted mask. Whoever added it says that it shows no real person.",
        ),
    )
    done, png = cv2.imencode(".png", cv2.cvtColor(mask, cv2.COLOR_RGBA2BGRA))
    assert done  # noqa: S101  # memory to memory
    data = png.tobytes()
    digest = hashlib.sha256(data).hexdigest()
    made = _manifest(identity, licence or "not stated", {"name": MASK, "size": len(mask)}, digest)
    return pack_drawing(made, {PICTURE: data})


def _manifest(
    identity: Identity, licence: str, architecture: dict[str, int | str], sha256: str | None = None
) -> Manifest:
    return Manifest.model_validate(
        {
            "architecture": architecture,
            "size": USUAL_SIZE,
            "template": "whole-face",
            "identities": [identity],
            "licence": licence,
            "training": None,
            "weights_sha256": sha256,
        }
    )


@lru_cache(maxsize=4)
def _built_in(name: str) -> Material:
    """Who goes back and forth between a few waits once."""
    return MATERIALS[name]()


def _material(drawing: Drawing) -> Callable[[], Material]:
    """What draws the mask's material, or has drawn it. Raises ``ModelError`` where there is no such mask."""
    name = drawing.manifest.architecture.get(MATERIAL)
    if name is None:
        picture = _decoded(drawing)
        return cache(lambda: painted(picture))
    if name not in MATERIALS:
        raise ModelError(f"{drawing.path}: a mask of {name!r}; this version knows {', '.join(MATERIALS)}")
    return partial(_built_in, str(name))


def _decoded(drawing: Drawing) -> Bytes:
    """The picture in the file: uint8 (S, S, 4). Raises ``ModelError``."""
    data = drawing.part(PICTURE)
    where = f"{drawing.path}: its {PICTURE}"
    # The header says how large it will be before anything is decoded (ISO/IEC 15948, 11.2.1).
    width, height = (int.from_bytes(data[at : at + 4]) for at in (16, 20))
    if data[:8] != b"\x89PNG\r\n\x1a\n" or width != height or not 0 < width <= LARGEST:
        raise ModelError(f"{where} is no mask's picture; add it again")
    try:
        read = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        read = None
    if read is None or read.dtype != np.uint8 or read.shape != (width, width, 4):
        raise ModelError(f"{where} is damaged; add it again")
    return np.asarray(cv2.cvtColor(read, cv2.COLOR_BGRA2RGBA), np.uint8)
