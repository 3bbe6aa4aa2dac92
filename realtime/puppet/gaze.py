"""Where the eyes look: the middle of what is dark between the performer's lids, and moving the photo's irises so."""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.mesh.vertices import EYES
from realtime.puppet.field import Bends
from realtime.puppet.motion import lid_openings
from realtime.puppet.part import Part
from realtime.puppet.performer import Performer
from realtime.runtime.arrays import Bytes, Floats

__all__ = ["gaze_of", "move_irises"]

#: Fewer pixels between the lids say nothing.
LEAST: Final = 12
#: An eye less open than this share of its width does not say where it looks.
CLOSED: Final = 0.12
#: The centre of darkness moves less than the iris; and irises move by no more than this, in eye widths.
ALONG, ACROSS = 1.35, 0.8
MOST: Final = 0.22


def gaze_of(performer: Performer) -> NDArray[np.float64] | None:
    """Where both irises are, in eye widths from the middles of the eyes, along and across: float64 (2,).

    None where the eyes are too small or too far shut to tell.
    """
    grey = np.asarray(cv2.cvtColor(performer.picture, cv2.COLOR_RGB2GRAY), np.uint8)
    seen = [
        place
        for eye, opening in zip(EYES, lid_openings(performer.mesh), strict=True)
        if opening > CLOSED and (place := _iris(grey, performer.mesh[list(eye), :2])) is not None
    ]
    return np.mean(seen, axis=0) if seen else None


def _iris(grey: Bytes, eye: Floats) -> NDArray[np.float64] | None:
    """Where the iris is in one lid margin, float32 (16, 2): float64 (2,), in eye widths; None if nobody can tell."""
    low = np.maximum(np.floor(eye.min(axis=0)).astype(int), 0)
    high = np.ceil(eye.max(axis=0)).astype(int) + 1
    part = grey[low[1] : high[1], low[0] : high[0]].astype(np.float32)
    if part.size < LEAST:
        return None
    mask = np.zeros(part.shape, np.uint8)
    cv2.fillPoly(mask, [np.rint(eye - low).astype(np.int32)], 255)
    inside = cv2.erode(mask, np.ones((3, 3), np.uint8)) > 0
    if np.count_nonzero(inside) < LEAST:
        return None
    dark, light = np.percentile(part[inside], (5, 60))
    weight = (np.clip((light - part) / max(light - dark, 1.0), 0, 1) * inside) ** 1.5
    y, x = np.nonzero(weight)
    shares = weight[y, x]
    middle = np.array([x @ shares, y @ shares]) / shares.sum() + low - (eye[0] + eye[8]) / 2
    along = eye[8] - eye[0]
    width = max(float(np.linalg.norm(along)), 1e-6)
    along = along / width * (1 if along[0] > 0 else -1)
    return np.array([middle @ along, middle @ np.array([-along[1], along[0]])]) / width


def move_irises(bends: Bends, shown: Floats, gaze: NDArray[np.float64]) -> None:
    """Let the pixels within the eyes show what lies beside them, so that the irises move by ``gaze`` eye widths.

    ``shown`` is float32 (N, 2), the moved points in pixels of the moving part; ``bends.offsets`` is changed.
    """
    way = np.clip(gaze * (ALONG, ACROSS), -MOST, MOST)
    if not way.any():
        return
    for eye, (part, open_) in zip(EYES, bends.eyes, strict=True):
        points = shown[list(eye)] - part.origin
        along = points[8] - points[0]
        width = max(float(np.linalg.norm(along)), 1e-6)
        along = along / width * (1 if along[0] > 0 else -1)
        here = Part.around(points, 1, open_.shape[1::-1])
        y, x = np.mgrid[here.here].astype(np.float32)
        middle = (points[0] + points[8]) / 2
        from_middle = ((x - middle[0]) * along[0] + (y - middle[1]) * along[1]) / (0.5 * width)
        # The corners stay; the middle goes all the way.
        share = np.sqrt(np.clip(1 - from_middle**2, 0, 1)) * open_[here.here]
        moved = (way[0] * along + way[1] * np.array([-along[1], along[0]])) * width
        bends.offsets[part.here][here.here] -= share[..., None] * moved.astype(np.float32)
