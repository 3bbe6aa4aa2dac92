"""Models that draw: a picture is laid over the face through its dense mesh, and no network runs.

Such a model takes one face at a time, in a crop that is as large as the face is in the frame, so that nothing gets
softer on its way; what it knows of a face from earlier frames it keeps by the face's track.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np

from realtime.align import TEMPLATES, Template
from realtime.finder.face import Face
from realtime.inference.onnx_reader import Port
from realtime.media.affine import apply, scale_of
from realtime.mesh.expression import NEUTRAL
from realtime.mesh.outline import AROUND
from realtime.runtime.arrays import Bytes, Floats, Matrix
from realtime.runtime.errors import ModelError, UsageError
from realtime.settings import ModelOptions
from realtime.swap.consent import Identity, check_consent
from realtime.swap.face_crop import FaceCrop
from realtime.swap.manifest import Manifest
from realtime.swap.model import check_crops

__all__ = ["DrawnModel", "into_crop", "mesh_of", "placed"]

#: Side of the crop in extents of the face's outline: room for what moves around it, where a model does not say less.
ROOM: Final = 1.5
#: The crop's side in pixels, at least and at most: one of the frame's each, where the face is neither tiny nor huge.
SIDES: Final = (128, 768)
#: The side grows in steps of so many pixels, so that few sizes occur.
STEP: Final = 16
#: A track of nobody, for trying a model.
NOBODY: Final = -1


class DrawnModel(ABC):
    """The part of a model that draws which does not depend on what it draws; see ``SwapModel``.

    ``size`` is the side of the crop where nobody says how large the face is, ``room`` that side in extents of the face.
    """

    #: What the face is made of, as a claim says it.
    made_of: str = "a picture"
    #: What is wrong with the picture, for whoever chose it; empty where it was looked at before.
    warnings: tuple[str, ...] = ()
    room: float = ROOM
    inputs: tuple[Port, ...] = ()
    outputs: tuple[Port, ...] = ()

    def __init__(self, path: Path, sha256: str, manifest: Manifest, options: ModelOptions) -> None:
        """Check that ``manifest`` may be used, and apply what the user chose.

        Raises ``ConsentError`` where the consent of anyone in it is missing or expired, ``ModelError`` where the
        template is unknown, ``UsageError`` where the options ask for what is not there.
        """
        self.path, self.name, self.sha256 = path, path.stem, sha256
        for each in manifest.identities:
            check_consent(each, str(path))
        if manifest.template not in TEMPLATES:
            raise ModelError(f"{path}: aligned by the template {manifest.template!r}, which this version does not know")
        self.manifest = manifest
        self.size = manifest.size
        self.template: Template = TEMPLATES[manifest.template]
        self._identity = manifest.identities[0].id
        self._morph = 1.0
        if options.identity is not None:
            self.identity = options.identity
        if options.morph is not None:
            self.morph = options.morph

    @property
    def identities(self) -> tuple[Identity, ...]:
        """Whom the picture shows."""
        return self.manifest.identities

    @property
    def shown(self) -> tuple[Identity, ...]:
        """The same: a picture has one face."""
        return self.identities

    @property
    def identity(self) -> str:
        """The id of the first of them."""
        return self._identity

    @identity.setter
    def identity(self, wanted: str) -> None:
        if wanted != self._identity:
            raise UsageError(f"{self.path}: --identity {wanted}: the face in it is {self._identity}")

    @property
    def morph(self) -> float | None:
        """How much of the picture is shown, 0..1: at 0 the performer's own face stays."""
        return self._morph

    @morph.setter
    def morph(self, share: float | None) -> None:
        self._morph = 1.0 if share is None else share

    @abstractmethod
    def draw(self, crop: FaceCrop) -> tuple[Bytes, Bytes]:
        """Draw over one face; the crop has a mesh.

        Returns the picture, uint8 (S, S, 3) RGB, and its alpha, uint8 (S, S), 255 where it covers the frame. Both are
        as they go into the frame: light, colour and edge are the model's own work.
        """

    @abstractmethod
    def bookmark(self, track: int) -> Callable[[], None]:
        """What makes the model forget all that it learns from now on of the face of ``track``."""

    @abstractmethod
    def forget(self) -> None:
        """Begin anew: what is known of faces from earlier frames is no longer true, but for copies of this model."""

    def frame_to_crop(self, face: Face) -> tuple[Matrix, int]:
        """The crop of a face, float64 (2, 3), and its side S: upright, pixel on pixel where its size allows.

        Raises ``ModelError`` where the finder gave no mesh.
        """
        outline = mesh_of(face)[AROUND, :2]
        low, high = outline.min(axis=0), outline.max(axis=0)
        wanted = float((high - low).max()) * self.room
        size = int(np.clip(np.ceil(wanted / STEP) * STEP, *SIDES))
        scale = 1.0 if SIDES[0] <= wanted <= SIDES[1] else size / max(wanted, 1.0)
        corner = (low + high) / 2 - (size - 1) / 2 / scale
        if scale == 1:
            corner = np.rint(corner)
        return np.array([[scale, 0, -scale * corner[0]], [0, scale, -scale * corner[1]]], np.float64), size

    def swap(self, crops: Bytes) -> tuple[Bytes, Bytes]:
        """See ``SwapModel``: without a mesh, the mean face as the template places it. For trying a model."""
        check_crops(crops, self.size)
        mesh = placed(NEUTRAL, self.size)
        matrix = np.eye(2, 3)
        drawn = [self.draw(FaceCrop(crop, matrix, NOBODY, mesh)) for crop in crops]
        self.forget()
        pictures = np.stack([picture for picture, _ in drawn]) if drawn else crops
        return pictures, np.stack([alpha for _, alpha in drawn]) if drawn else crops[..., 0]


def mesh_of(face: Face) -> Floats:
    """The dense mesh of ``face``, float32 (468, 3) in frame pixels. Raises ``ModelError`` where there is none."""
    if face.mesh is None:
        raise ModelError("the face finder gives no dense mesh, which a drawn face needs; use the built-in detector")
    return face.mesh


def placed(shape: Floats, size: int) -> Floats:
    """A shape in face axes, float32 (468, 3), frontal in the middle of a crop of ``size`` pixels with ``ROOM``."""
    outline = shape[AROUND, :2]
    low, high = outline.min(axis=0), outline.max(axis=0)
    scale = size / (float((high - low).max()) * ROOM)
    middle = np.append((low + high) / 2, 0)
    return np.asarray((shape - middle) * scale + ((size - 1) / 2, (size - 1) / 2, 0), np.float32)


def into_crop(mesh: Floats, frame_to_crop: Matrix) -> Floats:
    """A mesh of the frame in pixels of the crop, float32 (468, 3) both."""
    return np.column_stack([apply(frame_to_crop, mesh[:, :2]), mesh[:, 2] * scale_of(frame_to_crop)]).astype(np.float32)
