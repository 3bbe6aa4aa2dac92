"""A faceset: aligned faces of one side, kept as bytes in memory."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from realtime.arrays import Bytes
from realtime.errors import InputError

__all__ = ["FaceSet", "read_faces"]

SUFFIXES = frozenset({".png", ".jpg", ".jpeg"})
MASK = ".mask"  # NAME.mask.png is the mask of NAME.png


@dataclass(frozen=True, slots=True)
class FaceSet:
    """``faces`` is uint8 (N, S, S, 3) RGB, ``masks`` uint8 (N, S, S), 255 where the face is."""

    faces: Bytes
    masks: Bytes

    def __len__(self) -> int:
        return len(self.faces)


def read_faces(folder: Path, size: int) -> FaceSet:
    """All aligned faces in ``folder``, in the order of their names, at ``size`` pixels.

    PNG and JPEG, square. A face without a mask file beside it (``NAME.mask.png``) counts whole. Raises
    ``InputError`` naming the folder or file that is missing, empty, unreadable or not square.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder of aligned faces")
    paths = sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in SUFFIXES and not path.stem.endswith(MASK) and not path.name.startswith(".")
    )
    if not paths:
        raise InputError(f"{folder}: no aligned faces in it; put square PNG or JPEG files there")
    faces = np.empty((len(paths), size, size, 3), np.uint8)
    masks = np.full((len(paths), size, size), 255, np.uint8)
    for index, path in enumerate(paths):
        faces[index] = _read(path, size)
        mask = path.with_name(f"{path.stem}{MASK}.png")
        if mask.is_file():
            masks[index] = _read(mask, size)[..., 0]
    return FaceSet(faces, masks)


def _read(path: Path, size: int) -> Bytes:
    """One square picture, uint8 (size, size, 3) RGB."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    with _quiet():
        # OpenCV raises for no bytes at all, and answers None for what it cannot decode.
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB) if data else None
    if picture is None:
        raise InputError(f"{path}: not a picture that can be read; delete or replace it")
    height, width = picture.shape[:2]
    if height != width:
        raise InputError(f"{path}: {width}x{height}, but aligned faces are square")
    if height != size:
        shrinks = height > size
        picture = cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
    return picture.astype(np.uint8, copy=False)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep OpenCV from saying on stderr what our error says better."""
    before = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(before)
