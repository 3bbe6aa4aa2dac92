"""What a face looks like, in a few numbers: enough to know it again within one recording, and no more.

Colours and edges of the aligned face, no network: light, hair and clothes count as much as the face does. It tells two
people in one room apart, and knows one again after a cut back to the same shot. It does not know a person again in
another light, and would confuse twins; it is kept in memory only, and identifies nobody.
"""

from typing import Final

import cv2
import numpy as np

from realtime.align import TEMPLATES
from realtime.finder.face import Face
from realtime.media.frame import Frame
from realtime.runtime.arrays import Floats

__all__ = ["Looks", "look_at", "similarity"]

#: Float32 (3, N): colour, brightness and edges, each of length 1 and padded with zeros.
Looks = Floats

#: Side of the crop in pixels, and of the grids in which colours and edges are counted.
SIDE: Final = 48
COARSE, CELLS, ANGLES = 8, 6, 8
#: What colour, brightness and edges count for.
WEIGHTS: Final = (0.3, 0.3, 0.4)


def look_at(frame: Frame, face: Face) -> Looks:
    """The looks of ``face`` in ``frame``."""
    crop = frame.warp(TEMPLATES["whole-face"].frame_to_crop(face.landmarks, SIDE), SIDE)
    lab = cv2.cvtColor(crop, cv2.COLOR_RGB2LAB).astype(np.float32)
    small = cv2.resize(lab, (COARSE, COARSE), interpolation=cv2.INTER_AREA)
    light = np.asarray(small[..., 0] - small[..., 0].mean(), np.float32)
    colour = np.asarray(small[..., 1:] - 128, np.float32)
    return np.stack([_unit(colour), _unit(light), _unit(_edges(np.ascontiguousarray(lab[..., 0])))])


def similarity(a: Looks, b: Looks) -> float:
    """How alike two looks are, -1..1."""
    return float(np.dot((a * b).sum(axis=1), WEIGHTS))


def _edges(light: Floats) -> Floats:
    """How much brightness changes in each direction, cell by cell."""
    x, y = cv2.Sobel(light, cv2.CV_32F, 1, 0), cv2.Sobel(light, cv2.CV_32F, 0, 1)
    size, angle = cv2.cartToPolar(x, y)
    bins = (angle * (ANGLES / (2 * np.pi))).astype(np.int32) % ANGLES
    rows, columns = np.indices(light.shape) * CELLS // SIDE
    place = (rows * CELLS + columns) * ANGLES + bins
    counts = np.bincount(place.ravel(), size.ravel(), CELLS * CELLS * ANGLES)
    return np.sqrt(counts).astype(np.float32)


def _unit(values: Floats) -> Floats:
    flat = np.zeros(CELLS * CELLS * ANGLES, np.float32)
    flat[: values.size] = values.ravel()
    return flat / max(float(np.linalg.norm(flat)), 1e-6)
