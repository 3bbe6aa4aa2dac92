"""Where the eyes of an aligned face look: the middle of what is dark between the lids."""

from typing import Final

import cv2
import numpy as np

from realtime.finder.landmarks68 import EYES
from realtime.runtime.arrays import Bytes, Floats, Points

__all__ = ["gaze"]

#: The width to which an eye is brought, in pixels, and the margin around it.
WIDTH: Final = 32
MARGIN: Final = 6
#: Lids that are nearer together than this share of the eye's width show no iris.
SHUT: Final = 0.12


def gaze(crop: Bytes, landmarks: Points) -> Floats:
    """Where the irises are, in eye widths from the middle of the eyes, along and across: float32 (2,).

    ``crop`` is uint8 (S, S, 3) RGB, ``landmarks`` float32 (68, 2) in its pixels. Shut eyes look straight ahead.
    """
    seen = [place for eye in EYES if (place := _iris(crop, landmarks[eye])) is not None]
    return np.asarray(np.mean(seen, axis=0) if seen else np.zeros(2), np.float32)


def _iris(crop: Bytes, lids: Points) -> Floats | None:
    """The middle of the dark in one eye, ``lids`` float32 (6, 2), from the picture's left corner: float32 (2,)."""
    along = lids[3] - lids[0]
    width = float(np.linalg.norm(along))
    height = float(np.linalg.norm(lids[1:3].mean(axis=0) - lids[4:6].mean(axis=0)))
    if not width > 0 or height < SHUT * width:
        return None
    turn = np.array([along, (-along[1], along[0])]) / width * (WIDTH / width)
    matrix = np.column_stack([turn, (WIDTH / 2 + MARGIN, WIDTH / 2) - turn @ ((lids[0] + lids[3]) / 2)])
    eye = cv2.warpAffine(crop, matrix, (WIDTH + 2 * MARGIN, WIDTH), flags=cv2.INTER_LINEAR)
    grey = cv2.cvtColor(eye, cv2.COLOR_RGB2GRAY).astype(np.float32)
    inside = np.zeros(grey.shape, np.uint8)
    places = lids @ turn.T + matrix[:, 2]
    cv2.fillPoly(inside, [np.rint(places).astype(np.int32)], (1,))
    dark, light = np.percentile(grey[inside > 0], (5, 60))
    share = (np.clip((light - grey) / max(light - dark, 1.0), 0, 1) * inside) ** 1.5
    y, x = np.mgrid[: grey.shape[0], : grey.shape[1]]
    total = max(float(share.sum()), 1e-6)
    middle = np.array([(x * share).sum() / total - WIDTH / 2 - MARGIN, (y * share).sum() / total - WIDTH / 2])
    return np.asarray(middle / WIDTH, np.float32)
