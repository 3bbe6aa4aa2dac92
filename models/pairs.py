"""Pairs: faces of side A with the picture of side B that each should become, pose and expression matched."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from realtime.arrays import Bytes
from realtime.errors import InputError

__all__ = ["Pairs", "read_pairs"]


@dataclass(frozen=True, slots=True)
class Pairs:
    """``inputs`` and ``targets`` are uint8 (N, S, S, 3) RGB, aligned alike; ``masks`` uint8 (N, S, S) of the targets.

    ``weights``, uint8 (N, s, s) with any s, says what matters more: a pixel counts 1 + weight / 64 times.
    """

    inputs: Bytes
    targets: Bytes
    masks: Bytes
    weights: Bytes | None = None

    def __post_init__(self) -> None:
        count, size = self.inputs.shape[:2]
        expected = {"inputs": (count, size, size, 3), "targets": (count, size, size, 3), "masks": (count, size, size)}
        for name, shape in expected.items():
            array: Bytes = getattr(self, name)
            if array.shape != shape or array.dtype != np.uint8:
                raise InputError(f"pairs: {name} is {array.dtype} {array.shape}, not uint8 {shape}")
        if self.weights is not None and (self.weights.ndim != 3 or len(self.weights) != count):
            raise InputError(f"pairs: weights is {self.weights.shape}, not ({count}, s, s)")
        if not count:
            raise InputError("pairs: there are none")

    def __len__(self) -> int:
        return len(self.inputs)


def read_pairs(folder: Path) -> Pairs:
    """``input.npy``, ``target.npy``, ``mask.npy`` and, if there, ``weight.npy`` of ``folder``, mapped, not read.

    Raises ``InputError`` where a file is missing or does not fit ``Pairs``.
    """

    def array(name: str) -> Bytes:
        path = folder / f"{name}.npy"
        try:
            mapped: Bytes = np.load(path, mmap_mode="r")
        except (OSError, ValueError) as error:
            raise InputError(f"{path}: cannot be read as an array: {error}") from error
        return mapped

    weights = array("weight") if (folder / "weight.npy").is_file() else None
    return Pairs(array("input"), array("target"), array("mask"), weights)
