"""What looks like a face and is none: crops that the face finder falls for in pictures without people."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.random import Generator

from models.recipes.crop import turned
from models.recipes.face_finder.data import crop_as_running
from models.recipes.face_finder.nets import LANDMARK_SIZE
from realtime.align import TEMPLATES
from realtime.finder.detector import CLOSE, WEAK, Detector
from realtime.finder.landmarker import Landmarker
from realtime.media.affine import invert
from realtime.media.frame import Frame
from realtime.media.photo_formats import PHOTOS
from realtime.runtime.arrays import Bytes, Matrix
from realtime.runtime.errors import InputError

__all__ = ["KEPT", "kept_crop", "mine", "patterns", "photographs", "pictures_in"]

#: Side of a crop that is kept, in pixels: the landmark net's and room around it to turn and shift it in.
KEPT: Final = 160
#: A look whose crop shows less presence than this fools nobody.
FOOLED: Final = 0.1
#: Longer sides of the views of a picture, from and to.
VIEWS: Final = (192, 1280)
#: Pictures smaller than this show too little.
LEAST: Final = 64


def pictures_in(folder: Path) -> list[Path]:
    """The pictures in ``folder`` and those below it, sorted. Raises ``InputError`` where there are none."""
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in PHOTOS and path.is_file())
    if not found:
        raise InputError(f"{folder}: no pictures in it ({' '.join(PHOTOS)})")
    return found


def kept_crop(frame_to_crop: Matrix) -> Matrix:
    """The crop that is kept around one of the landmark net; float64 (2, 3) both."""
    kept = frame_to_crop.copy()
    kept[:, 2] += (KEPT - LANDMARK_SIZE) / 2
    return kept


def photographs(paths: Iterable[Path], has_face: Callable[[Bytes], bool]) -> Iterator[Bytes]:
    """The pictures of ``paths`` that can be read, uint8 (H, W, 3), but those of which ``has_face`` says so.

    Nobody has looked at all of them, and somebody may be in one.
    """
    for path in paths:
        picture = _read(path)
        if picture is not None and not has_face(picture):
            yield picture


def patterns(count: int, rng: Generator) -> Iterator[Bytes]:
    """Blots, ribs and noise in colours of skin, earth and leaf, some mirrored: uint8 (H, W, 3)."""
    for _ in range(count):
        height, width = (int(side) for side in rng.integers(100, 240, 2) * 2)
        small = rng.random((int(rng.integers(2, 24)), int(rng.integers(2, 24)), 3)).astype(np.float32)
        ground = np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC), np.float32) * 255
        shade = np.array([1, *rng.uniform(0.5, 1.1, 2)])
        for _ in range(int(rng.integers(10, 160))):
            colour = (rng.uniform(0, 255, 3) if rng.random() < 0.3 else rng.uniform(20, 230) * shade).tolist()
            x, y = int(rng.integers(width)), int(rng.integers(height))
            if rng.random() < 0.8:
                axes = tuple(int(side) for side in rng.integers(3, 70, 2))
                cv2.ellipse(ground, (x, y), axes, float(rng.uniform(0, 180)), 0, 360, colour, -1)
            else:
                end = (int(rng.integers(width)), int(rng.integers(height)))
                cv2.line(ground, (x, y), end, colour, int(rng.integers(1, 14)))
        if rng.random() < 0.3:
            ground = np.asarray((ground + ground[:, ::-1]) / 2, np.float32)
        soft = cv2.GaussianBlur(ground, (0, 0), float(np.exp(rng.uniform(np.log(0.4), np.log(5)))))
        yield np.clip(soft, 0, 255).astype(np.uint8)


def mine(pictures: Iterable[Bytes], views: int, rng: Generator) -> Iterator[Bytes]:
    """Crops, uint8 (KEPT, KEPT, 3), of what detector and landmark net together take for a face in ``views`` of each."""
    detector, landmarker = Detector("cpu", WEAK), Landmarker("cpu")
    for picture in pictures:
        for _ in range(views):
            view = _view(picture, rng)
            frame = Frame.from_rgb(view)
            for box, _ in detector.detect(frame, CLOSE):
                seen = landmarker.settle(frame, box)
                if seen.presence >= FOOLED:
                    crop = TEMPLATES["landmarks"].frame_to_crop(seen.landmarks, LANDMARK_SIZE)
                    yield crop_as_running(view, kept_crop(crop), KEPT)


def _read(path: Path) -> Bytes | None:
    """The picture on grey where it is transparent, at most as large as a view; None where it cannot be read."""
    raw = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if raw is None or raw.dtype != np.uint8 or raw.ndim != 3 or min(raw.shape[:2]) < LEAST:
        return None
    if raw.shape[2] == 4:
        alpha = raw[..., 3:].astype(np.float32) / 255
        raw = (raw[..., :3] * alpha + 128 * (1 - alpha)).astype(np.uint8)
    zoom = min(2 * VIEWS[1] / max(raw.shape[:2]), 1.0)
    small = cv2.resize(raw, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(small[..., ::-1])


def _view(picture: Bytes, rng: Generator) -> Bytes:
    """A part of a picture at some size, turned, mirrored and tinted somehow: uint8 (H, W, 3), sides even."""
    height, width = picture.shape[:2]
    share = rng.uniform(0.25, 1.0)
    size = max(round(width * share) & ~1, 32), max(round(height * share) & ~1, 32)
    longest = np.exp(rng.uniform(*np.log(VIEWS)))
    zoom = min(longest / max(size), 2.0)
    angle = rng.normal(0, 0.15) + rng.choice([0, 0, 0, np.pi / 2, np.pi, -np.pi / 2])
    centre = rng.uniform(0.5 * share, 1 - 0.5 * share, 2) * (width, height)
    out = max(round(size[0] * zoom) & ~1, 32), max(round(size[1] * zoom) & ~1, 32)
    turn = turned(angle, zoom)
    if rng.random() < 0.5:
        turn[:, 0] *= -1
    back = invert(np.column_stack([turn, np.array(out) / 2 - turn @ centre]))
    how = cv2.INTER_AREA if zoom < 1 else cv2.INTER_LINEAR
    view = cv2.warpAffine(picture, back, out, flags=how | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REFLECT_101)
    tint = np.exp(rng.normal(0, 0.15) + rng.normal(0, 0.1, 3)) * 255
    levels = (np.linspace(0, 1, 256)[:, None] ** np.exp(rng.normal(0, 0.25))) * tint
    table = np.clip(levels, 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(view, table[None]), np.uint8)
