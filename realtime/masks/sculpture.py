"""What all sculpted masks share: brows, lips, rims around the openings, and the edge that turns over."""

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np

from realtime.masks.layout import distance, eyes, inside, outline, path, smooth_loop
from realtime.mesh.vertices import BROWS, INNER_LIPS, OUTER_LIPS
from realtime.runtime.arrays import Floats

__all__ = ["SHEET", "TABLE", "Sculpture", "sculpture", "veil"]

#: Sides of a sheet's colours and of its surface, in pixels.
SHEET: Final = 1024
TABLE: Final = 512
#: The shadow that a mask throws on the skin beside it: how dark, and how far, in shares of the sheet's side.
SHADOW: Final = 0.5
SHADOW_REACH: Final = 0.014


@dataclass(frozen=True, slots=True, eq=False)
class Sculpture:
    """Parts of the face as shares of 0..1, float32 (S, S): ``brows`` and ``lips``; ``height`` is theirs, in face units.

    ``rim`` is 1 on the borders of mask and openings.
    """

    brows: Floats
    lips: Floats
    rim: Floats
    height: Floats


@cache
def sculpture(size: int) -> Sculpture:
    """The parts on a sheet of ``size`` pixels."""
    edge, holes = outline(size), eyes(size)
    lips = distance(smooth_loop(path(OUTER_LIPS)), size)
    inner = distance(smooth_loop(path(INNER_LIPS)), size)
    left, right = (distance(smooth_loop(path([*over, *under[::-1]])), size) for over, under in BROWS)
    brow = np.asarray(np.maximum(left, right), np.float32)
    brows = inside(brow, 0.016)
    height = 0.16 * inside(brow + np.float32(0.004), 0.03)
    height += 0.10 * _bump(lips, 0.006) + 0.10 * inside(lips, 0.03) - 0.16 * _bump(inner, 0.006)
    height += 0.16 * _bump(holes + 0.012, 0.009) - 0.5 * inside(holes, 0.012)
    height -= 0.45 * (1 - inside(edge - 0.006, 0.03))
    rim = np.maximum(1 - inside(edge - 0.010, 0.012), inside(holes + 0.010, 0.012))
    return _frozen(Sculpture(brows, inside(lips, 0.01), rim, height.astype(np.float32)))


def veil(size: int, soft: float = 0.0) -> Floats:
    """How much a mask covers, 0..1, float32 (size, size), and its shadow on the skin around it."""
    edge, holes = outline(size), eyes(size)
    covered = np.minimum(inside(edge, soft), 1 - inside(holes, soft))
    near = np.clip(1 + np.minimum(edge, -holes) / np.float32(SHADOW_REACH), 0, 1)
    return np.maximum(covered, np.float32(SHADOW) * near * near)


def _bump(apart: Floats, width: float) -> Floats:
    return np.asarray(np.exp(-((apart / np.float32(width)) ** 2)), np.float32)


def _frozen(made: Sculpture) -> Sculpture:
    for array in (made.brows, made.lips, made.rim, made.height):
        array.setflags(write=False)  # everybody shares them
    return made
