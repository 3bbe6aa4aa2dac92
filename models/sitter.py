"""A side's face as the mesh can draw it: its shape at rest, and textures of the frames in which it is seen best."""

from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from models.faceset.reading import AlignedFaces
from models.meshed import MeshedFaces, mask_of, picture_of
from realtime.photo_swap.draw import PhotoFace
from realtime.photo_swap.texture import View, blurred, make_texture, view_of
from realtime.runtime.arrays import Bytes, Floats

__all__ = ["Sitter", "best_seen", "face_alone", "sitter_of"]

#: So many frames at most give a texture, and they are so many degrees apart.
TEXTURES: Final = 5
APART: Final = 12.0
#: The first looks at the camera within so many degrees; none is turned further than the second.
FRONTAL, FARTHEST = 15.0, 40.0
#: The mask's rim that may show a wall or hair, in shares of the crop's side.
RIM: Final = 0.02
#: A frame whose score is this far below the best one's gives no texture.
WORSE: Final = 2.5


@dataclass(frozen=True, slots=True, eq=False)
class Sitter:
    """``photos`` are the same face with textures of several frames, ``turns`` float32 (K, 2) the yaw and pitch at which
    each was seen, ``frames`` int64 (K,) their indices among the side's faces.
    """

    photos: tuple[PhotoFace, ...]
    turns: Floats
    frames: NDArray[np.int64]

    def nearest(self, turn: Floats) -> PhotoFace:
        """The one seen most nearly as ``turn``, float32 (2,), yaw and pitch."""
        return self.photos[int(np.linalg.norm(self.turns - turn, axis=1).argmin())]


def sitter_of(faces: AlignedFaces, known: MeshedFaces) -> Sitter | None:
    """The face of ``known``, some of ``faces``; None where all of them look away."""
    rows = best_seen(known)
    if not len(rows):
        return None
    views = []
    for row in rows.tolist():
        number = int(known.index[row])
        picture = picture_of(faces, number)
        picture = face_alone(picture, mask_of(faces, number, len(picture)))
        views.append(view_of(picture, known.pixels(row, len(picture))))
    scores = _scores(known)
    best = np.argsort(-scores)[: max(len(scores) // 4, 1)]
    shape = np.asarray(known.shapes[best].mean(axis=0), np.float32)
    photos = [PhotoFace.of(shape, make_texture(_with_first(views, number))) for number in range(len(views))]
    return Sitter(tuple(photos), known.turns[rows], known.index[rows])


def best_seen(known: MeshedFaces) -> NDArray[np.int64]:
    """Rows of ``known`` that show the face best, each from another direction: int64 (K,), the most frontal first."""
    scores = _scores(known)
    away = np.abs(known.turns).max(axis=1)
    free = away < FARTHEST
    chosen: list[int] = []
    while free.any() and len(chosen) < TEXTURES:
        offered = free & (away < FRONTAL) if not chosen and (free & (away < FRONTAL)).any() else free
        row = int(np.where(offered, scores, -np.inf).argmax())
        if chosen and scores[row] < scores[chosen[0]] - WORSE:
            break
        chosen.append(row)
        free &= np.linalg.norm(known.turns - known.turns[row], axis=1) > APART
    return np.array(chosen, np.int64)


def _scores(known: MeshedFaces) -> Floats:
    """How well each frame serves as a texture: sharp, eyes open, at rest, lit from both sides; float32 (N,)."""
    sharp = np.log2(np.maximum(known.sharpness, 1e-6) / max(float(np.median(known.sharpness)), 1e-6))
    score = np.clip(sharp, -3, 1)
    score -= 2 * np.clip((known.gaps - 0.02) / 0.06, 0, 1.5)
    score -= 8 * known.strains
    score -= 2 * np.clip((0.33 - known.eyes) / 0.13, 0, 1)
    score -= 5 * known.side_light
    score -= 0.03 * np.linalg.norm(known.turns, axis=1)
    return np.asarray(score, np.float32)


def face_alone(picture: Bytes, mask: Bytes) -> Bytes:
    """The face without what is behind and beside it: skin goes on beyond its ``mask``; uint8 (S, S, 3) RGB."""
    size = len(picture)
    reach = 2 * max(round(size * RIM), 1) + 1
    inner = cv2.erode(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach)), borderValue=0)
    if not inner.any():
        return picture
    share = cv2.GaussianBlur(inner, (0, 0), size * RIM / 2).astype(np.float32) / 255
    share = np.clip(2 * share - 1, 0, 1)  # soft, and nothing of what was cut off
    small = (size // 4, size // 4)
    near = np.asarray(cv2.resize(share, small, interpolation=cv2.INTER_AREA), np.float32)
    skin = np.asarray(cv2.resize(picture, small, interpolation=cv2.INTER_AREA), np.float32)
    going_on = np.zeros_like(skin)
    total = np.full(near.shape, 1e-6, np.float32)
    for sigma, trust in ((0.02, 1.0), (0.06, 0.02), (0.25, 0.0004)):  # from near, and less from far
        product, weight = blurred(skin, near, sigma * small[0])
        going_on += np.float32(trust) * product
        total += np.float32(trust) * weight
    around = cv2.resize(going_on / total[..., None], (size, size))
    return np.asarray(np.rint(picture * share[..., None] + around * (1 - share[..., None])), np.uint8)


def _with_first(views: list[View], number: int) -> list[View]:
    """One view, and of the others only what it does not show: two that differ by a pixel would blur each other."""
    first = views[number]
    others = [replace(each, seen=each.seen * (1 - first.seen)) for k, each in enumerate(views) if k != number]
    return [first, *others]
