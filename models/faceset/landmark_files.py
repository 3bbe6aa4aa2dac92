"""Landmarks that another aligner left beside a picture: ``NAME.pts``, ``NAME.json`` or ``NAME.npy``."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np

from realtime.runtime.arrays import Points
from realtime.runtime.errors import InputError

__all__ = ["known_landmarks"]


def known_landmarks(picture: Path) -> tuple[Points, ...] | None:
    """The faces that a file beside ``picture`` describes, float32 (68, 2) each, in its pixels; None without one.

    Raises ``InputError`` where there is such a file and it does not hold 68 points.
    """
    for suffix, read in _READERS.items():
        path = picture.with_suffix(suffix)
        if path.is_file():
            try:
                points = np.asarray(read(path), np.float32)
            except (OSError, ValueError, TypeError) as error:
                raise InputError(f"{path}: no landmarks that can be read: {error}") from error
            if points.ndim == 2:
                points = points[None]
            if points.ndim != 3 or points.shape[1:] != (68, 2) or not np.isfinite(points).all():
                raise InputError(f"{path}: holds {points.shape}, not 68 points (x, y); delete it to have them found")
            return tuple(points)
    return None


def _pts(path: Path) -> object:
    """The iBUG format: ``version``, ``n_points`` and a line ``x y`` for each, counted from 1."""
    inside = path.read_text(encoding="utf-8").partition("{")[2].partition("}")[0]
    return [[float(number) - 1 for number in line.split()] for line in inside.split("\n") if line.strip()]


def _json(path: Path) -> object:
    """A list of 68 pairs, a list of such lists, or either of them under ``landmarks``."""
    value = json.loads(path.read_text(encoding="utf-8"))
    return value["landmarks"] if isinstance(value, dict) and "landmarks" in value else value


def _npy(path: Path) -> object:
    return np.load(path, allow_pickle=False)


_READERS: Final[dict[str, Callable[[Path], object]]] = {".pts": _pts, ".json": _json, ".npy": _npy}
