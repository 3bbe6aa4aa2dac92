"""Faces to compare an exported graph on."""

from pathlib import Path
from typing import Final

import cv2
import numpy as np

from models.faces import read_faces
from realtime.arrays import Bytes

__all__ = ["sample_faces"]

#: Faces that are enough.
COUNT: Final = 8


def sample_faces(size: int, folder: Path | None = None) -> Bytes:
    """Up to eight faces from ``folder``, or made-up pictures: uint8 (N, size, size, 3) RGB, N >= 2.

    The made-up ones go through the whole range: noise, smooth noise and flat black and white.
    Raises ``InputError`` where the folder has no readable faces.
    """
    if folder is not None:
        faces = read_faces(folder, size).faces[:COUNT]
        return np.concatenate([faces, faces]) if len(faces) < 2 else faces
    random = np.random.default_rng(0)
    noise = random.integers(0, 256, (3, size, size, 3), np.uint8)
    smooth = [
        cv2.resize(random.integers(0, 256, (6, 6, 3), np.uint8), (size, size), interpolation=cv2.INTER_CUBIC)
        for _ in range(3)
    ]
    flat = [np.full((size, size, 3), value, np.uint8) for value in (0, 255)]
    return np.concatenate([noise, np.stack([*smooth, *flat]).astype(np.uint8)])
