"""Expressions that the pictures do not show: faces bent to closed eyes, open mouths, smiles and raised brows.

People who talk to a camera rarely close their eyes or open their mouths wide, and a net that never sees it answers with
the mean face. So part of the crops are bent by their landmarks, and what a mouth then shows is painted.
"""

from typing import Final

import cv2
import numpy as np
import torch
from numpy.random import Generator

from models.thin_plate_spline import bending
from realtime.finder.landmarks68 import INNER_LIP_PAIRS, INNER_LIPS, LID_PAIRS, lower, upper
from realtime.runtime.arrays import Bytes, Points

__all__ = ["express"]

#: Both of them.
BROWS: Final = slice(17, 27)
#: What goes down with the jaw, and how far of the way: chin, lower lip, its inner edge.
JAW: Final = {
    5: 0.3, 6: 0.6, 7: 0.85, 8: 0.9, 9: 0.85, 10: 0.6, 11: 0.3,
    59: 0.7, 58: 0.95, 57: 1.0, 56: 0.95, 55: 0.7, 67: 0.9, 66: 1.0, 65: 0.9, 48: 0.3, 54: 0.3, 60: 0.35, 64: 0.35,
}  # fmt: skip
#: What goes sideways with the corners of the mouth, to the picture's left and right.
CORNERS: Final = {48: -1.0, 60: -0.9, 49: -0.6, 59: -0.6, 61: -0.5, 67: -0.5,
                  54: 1.0, 64: 0.9, 53: 0.6, 55: 0.6, 63: 0.5, 65: 0.5}  # fmt: skip


def express(pixels: Bytes, points: Points, rng: Generator) -> tuple[Bytes, Points]:
    """The crop, uint8 (S, S, 3) RGB, with another expression, and its landmarks, float32 (68, 2) in the unit square."""
    eyes = points[45] - points[36]
    unit = float(np.linalg.norm(eyes))
    across = eyes / max(unit, 1e-6)
    down = np.array([-across[1], across[0]])
    wanted = points.astype(np.float64)
    if rng.random() < 0.6:
        one, other = (
            (rng.uniform(-0.5, 1.0), rng.uniform(-0.5, 1.0)) if rng.random() < 0.2 else (rng.uniform(-0.5, 1),) * 2
        )
        for pairs, closed in zip(LID_PAIRS, (one, other), strict=True):
            apart = points[lower(*pairs)] - points[upper(*pairs)]
            wanted[upper(*pairs)] += 0.85 * closed * apart
            wanted[lower(*pairs)] -= 0.1 * closed * apart
    opened = 0.0
    if rng.random() < 0.6:
        opened = rng.uniform(0, 0.5) ** 1.3 if rng.random() < 0.7 else -1.0
        if opened < 0:  # a mouth that is open, closed
            above, below = upper(*INNER_LIP_PAIRS), lower(*INNER_LIP_PAIRS)
            wanted[above] = wanted[below] = (points[above] + points[below]) / 2
        for mark, share in JAW.items() if opened > 0 else ():
            wanted[mark] += opened * share * unit * down
    if rng.random() < 0.6:
        wide, raised, tilt = rng.normal(0, 0.06), rng.normal(0, 0.04), rng.normal(0, 0.03)
        for mark, share in CORNERS.items():
            lift = raised + tilt * np.sign(share)
            wanted[mark] += unit * (share * wide * across + abs(share) * lift * down)
    if rng.random() < 0.5:
        wanted[BROWS] += rng.normal(0, 0.05) * unit * down
    new = wanted.astype(np.float32)
    bent = _bent(pixels, new, points)
    gap = float(np.linalg.norm(points[66] - points[62])) / max(unit, 1e-6)
    if opened > 0.05 and gap < 0.06:
        bent = _with_inside(bent, new, rng)
    return bent, new


def _bent(pixels: Bytes, wanted: Points, source: Points) -> Bytes:
    """The crop with its landmarks moved from ``source`` to ``wanted``."""
    size = pixels.shape[0]
    places = bending(torch.from_numpy(wanted)[None] * 2 - 1, torch.from_numpy(source)[None] * 2 - 1)[0]
    x, y = ((places.numpy() + 1) * (size / 2) - 0.5).astype(np.float32)
    large = [cv2.resize(each, (size, size), interpolation=cv2.INTER_CUBIC) for each in (x, y)]
    return np.asarray(
        cv2.remap(pixels, large[0], large[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.uint8
    )


def _with_inside(pixels: Bytes, points: Points, rng: Generator) -> Bytes:
    """What an open mouth shows: dark, reddish, now and then teeth above and a tongue below."""
    size = pixels.shape[0]
    lips = points[INNER_LIPS] * size - 0.5
    mask = np.zeros((size, size), np.uint8)
    cv2.fillPoly(mask, [np.rint(lips * 16).astype(np.int32)], (255,), cv2.LINE_AA, 4)
    alpha = cv2.GaussianBlur(mask, (3, 3), 0)[..., None].astype(np.float32) / 255
    light = float(pixels.mean())
    dark = np.array([0.5, 0.25, 0.22]) * light * rng.uniform(0.2, 0.9)
    inside = np.broadcast_to(dark, pixels.shape).astype(np.float32)
    depth = np.linspace(0, 1, size)[:, None]
    top, bottom = lips[:, 1].min() / size, lips[:, 1].max() / size
    where = np.clip((depth - top) / max(bottom - top, 1e-3), 0, 1)[..., None]
    if rng.random() < 0.6:
        inside = np.where(where < rng.uniform(0.15, 0.45), light * rng.uniform(0.9, 1.5), inside)
    if rng.random() < 0.5:
        tongue = np.array([1.1, 0.6, 0.55]) * light * rng.uniform(0.7, 1.1)
        inside = np.where(where > rng.uniform(0.5, 0.8), tongue, inside)
    return np.asarray(np.clip(pixels * (1 - alpha) + inside * alpha, 0, 255), np.uint8)
