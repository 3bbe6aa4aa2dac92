"""A photograph read from disk: the face that is meant, its mesh, its texture, and what is wrong with it."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from realtime.finder import BuiltinFinder
from realtime.finder.face import Face
from realtime.media.frame import Frame
from realtime.media.picture import decode_picture, read_bytes
from realtime.mesh.expression import NEUTRAL
from realtime.mesh.outline import AROUND
from realtime.mesh.pose import pose_of
from realtime.photo_swap.gate import SMALLEST, inspect
from realtime.photo_swap.shape import identity_of
from realtime.photo_swap.texture import View, view_of
from realtime.runtime.arrays import Bytes, Floats
from realtime.runtime.errors import InputError, UsageError

__all__ = ["Portrait", "read_portrait"]

#: Looks at a still picture: the mesh settles.
LOOKS: Final = 4
#: The face's outline is brought to at most so many pixels: the texture holds no more.
LARGE: Final = 800
#: Room around the outline that is kept, as a share of it.
ROOM: Final = 0.35


@dataclass(frozen=True, slots=True, eq=False)
class Portrait:
    """One photographed face.

    ``picture`` is uint8 (H, W, 3) RGB around it, ``mesh`` float32 (468, 3) in its pixels, ``identity`` the shape at
    rest, float32 (468, 3) in face axes, ``turned`` by how many degrees it looks away, ``warnings`` what is wrong.
    """

    path: Path
    sha256: str
    picture: Bytes
    mesh: Floats
    identity: Floats
    view: View
    turned: float
    warnings: tuple[str, ...]


def read_portrait(path: Path, which: str | None = None, device: str = "auto") -> Portrait:
    """Read the photograph at ``path``; ``which`` chooses among several faces: ``left``, ``right`` or a number.

    Raises ``InputError`` where it is no picture, shows no face, several and nobody says which, or one that cannot be
    used, and ``UsageError`` for a face that is not there.
    """
    data = read_bytes(path)
    picture = decode_picture(path, data)
    face = _chosen(path, _faces(picture, device), which)
    assert face.mesh is not None  # noqa: S101  # asked for
    around, mesh = _cut_out(picture, face.mesh)
    warnings = inspect(path, around, mesh, face.mesh)
    pose = pose_of(mesh, NEUTRAL)
    turned = float(np.hypot(pose.yaw, pose.pitch))
    digest = hashlib.sha256(data).hexdigest()
    view = view_of(around, mesh)
    if view.glasses:
        warnings += ("glasses: their rims are painted out as well as it goes; take one without",)
    return Portrait(path, digest, around, mesh, identity_of(mesh), view, turned, warnings)


def _faces(picture: Bytes, device: str) -> list[Face]:
    """The faces of a still picture, from left to right, each with its mesh."""
    finder = BuiltinFinder(device, interval=1, mesh=True)
    frame = Frame.from_rgb(picture)
    faces: tuple[Face, ...] = ()
    for _ in range(LOOKS):
        faces = finder.find(frame)
        if not faces:
            break
    return sorted(faces, key=lambda face: float(face.landmarks[:, 0].mean()))


def _chosen(path: Path, faces: list[Face], which: str | None) -> Face:
    if not faces:
        raise InputError(f"{path}: no face found in this photograph; take one that looks into the camera")
    places = {"left": 0, "right": len(faces) - 1, **{str(number + 1): number for number in range(len(faces))}}
    if which is not None:
        if which.lower() not in places:
            raise UsageError(f"{path}: --face {which}: say left, right, or a number from 1 to {len(faces)}")
        return faces[places[which.lower()]]
    # Somebody far behind is not meant.
    sizes = [face.eye_distance for face in faces]
    near = [face for face, size in zip(faces, sizes, strict=True) if size > max(sizes) / 3]
    if len(near) > 1:
        raise InputError(f"{path}: {len(near)} faces in this photograph; say which with --face left|right|N")
    return near[0]


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
