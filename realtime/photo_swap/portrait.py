"""A photograph read from disk: the face that is meant, its mesh, its texture, and what is wrong with it."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from realtime.finder.still_face import face_in
from realtime.media.picture import decode_picture, read_bytes
from realtime.mesh.expression import NEUTRAL
from realtime.mesh.outline import AROUND
from realtime.mesh.pose import pose_of
from realtime.photo_swap.gate import SMALLEST, inspect
from realtime.photo_swap.shape import identity_of
from realtime.photo_swap.texture import View, view_of
from realtime.runtime.arrays import Bytes, Floats

__all__ = ["Portrait", "read_portrait"]

#: The face's outline is brought to at most so many pixels: the texture holds no more.
LARGE: Final = 800
#: Room around the outline that is kept, as a share of it.
ROOM: Final = 0.35


@dataclass(frozen=True, slots=True, eq=False)
class Portrait:
    """One photographed face.

    ``picture`` is uint8 (H, W, 3) RGB around it, ``mesh`` float32 (468, 3) in its pixels, ``identity`` the shape at
    rest, float32 (468, 3) in face axes, ``turn`` its yaw and pitch in degrees, ``warnings`` what is wrong.
    """

    path: Path
    sha256: str
    picture: Bytes
    mesh: Floats
    identity: Floats
    view: View
    turn: tuple[float, float]
    warnings: tuple[str, ...]


def read_portrait(path: Path, which: str | None = None, device: str = "auto") -> Portrait:
    """Read the photograph at ``path``; ``which`` chooses among several faces: ``left``, ``right`` or a number.

    Raises ``InputError`` where it is no picture, shows no face, several and nobody says which, or one that cannot be
    used, and ``UsageError`` for a face that is not there.
    """
    data = read_bytes(path)
    picture = decode_picture(path, data)
    face = face_in(path, picture, which, device)
    assert face.mesh is not None  # noqa: S101  # asked for
    around, mesh = _cut_out(picture, face.mesh)
    warnings = inspect(path, around, mesh, face.mesh)
    pose = pose_of(mesh, NEUTRAL)
    digest = hashlib.sha256(data).hexdigest()
    view = view_of(around, mesh)
    if view.glasses:
        warnings += ("glasses: their rims are painted out as well as it goes; take one without",)
    return Portrait(path, digest, around, mesh, identity_of(mesh), view, (pose.yaw, pose.pitch), warnings)


def _cut_out(picture: Bytes, mesh: Floats) -> tuple[Bytes, Floats]:
    """The picture around the face, no larger than the texture can hold, and the mesh in its pixels."""
    outline = mesh[AROUND, :2]
    low, high = outline.min(axis=0), outline.max(axis=0)
    extent = float((high - low).max())
    height, width = picture.shape[:2]
    x0, y0 = np.clip(np.floor(low - ROOM * extent), 0, None).astype(int).tolist()
    x1, y1 = np.minimum(np.ceil(high + ROOM * extent), (width, height)).astype(int).tolist()
    if x1 <= x0 or y1 <= y0 or extent < SMALLEST / 4:
        return picture, mesh
    part = np.ascontiguousarray(picture[y0:y1, x0:x1])
    moved = mesh - np.array((x0, y0, 0), np.float32)
    scale = min(1.0, LARGE / extent)
    if scale < 1:
        part = np.asarray(cv2.resize(part, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
        moved = (moved + (0.5, 0.5, 0)) * scale - (0.5, 0.5, 0)
    return part, moved.astype(np.float32)
