"""Pairs: faces of side A with the picture of side B that each should become, pose and expression matched."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.lib.format import open_memmap

from realtime.runtime.arrays import Bytes, Floats
from realtime.runtime.errors import InputError

__all__ = ["WEIGHT_ONE", "Pairs", "read_pairs"]

#: The byte that stands for a weight of 1.
WEIGHT_ONE: Final = 64


@dataclass(frozen=True, slots=True)
class Pairs:
    """``inputs`` and ``targets``: uint8 (N, S, S, 3) RGB, aligned alike; ``masks``: uint8 (N, S, S).

    ``weights``, uint8 (N, s, s) with any s, says what matters more: a pixel counts weight / ``WEIGHT_ONE``
    times. ``chances``, float32 (N,), says how often to draw a pair, on any scale.
    """

    inputs: Bytes
    targets: Bytes
    masks: Bytes
    weights: Bytes | None = None
    chances: Floats | None = None

    def __post_init__(self) -> None:
        if self.inputs.ndim != 4:
            raise InputError(f"pairs: inputs is {self.inputs.shape}, not (N, S, S, 3)")
        count, size = self.inputs.shape[:2]
        expected = {
            "inputs": (count, size, size, 3),
            "targets": (count, size, size, 3),
            "masks": (count, size, size),
        }
        for name, shape in expected.items():
            array: Bytes = getattr(self, name)
            if array.shape != shape or array.dtype != np.uint8:
                raise InputError(f"pairs: {name} is {array.dtype} {array.shape}, not uint8 {shape}")
        if self.weights is not None and (self.weights.ndim != 3 or len(self.weights) != count):
            raise InputError(f"pairs: weights is {self.weights.shape}, not ({count}, s, s)")
        if not count:
            raise InputError("pairs: there are none")
        if self.chances is not None and (
            self.chances.shape != (count,) or not (self.chances >= 0).all() or not self.chances.sum() > 0
        ):
            raise InputError(f"pairs: chances is {self.chances.shape}, not ({count},) of numbers from 0 up")

    def __len__(self) -> int:
        return len(self.inputs)


def read_pairs(folder: Path) -> Pairs:
    """The pairs in ``folder``, mapped into memory, not read.

    ``input.npy``, ``target.npy``, ``mask.npy`` and, if they are there, ``weight.npy`` and ``sample.npy`` (the
    chances). Raises ``InputError`` where a file is missing or does not fit ``Pairs``.
    """
    weights = _array(folder, "weight") if (folder / "weight.npy").is_file() else None
    chances = _array(folder, "sample").astype(np.float32) if (folder / "sample.npy").is_file() else None
    return Pairs(_array(folder, "input"), _array(folder, "target"), _array(folder, "mask"), weights, chances)


def _array(folder: Path, name: str) -> Bytes:
    """A file's array as it is; ``Pairs`` checks it."""
    path = folder / f"{name}.npy"
    try:
        mapped: Bytes = open_memmap(path, mode="r")
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; a folder of pairs holds it") from error
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as an array: {error}") from error
    return mapped
