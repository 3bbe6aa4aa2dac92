"""Faces to compare an exported graph on, and to measure its activations on."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from models.faceset.reading import read_faceset
from realtime.align import TEMPLATES
from realtime.demo.portrait import LANDMARKS, load_portrait
from realtime.runtime.arrays import Bytes
from realtime.runtime.errors import InputError
from realtime.runtime.files import scratch_folder

__all__ = ["Faces", "collect_faces", "own_pictures"]

#: Faces that are enough to compare on, and to measure activations on.
SAMPLES: Final = 8
CALIBRATION: Final = 128


@dataclass(frozen=True, slots=True)
class Faces:
    """``samples`` are compared on, ``calibration`` is what activations are measured on: uint8 (N, P, P, 3) RGB.

    There are two samples or more, and they are no part of the calibration where it has enough faces for both.
    """

    samples: Bytes
    calibration: Bytes


def collect_faces(size: int, template: str, samples: Path | None, calibration: Path | None) -> Faces:
    """Faces of ``size`` pixels from folders of aligned faces; each folder has a stand-in.

    Without ``samples`` some faces of ``calibration`` are set apart, or our own pictures are taken; without
    ``calibration`` the samples serve for both. Raises ``InputError`` where a folder has no readable faces.
    """
    own = _read(samples, size, SAMPLES) if samples else None
    if calibration is None:
        faces = own_pictures(size, template) if own is None else own
        return Faces(faces, faces)
    read = _read(calibration, size, CALIBRATION + SAMPLES)
    if own is not None:
        return Faces(own, read)
    apart = np.zeros(len(read), bool)
    apart[_spread(len(read), SAMPLES)] = len(read) >= 2 * SAMPLES
    return Faces(read[apart], read[~apart]) if apart.any() else Faces(read, read)


def own_pictures(size: int, template: str = "whole-face") -> Bytes:
    """Pictures that need no folder: uint8 (N, size, size, 3) RGB.

    The demo's portrait in several lights, where scikit-image is installed, and made-up pictures that go through the
    whole range: noise, smooth noise and flat black and white.
    """
    random = np.random.default_rng(0)
    noise = random.integers(0, 256, (size, size, 3), np.uint8)
    smooth = cv2.resize(random.integers(0, 256, (6, 6, 3), np.uint8), (size, size), interpolation=cv2.INTER_CUBIC)
    flat = [np.full((size, size, 3), value, np.uint8) for value in (0, 255)]
    return np.stack([*_portraits(size, template), noise, smooth, *flat]).astype(np.uint8)


def _read(folder: Path, size: int, count: int) -> Bytes:
    """At most ``count`` of the folder's faces, from all over it; one alone comes twice."""
    with scratch_folder() as cache:  # a large set would not fit in memory
        faces = read_faceset(folder, size, cache=cache).faces
        chosen = faces[_spread(len(faces), count)].copy()
        del faces
    return np.concatenate([chosen, chosen]) if len(chosen) < 2 else chosen


def _spread(total: int, count: int) -> NDArray[np.int64]:
    """At most ``count`` numbers below ``total``, evenly spread."""
    return np.linspace(0, total - 1, min(total, count)).round().astype(np.int64)


def _portraits(size: int, template: str) -> list[Bytes]:
    """The portrait as it is, mirrored, in low light and in bright light; nothing without scikit-image."""
    try:
        portrait = load_portrait()
    except InputError:
        return []
    matrix = TEMPLATES[template].frame_to_crop(LANDMARKS, size)
    face = cv2.warpAffine(portrait, matrix, (size, size), flags=cv2.INTER_LINEAR).astype(np.float32)
    return [variant.astype(np.uint8) for variant in (face, face[:, ::-1], face * 0.4, 255 - (255 - face) * 0.6)]
