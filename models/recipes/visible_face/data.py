"""Faces in the swap's crop with their outlines, and what they look like with generated things in front of them."""

from collections import deque
from dataclasses import dataclass, fields
from io import BytesIO
from pathlib import Path
from typing import Final
from zipfile import BadZipFile

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from models.faceset.hull import hull_mask
from models.recipes.crop import turned
from models.recipes.face_finder.data import AnnotatedFaces, crop_as_running, spoil
from models.recipes.face_mesh import FaceMesh
from models.recipes.visible_face.cut import cut_mask
from models.recipes.visible_face.things import Scene, cloth, draw_glasses, draw_thing
from realtime.align import TEMPLATES
from realtime.media.affine import apply
from realtime.mesh.vertices import OVAL
from realtime.runtime.arrays import Bytes, Floats, Points
from realtime.runtime.errors import InputError
from realtime.runtime.files import write_whole

__all__ = ["KEPT", "SIZE", "TEMPLATE", "Face", "Pool", "Sample", "covered_face", "keep", "kept", "prepare", "scene_of"]

#: The net's crop, and its side in pixels.
TEMPLATE: Final = "whole-face"
SIZE: Final = 128
#: Side of the crops that are kept: with room to turn and shift the net's crop in.
KEPT: Final = 160
#: How sure it is that what the colours cut off a forehead is hair.
HAIR_WEIGHT: Final = 0.4
#: What is said of what surrounds a forehead counts so much: hair may begin anywhere.
ABOVE_WEIGHT: Final = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """A crop, uint8 (160, 160, 3) RGB, with ``outline``, float32 (36, 2), and ``landmarks``, (68, 2), in its pixels.

    ``hair`` uint8 (160, 160) is 255 where the colours of the picture say that hair hangs into the face, ``unsure``
    where nobody knows.
    """

    rgb: Bytes
    outline: Points
    landmarks: Points
    hair: Bytes
    unsure: Bytes


FIELDS: Final = tuple(field.name for field in fields(Face))


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """A crop, uint8 (128, 128, 3); its ``face`` within the outline, covered or not, and what is ``covered`` by a thing.

    Both are float32 (128, 128) in 0..1, and so is ``weight``, how much the second counts.
    """

    rgb: Bytes
    face: Floats
    covered: Floats
    weight: Floats


def filled(points: Points, size: int) -> Bytes:
    """The polygon of ``points``, float32 (N, 2) in pixels, with soft edges: uint8 (size, size)."""
    mask = np.zeros((size, size), np.uint8)
    cv2.fillPoly(mask, [np.rint(points * 16).astype(np.int32)], (255,), cv2.LINE_AA, 4)
    return mask


def prepare(faces: AnnotatedFaces, teacher: FaceMesh, chosen: NDArray[np.int64]) -> list[Face]:
    """The ``chosen`` faces, int64 (N,), with the outlines that the teacher sees."""
    return [_prepared(faces.pictures[i], faces.landmarks[i], teacher) for i in chosen]


def keep(faces: list[Face], path: Path) -> None:
    """Write prepared faces to a file: they are dear. Raises ``OutputError``."""
    data = BytesIO()
    arrays = {name: np.stack([getattr(face, name) for face in faces]) for name in FIELDS}
    np.savez(data, allow_pickle=False, **arrays)
    write_whole(path, data.getvalue())


def kept(path: Path) -> list[Face]:
    """Read what ``keep`` wrote. Raises ``InputError`` where it is damaged."""
    try:
        with path.open("rb") as file, np.load(file) as archive:
            columns = [archive[name] for name in FIELDS]
    except (OSError, EOFError, KeyError, ValueError, BadZipFile) as error:
        raise InputError(f"{path}: no faces that this recipe prepared ({error}); delete it") from error
    return [Face(*row) for row in zip(*columns, strict=True)]


def _prepared(picture: Bytes, landmarks: Points, teacher: FaceMesh) -> Face:
    matrix = TEMPLATES[TEMPLATE].frame_to_crop(landmarks, SIZE)
    matrix[:, 2] += (KEPT - SIZE) / 2
    rgb = crop_as_running(picture, matrix, KEPT)
    marks = apply(matrix, landmarks)
    outline = apply(matrix, teacher.find(picture, landmarks, passes=2)[list(OVAL), :2])
    face, hull = filled(outline, KEPT), hull_mask(marks, KEPT)
    above = np.zeros_like(face)
    brows = int(np.clip(marks[17:27, 1].max(), 0, KEPT))
    above[:brows] = 255
    forehead = cv2.bitwise_and(face, above)
    hair = cv2.bitwise_and(forehead, cv2.bitwise_and(hull, cv2.bitwise_not(cut_mask(rgb, marks))))
    unsure = cv2.bitwise_and(forehead, cv2.bitwise_not(hull))
    return Face(rgb, outline, marks, np.asarray(hair, np.uint8), np.asarray(unsure, np.uint8))


def scene_of(face: Face, other: Bytes, rng: Generator) -> Scene:
    """A scene for things in front of ``face``, whose points are in a crop of 128 pixels."""
    inside = filled(face.landmarks[[1, 15, 12, 8, 4]], face.rgb.shape[0])
    pixels = face.rgb[inside > 0]
    skin = np.median(pixels, axis=0) if len(pixels) else np.array([168, 120, 94])
    top = face.outline[face.outline[:, 1].argmin()]
    y, x = (int(np.clip(v, 2, face.rgb.shape[0] - 3)) for v in (top[1] - 4, top[0]))
    hair = face.rgb[max(0, y - 3) : y + 3, max(0, x - 6) : x + 6].reshape(-1, 3).mean(axis=0)
    return Scene(SIZE, face.outline, skin.astype(np.float32), hair.astype(np.float32), other, rng)


def _moved(face: Face, rng: Generator) -> Face:
    """As a finder that errs a little places it: a crop of 128 pixels."""
    angle, zoom = rng.normal(0, 0.06), np.exp(rng.normal(0, 0.06))
    turn = turned(angle, zoom)
    shift = rng.normal(0, 0.02 * SIZE, 2) + SIZE / 2 - 0.5
    matrix = np.column_stack([turn, shift - turn @ np.full(2, KEPT / 2 - 0.5)])

    def mask(of: Bytes) -> Bytes:
        return np.asarray(cv2.warpAffine(of, matrix, (SIZE, SIZE)), np.uint8)

    rgb = cv2.warpAffine(face.rgb, matrix, (SIZE, SIZE), borderMode=cv2.BORDER_REPLICATE)
    outline, marks = apply(matrix, face.outline), apply(matrix, face.landmarks)
    return Face(np.asarray(rgb, np.uint8), outline, marks, mask(face.hair), mask(face.unsure))


def covered_face(face: Face, other: Bytes, rng: Generator, things: int, kind: str | None = None) -> Sample:
    """One sample: ``face``, moved, with so many ``things`` in front of it, of a ``kind`` or of any.

    ``other`` is any other picture, uint8 (H, W, 3), that textures are taken from.
    """
    face = _moved(face, rng)
    scene = scene_of(face, other, rng)
    picture = face.rgb.astype(np.float32)
    if rng.random() < 0.15:
        eyes = np.stack([face.landmarks[36:42].mean(axis=0), face.landmarks[42:48].mean(axis=0)])
        worn = draw_glasses(scene, eyes)
        picture = _over(picture, worn.rgb.astype(np.float32), _share(worn.alpha))
    if rng.random() < 0.06:  # paint on the face is the face
        picture = _over(picture, _small(cloth(scene)), np.float32(rng.uniform(0.1, 0.5)) * _blots(scene))
    if rng.random() < 0.15:  # and so is a shadow
        picture = _darker(picture, _blots(scene), rng.uniform(0.2, 0.75))
    covered = np.zeros((SIZE, SIZE), np.float32)
    for _ in range(things):
        thing = draw_thing(scene, kind)
        alpha, rgb = _share(thing.alpha), thing.rgb.astype(np.float32)
        if rng.random() < 0.5:  # as bright as the face
            here = alpha > 0.5
            gain = scene.skin.mean() / max(float(rgb[here].mean()) if here.any() else 128.0, 8.0)
            rgb = np.asarray(rgb * np.clip(gain, 0.4, 2.0) ** rng.uniform(0, 1), np.float32)
        if rng.random() < 0.5:  # its shadow on the face
            shift = np.array([[1, 0, rng.normal(0, 5)], [0, 1, abs(rng.normal(0, 5))]])
            fallen = np.asarray(cv2.warpAffine(alpha, shift, (SIZE, SIZE)), np.float32)
            cast = _blurred(fallen, rng.uniform(0.8, 5))
            picture = _darker(picture, cast, rng.uniform(0.1, 0.65))
        if rng.random() < 0.4:  # out of focus
            sigma = rng.uniform(0.3, 2.0)
            alpha, rgb = _blurred(alpha, sigma), _blurred(rgb, sigma)
        if rng.random() < 0.15:  # moving
            length = int(rng.integers(3, 12))
            smear = np.zeros((length, length), np.float32)
            ends = rng.integers(0, length, (2, 2))
            cv2.line(smear, ends[0].tolist(), ends[1].tolist(), 1.0)
            smear /= smear.sum()
            alpha, rgb = (np.asarray(cv2.filter2D(each, -1, smear), np.float32) for each in (alpha, rgb))
        picture = _over(picture, rgb, alpha)
        covered = np.asarray(1 - (1 - covered) * (1 - alpha), np.float32)
    return _sample(face, np.clip(picture, 0, 255).astype(np.uint8), covered, rng)


def _sample(face: Face, picture: Bytes, drawn: Floats, rng: Generator) -> Sample:
    """With what was ``drawn`` in front of it, and its own hair; spoilt as cameras do, and mirrored half of the time."""
    inside, hair, unsure = _share(filled(face.outline, SIZE)), _share(face.hair), _share(face.unsure)
    weight = np.ones_like(inside)
    top = face.outline[:, 1].min() + 0.25 * np.ptp(face.outline[:, 1])
    weight[: max(0, int(top))][inside[: max(0, int(top))] <= 0.5] = ABOVE_WEIGHT
    weight = np.where(hair > 0.5, HAIR_WEIGHT, weight) * (1 - 0.95 * unsure)
    weight = np.where(drawn > 0.5, np.float32(1), weight).astype(np.float32)
    spoilt = spoil(picture, rng, cover=False) if rng.random() < 0.6 else picture
    way = slice(None, None, -1 if rng.random() < 0.5 else 1)
    maps = (np.ascontiguousarray(each[:, way]) for each in (inside, np.maximum(drawn, hair), weight))
    return Sample(np.ascontiguousarray(spoilt[:, way]), *maps)


def _share(mask: Bytes) -> Floats:
    return np.asarray(mask / np.float32(255), np.float32)


def _blurred(picture: Floats, sigma: float) -> Floats:
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma), np.float32)


def _darker(picture: Floats, where: Floats, by: float) -> Floats:
    return np.asarray(picture * (1 - by * where)[..., None], np.float32)


def _over(picture: Floats, rgb: Floats, alpha: Floats) -> Floats:
    return np.asarray(picture + (rgb - picture) * alpha[..., None], np.float32)


def _small(texture: Bytes) -> Floats:
    return np.asarray(cv2.resize(texture, (SIZE, SIZE), interpolation=cv2.INTER_AREA), np.float32)


def _blots(scene: Scene) -> Floats:
    """Soft or sharp patches, float32 (128, 128) in 0..1."""
    rng = scene.rng
    field = cv2.resize(rng.normal(0, 1, (5, 5)).astype(np.float32), (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.clip((field - 0.3) * rng.uniform(1, 12), 0, 1), np.float32)


class Pool:
    """Samples that are kept ready, since they are dearer than a step: each batch adds some, and the oldest go."""

    def __init__(self, faces: list[Face], first: int, most: int, seed: int = 0) -> None:
        self._faces, self._rng = faces, np.random.default_rng(seed)
        self._most = most
        self._pool = deque((self.draw() for _ in range(first)), most)

    def draw(self) -> Sample:
        """A third of the faces is uncovered, half are behind one thing, some behind two."""
        i, other = self._rng.integers(len(self._faces), size=2)
        things = int(self._rng.choice(3, p=(0.35, 0.5, 0.15)))
        return covered_face(self._faces[i], self._faces[other].rgb, self._rng, things)

    def batch(self, size: int, new: int) -> list[Sample]:
        """``size`` samples, ``new`` of them never seen before."""
        self._pool.extend(self.draw() for _ in range(new))
        old = self._rng.integers(len(self._pool), size=size - new)
        return [self._pool[-1 - i] for i in range(new)] + [self._pool[i] for i in old]
