"""What a mask is made of, ready to be drawn."""

from dataclasses import dataclass

import numpy as np

from realtime.runtime.arrays import Bytes, Floats

__all__ = ["Gloss", "Material"]


@dataclass(frozen=True, slots=True, eq=False)
class Gloss:
    """How something sculpted takes the light of a studio.

    ``surface`` is float32 (T, T, 4) on the sheet: the normal of the face at rest, and how much it mirrors, 0..1.
    ``table`` is uint8 (256, 256, 4) by the direction that a surface faces, see ``studio``: what is mirrored, RGB, and
    how much light falls, 128 being 1.
    """

    surface: Floats
    table: Bytes


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """The sheet's ``color``, uint8 (S, S, 4) RGB and opacity, and ``gloss`` where it is sculpted.

    ``lit`` is how much the scene's light shows, 0..1: a lamp of its own needs none.
    """

    color: Bytes
    gloss: Gloss | None = None
    lit: float = 1.0

    def __post_init__(self) -> None:
        if self.color.dtype != np.uint8 or self.color.ndim != 3 or self.color.shape[2] != 4:
            raise ValueError(f"a sheet is {self.color.dtype} {self.color.shape}, not uint8 (S, S, 4)")
