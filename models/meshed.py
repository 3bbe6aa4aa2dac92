"""The dense mesh of a side's faces, read once off their pictures, and what it says of them."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from models.faceset.gaze import gaze
from models.faceset.measure import measure
from models.faceset.reading import AlignedFaces
from realtime.align import fit_similarity
from realtime.finder.landmarker import Landmarker
from realtime.media.affine import apply, scale_of
from realtime.media.frame import Frame
from realtime.media.picture import read_picture
from realtime.mesh.expression import NEUTRAL, expression_of
from realtime.mesh.pose import pose_of
from realtime.mesh.vertices import INNER_LIPS, MIRRORED, OUTER_EYE_CORNERS, OUTER_LIPS
from realtime.photo_swap.shape import identity_of
from realtime.puppet.motion import lid_openings
from realtime.runtime.arrays import Bytes, Floats, Points

__all__ = ["MeshedFaces", "mask_of", "meshed", "picture_of"]

#: Pictures are looked at in at most so many pixels a side: the finder and the texture see no more.
LARGEST: Final = 768
#: The middle of the upper and of the lower lip's inner edge.
LIPS: Final = (13, 14)


_MOUTH: Final = np.array([*INNER_LIPS, *OUTER_LIPS])
#: From a pixel's centre to its corner; depth stays.
_CORNER: Final = np.array((0.5, 0.5, 0), np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class MeshedFaces:
    """Some faces of a side: ``index`` int64 (N,) says which.

    ``meshes`` is float32 (N, 468, 3) in shares of the crop's side, 0..1 from edge to edge, ``shapes`` the person at
    rest as each shows it, float32 (N, 468, 3) in face axes. ``turns`` float32 (N, 2) are yaw and pitch in degrees,
    ``gaps`` float32 (N,) how far mouths are open, in distances of the outer eye corners, ``strains`` float32 (N,) how
    far a face is from rest, in units of the face axes: its expression, and lips pulled to a side. ``lids`` float32
    (N,) are how far eyes are open, in shares of their widths, ``gazes`` float32 (N, 2) as ``models.faceset.gaze`` has
    them. ``sharpness``, ``eyes`` and ``side_light``, float32 (N,), are those of ``models.faceset.measure``.
    """

    index: NDArray[np.int64]
    meshes: Floats
    shapes: Floats
    turns: Floats
    gaps: Floats
    strains: Floats
    lids: Floats
    gazes: Floats
    sharpness: Floats
    eyes: Floats
    side_light: Floats

    def pixels(self, row: int, size: int) -> Floats:
        """One mesh in the pixels of a crop of ``size``: float32 (468, 3)."""
        return np.asarray(self.meshes[row] * np.float32(size) - _CORNER, np.float32)


def meshed(faces: AlignedFaces, index: NDArray[np.int64]) -> MeshedFaces:
    """The meshes of ``faces`` at ``index``, int64 (N,), which have landmarks. Raises ``InputError`` for a lost file."""
    assert faces.landmarks is not None  # noqa: S101  # asked for
    landmarker = Landmarker("cpu", mesh=True)
    meshes, shapes, turns, gazes, rest = [], [], [], [], []
    for number in index.tolist():
        picture = picture_of(faces, number)
        landmarks = (faces.landmarks[number] + np.float32(0.5)) * np.float32(len(picture) / faces.faces.shape[1])
        mesh = _seen(landmarker, picture, (landmarks - np.float32(0.5)).astype(np.float32))
        pose = pose_of(mesh, NEUTRAL)
        taken = measure(picture, mask_of(faces, number, len(picture)), landmarks)
        apart = np.linalg.norm(np.subtract(*mesh[list(OUTER_EYE_CORNERS)]))
        gap = np.linalg.norm(np.subtract(*mesh[list(LIPS)])) / max(float(apart), 1e-3)
        meshes.append((mesh + _CORNER) / len(picture))
        shapes.append(identity_of(mesh))
        turns.append((pose.yaw, pose.pitch))
        gazes.append(gaze(picture, landmarks))
        strain, lids = _strain(pose.undo(mesh)), float(lid_openings(mesh).mean())
        rest.append((gap, strain, lids, taken.sharpness, taken.eyes, abs(taken.light[0])))
    gaps, strains, lids, sharpness, eyes, light = np.array(rest, np.float32).T
    return MeshedFaces(
        index,
        np.array(meshes, np.float32),
        np.array(shapes, np.float32),
        np.array(turns, np.float32),
        gaps,
        strains,
        lids,
        np.array(gazes, np.float32),
        sharpness,
        eyes,
        light,
    )


def picture_of(faces: AlignedFaces, number: int) -> Bytes:
    """One face as its file has it, or at the size at hand where there is no file: uint8 (S, S, 3) RGB."""
    if not faces.paths:
        shown: Bytes = faces.faces[number]
        return shown
    picture = read_picture(faces.paths[number])
    if len(picture) > LARGEST:
        picture = np.asarray(cv2.resize(picture, (LARGEST, LARGEST), interpolation=cv2.INTER_AREA), np.uint8)
    return picture


def mask_of(faces: AlignedFaces, number: int, size: int) -> Bytes:
    """One face's mask, uint8 (size, size)."""
    return np.asarray(cv2.resize(faces.masks[number], (size, size), interpolation=cv2.INTER_LINEAR), np.uint8)


def _seen(landmarker: Landmarker, picture: Bytes, landmarks: Points) -> Floats:
    """The mesh, float32 (468, 3) in pixels of the ``picture``, brought to where its ``landmarks`` are known to be."""
    seen = landmarker.follow(Frame.from_rgb(picture), landmarks)
    assert seen.mesh is not None  # noqa: S101  # asked for
    to_known = fit_similarity(seen.landmarks, landmarks)
    depth = seen.mesh[:, 2:] * np.float32(scale_of(to_known))
    return np.concatenate([apply(to_known, seen.mesh[:, :2]), depth], axis=1).astype(np.float32)


def _strain(shape: Floats) -> float:
    """How far a shape, float32 (468, 3) in face axes, is from rest: see ``MeshedFaces``."""
    aside = (shape - shape[MIRRORED] * np.array((-1, 1, 1), np.float32))[_MOUTH, :2]
    return sum(float(np.sqrt((each**2).sum(axis=1).mean())) for each in (expression_of(shape), aside))
