"""Renderings: to each face of one side the face of another as the mesh draws it there.

With the same pose, mouth, lids, gaze and light, which a frame of the other side hardly ever has all at once: the photo
swap of ``realtime.photo_swap``, with the frames in which that side is seen best as its photographs.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from models.eyes import Doing, Eyes
from models.faceset.reading import MASK_SIDE, AlignedFaces
from models.meshed import MeshedFaces
from models.sitter import Sitter
from realtime.mesh.pose import Pose
from realtime.mesh.vertices import BROWS, EYES, OUTER_LIPS
from realtime.photo_swap.draw import Performer, draw_as
from realtime.runtime.arrays import Bytes, Floats

__all__ = ["Renderings", "render"]

#: Crops are drawn at this many pixels a side, or more, and shrunk: finer than the sheet on which triangles lie.
DRAWN: Final = 256
#: Faces that are drawn and thrown away first, from all over the side: by then its shape at rest, its lids and its skin
#: are known.
FIRST: Final = 40
#: Degrees of yaw or pitch beyond which nothing is drawn.
FARTHEST: Final = 50.0
#: What the other side's face does not cover counts by this share.
UNCOVERED: Final = 0.3
#: The points whose hull is the face's middle: all of it is meant, the eyes and the mouth's inside, too.
MIDDLE: Final = np.array([v for brow in BROWS for edge in brow for v in edge] + [*EYES[0], *EYES[1], *OUTER_LIPS])


@dataclass(frozen=True, slots=True, eq=False)
class Renderings:
    """``index`` int64 (N,) are the faces that were drawn over, ``pictures`` uint8 (N, S, S, 3) RGB what came of it.

    ``sure`` uint8 (N, M, M), 255 where a picture counts whole.
    """

    index: NDArray[np.int64]
    pictures: Bytes
    sure: Bytes


def render(faces: AlignedFaces, known: MeshedFaces, sitter: Sitter, eyes: Eyes) -> Renderings:
    """Draw ``sitter`` with ``eyes`` over ``faces``, as many as are ``known`` and not turned too far.

    The outline stays that of ``faces``: it is where the swap is pasted.
    """
    rows = np.flatnonzero(np.abs(known.turns).max(axis=1) < FARTHEST)
    size = faces.faces.shape[1]
    performer, doing = Performer(), Doing.of(known)
    for row in rows[np.linspace(0, len(rows) - 1, min(FIRST, len(rows))).astype(np.int64)].tolist():
        _drawn(faces, known, row, sitter, performer)
    pictures = np.empty((len(rows), size, size, 3), np.uint8)
    sure = np.empty((len(rows), min(size, MASK_SIDE), min(size, MASK_SIDE)), np.uint8)
    for number, row in enumerate(rows.tolist()):
        picture, cover, mesh, pose = _drawn(faces, known, row, sitter, performer)
        eyes.put_in(picture, mesh, pose, doing.opened[row], doing.gazes[row])
        pictures[number] = _shrunk(picture, size)
        sure[number] = _sure(_shrunk(cover, sure.shape[1]), known.meshes[row])
    return Renderings(known.index[rows], pictures, sure)


def _drawn(
    faces: AlignedFaces, known: MeshedFaces, row: int, sitter: Sitter, performer: Performer
) -> tuple[Bytes, Bytes, Floats, Pose]:
    """``draw`` over the face that is ``known`` in ``row``, at a size that is fine enough and that it can draw at.

    With the mesh that was drawn, float32 (468, 3) in the picture's pixels, and its pose.
    """
    face = faces.faces[known.index[row]]
    size = -(-max(DRAWN, len(face)) // 16) * 16
    crop = face if size == len(face) else cv2.resize(face, (size, size), interpolation=cv2.INTER_CUBIC)
    photo, mesh = sitter.nearest(known.turns[row]), known.pixels(row, size)
    target, pose = performer.person.target(mesh, photo.identity, outline=0.0, share=1.0)
    return *draw_as(np.asarray(crop, np.uint8), mesh, target, pose, photo, performer), target, pose


def _sure(cover: Bytes, mesh: Floats) -> Bytes:
    """How much a picture counts, uint8 (M, M): where it was covered, and in the middle of the face."""
    hull = cv2.convexHull(np.ascontiguousarray(mesh[MIDDLE, :2])).reshape(-1, 2) * len(cover)
    middle = np.zeros_like(cover)
    cv2.fillConvexPoly(middle, np.rint(hull).astype(np.int32), (255,), cv2.LINE_AA)
    counts = np.maximum(cover, middle) * (1 - UNCOVERED) + 255 * UNCOVERED
    return np.asarray(np.rint(counts), np.uint8)


def _shrunk(picture: Bytes, size: int) -> Bytes:
    if len(picture) == size:
        return picture
    how = cv2.INTER_AREA if len(picture) > size else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, (size, size), interpolation=how), np.uint8)
