"""Blinks that the pictures do not show: an upper lid drawn down over the eye.

Bending a face to shut eyes squeezes the whole eye into a slit, iris and all, and neither the teacher nor a net takes
that for a blink. A lid slides over an eye that stays where it is: the skin above it is stretched downwards, column by
column, and the mesh goes with it.
"""

from typing import Final

import cv2
import numpy as np
from numpy.random import Generator

from realtime.mesh.vertices import EYES, FOLDS, LOWER_LIDS, UPPER_LIDS
from realtime.runtime.arrays import Bytes, Floats

__all__ = ["blink"]

#: How much of the gap between its lids the mesh of a shut eye closes, how far the fold goes with the lid, and how far
#: the lower lid comes up.
SHUT: Final = 0.85
FOLD: Final = 0.25
RISE: Final = 0.06


def blink(pixels: Bytes, mesh: Floats, rng: Generator) -> tuple[Bytes, Floats]:
    """The crop, uint8 (S, S, 3) RGB, with lids lowered at random, and its mesh, float32 (468, 3) in crop pixels."""
    one, other = (_amount(rng), _amount(rng)) if rng.random() < 0.15 else (_amount(rng),) * 2
    out, moved = pixels.copy(), mesh.copy()
    for side, shut in enumerate((one, other)):
        _lower(out, mesh, side, shut, rng)
        above, below = list(UPPER_LIDS[side]), list(LOWER_LIDS[side])
        apart = mesh[below] - mesh[above]
        moved[above] += min(shut, 1.0) * SHUT * apart
        moved[below] -= min(shut, 1.0) * RISE * apart
        moved[list(FOLDS[side])] += min(shut, 1.0) * FOLD * apart
    return out, moved


def _amount(rng: Generator) -> float:
    """How far an eye is shut: half of them quite, the others anything between."""
    return float(rng.uniform(0.9, 1.05) if rng.random() < 0.5 else rng.uniform(0, 1))


def _lower(pixels: Bytes, mesh: Floats, side: int, shut: float, rng: Generator) -> None:
    """Draw one lid down by ``shut`` of the gap, in place."""
    height, width = pixels.shape[:2]
    ends = mesh[[EYES[side][0], EYES[side][8]], :2]
    left, right = max(int(np.ceil(ends[:, 0].min())), 0), min(int(ends[:, 0].max()) + 1, width)
    if right - left < 4:
        return  # seen from the side, or out of the picture

    def line(points: tuple[int, ...]) -> Floats:
        """The height of a row of points, with the eye's corners at its ends, at each whole column, float32 (W,)."""
        row = np.concatenate([ends, mesh[list(points), :2]])
        row = row[np.argsort(row[:, 0])]
        return np.asarray(np.interp(np.arange(left, right), row[:, 0], row[:, 1]), np.float32)

    upper, lower, fold = line(UPPER_LIDS[side]), line(LOWER_LIDS[side]), line(FOLDS[side])
    apart = np.maximum(lower - upper, 0)
    # The lashes come along, or all that is stretched is skin from above the fold.
    margin = fold + np.float32(rng.uniform(-0.6, 0.6)) * (upper - fold)
    top = np.minimum(fold - (upper - fold) - apart / 2, margin - 1.5)
    edge = np.maximum(upper + np.float32(shut) * apart, margin)
    first, last = max(int(top.min()), 0), min(int(edge.max()) + 2, height)
    if last - first < 2:
        return
    y = np.arange(first, last, dtype=np.float32)[:, None]  # (H, 1), against (W,)
    source = np.where((y > top) & (y < edge), top + (y - top) * (margin - top) / np.maximum(edge - top, 1e-3), y)
    x = np.broadcast_to(np.arange(left, right, dtype=np.float32), source.shape)
    lid = cv2.remap(pixels, np.ascontiguousarray(x), source.astype(np.float32), cv2.INTER_LINEAR)
    dark = np.float32(rng.uniform(0.1, 0.6)) * np.minimum(apart, 1) * np.clip(1.3 - np.abs(y - edge), 0, 1)  # lashes
    seen = np.asarray(lid, np.float32) * (1 - dark[..., None])
    pixels[first:last, left:right] = np.clip(seen, 0, 255).astype(np.uint8)
