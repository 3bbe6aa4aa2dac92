"""The face that is meant in a still picture."""

from pathlib import Path
from typing import Final

from realtime.finder.builtin import BuiltinFinder
from realtime.finder.face import Face
from realtime.media.frame import Frame
from realtime.runtime.arrays import Bytes
from realtime.runtime.errors import InputError, UsageError

__all__ = ["face_in"]

#: Looks at a still picture: the mesh settles.
LOOKS: Final = 4


def face_in(path: Path, picture: Bytes, which: str | None = None, device: str = "auto") -> Face:
    """The face, with its mesh, of ``picture``, uint8 (H, W, 3) RGB, read from ``path``.

    ``which`` chooses among several: ``left``, ``right`` or a number, from left to right. Raises ``InputError`` where
    there is no face, or several and nobody says which, and ``UsageError`` for one that is not there.
    """
    return _chosen(path, _faces(picture, device), which)


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
