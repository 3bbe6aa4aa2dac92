"""The annotated faces in memory, their split by person, and the crops and spoilt pictures the nets train on."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from models.recipes.crop import turned
from models.recipes.faces68 import Faces68
from realtime.align import TEMPLATES
from realtime.media.affine import apply
from realtime.media.resample import sample
from realtime.runtime.arrays import Bytes, Floats, Matrix, Points

__all__ = [
    "AnnotatedFaces",
    "clouds",
    "crop_as_running",
    "held_out_of",
    "jittered",
    "load_faces",
    "spoil",
    "to_unit",
    "unlike_a_face",
]


@dataclass(frozen=True, slots=True)
class AnnotatedFaces:
    """N pictures, uint8 (H, W, 3) RGB, ``landmarks`` float32 (N, 68, 2) in pixels, ``held_out`` bool (N,)."""

    pictures: list[Bytes]
    landmarks: Floats
    held_out: NDArray[np.bool_]


def load_faces(folder: Path, held_out_share: float = 0.15, seed: int = 0) -> AnnotatedFaces:
    """Read a folder of faces (see ``Faces68``); whole subjects are held out, never single faces.

    Raises ``InputError`` where the folder or a picture in it cannot be read.
    """
    faces = Faces68.open(folder)
    pictures = [faces.picture(i) for i in range(len(faces.files))]
    return AnnotatedFaces(pictures, faces.points, held_out_of(faces, held_out_share, seed))


def held_out_of(faces: Faces68, share: float = 0.15, seed: int = 0) -> NDArray[np.bool_]:
    """Which ``faces`` no net learns from, bool (N,): those of a ``share`` of the subjects."""
    subjects = np.unique(faces.subject)
    chosen = np.random.default_rng(seed).permutation(subjects)[: round(len(subjects) * share)]
    return np.isin(faces.subject, chosen)


def jittered(landmarks: Points, size: int, rng: np.random.Generator, amount: float = 1.0) -> Matrix:
    """The landmark net's crop as a tracker or a detector would place it: near the right one.

    ``landmarks`` is float32 (68, 2) in picture pixels; returns ``frame_to_crop``, float64 (2, 3). ``amount`` is
    1 for the errors of training.
    """
    crop = TEMPLATES["landmarks"].frame_to_crop(landmarks, size)
    angle, zoom = rng.normal(0, 0.22 * amount), np.exp(rng.normal(0, 0.10 * amount))
    shift = rng.normal(0, 0.05 * amount * size, 2)
    turn = turned(angle, zoom)
    centre = np.full(2, size / 2 - 0.5)
    return np.column_stack([turn @ crop[:, :2], turn @ (crop[:, 2] - centre) + centre + shift])


def unlike_a_face(landmarks: Points, size: int, rng: np.random.Generator) -> Matrix:
    """A crop of the same picture that must be told from a face: far off, much too near or much too far.

    Arguments and result as of ``jittered``.
    """
    crop = TEMPLATES["landmarks"].frame_to_crop(landmarks, size)
    centre = np.full(2, size / 2 - 0.5)
    zoom = float(np.exp(rng.uniform(-0.3, 0.6)))
    angle = rng.uniform(-np.pi, np.pi)
    away = np.array([np.cos(angle), np.sin(angle)]) * size * rng.uniform(0.62, 1.1) * zoom
    if rng.random() < 0.25:  # a cheek or an eye fills the crop, or the face is a speck in it
        zoom = rng.uniform(3, 5) if rng.random() < 0.6 else rng.uniform(0.2, 0.33)
        away = rng.normal(0, size / 4, 2)
    return np.column_stack([zoom * crop[:, :2], zoom * (crop[:, 2] - centre) + centre + away])


def clouds(size: int, rng: np.random.Generator) -> Bytes:
    """Walls, skies and other soft nothings, uint8 (size, size, 3): a few random colours, blurred into each other."""
    few = rng.random((int(rng.integers(1, 9)), int(rng.integers(1, 9)), 3)).astype(np.float32)
    how = cv2.INTER_CUBIC if rng.random() < 0.7 else cv2.INTER_NEAREST
    picture = np.asarray(cv2.resize(few, (size, size), interpolation=how), np.float32)
    return (np.clip(picture, 0, 1) * 255).astype(np.uint8)


def crop_as_running(picture: Bytes, frame_to_crop: Matrix, size: int) -> Bytes:
    """The crop, uint8 (size, size, 3), sampled as the running program samples its frames."""
    return np.asarray(sample(picture, frame_to_crop, (size, size)), np.uint8)


def spoil(crop: Bytes, rng: np.random.Generator, cover: bool = True) -> Bytes:
    """What cameras, codecs and light do to a picture, and with ``cover`` what may be in front of a face.

    ``crop`` is uint8 (S, S, 3) RGB and stays as it is; returns the same shape.
    """
    size = crop.shape[0]
    picture: Floats = crop.astype(np.float32) / np.float32(255)
    if rng.random() < 0.3:  # seen from farther away
        small = int(size * rng.uniform(0.3, 0.8))
        away = cv2.resize(picture, (small, small), interpolation=cv2.INTER_AREA)
        picture = np.asarray(cv2.resize(away, (size, size)), np.float32)
    if rng.random() < 0.2:
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.4, 1.6)), np.float32)
    if rng.random() < 0.15:  # motion
        length = int(rng.integers(3, 8))
        kernel = np.zeros((length, length), np.float32)
        kernel[length // 2] = 1 / length
        picture = np.asarray(cv2.filter2D(picture, -1, kernel if rng.random() < 0.5 else kernel.T), np.float32)
    if rng.random() < 0.15:
        picture = np.asarray(picture.mean(axis=2, keepdims=True), np.float32).repeat(3, axis=2)
    gain = np.exp(rng.normal(0, 0.2)) * np.exp(rng.normal(0, 0.08, 3))
    picture = np.power(picture, np.exp(rng.normal(0, 0.3)), dtype=np.float32)
    picture = (picture - 0.5) * gain.astype(np.float32) + np.float32(0.5 + rng.normal(0, 0.08))
    if rng.random() < 0.4:  # light from one side
        across, down = rng.normal(0, 0.5, 2)
        ramp = np.linspace(-1, 1, size)
        picture = picture * np.exp(across * ramp[None, :] + down * ramp[:, None])[:, :, None].astype(np.float32)
    if cover and rng.random() < 0.3:  # a hand, a microphone, hair, the picture's edge
        w, h = rng.integers(size // 8, size // 2, 2)
        x, y = rng.integers(-w // 2, size - w // 2), rng.integers(-h // 2, size - h // 2)
        picture[max(y, 0) : y + h, max(x, 0) : x + w] = rng.random(3)
    if rng.random() < 0.5:
        picture = picture + rng.normal(0, rng.uniform(0, 0.05), picture.shape).astype(np.float32)
    out: Bytes = (np.clip(picture, 0, 1) * 255).astype(np.uint8)
    if rng.random() < 0.3:
        _, code = cv2.imencode(".jpg", out, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(15, 80))])
        out = np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR), np.uint8)
    return out


def to_unit(points: Points, frame_to_crop: Matrix, size: int) -> Points:
    """Picture points, float32 (N, 2), in the crop's unit square, float32 (N, 2)."""
    return ((apply(frame_to_crop, points) + 0.5) / size).astype(np.float32)
