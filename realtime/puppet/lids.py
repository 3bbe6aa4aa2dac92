"""How far eyes are open, as the picture says: an iris has upright edges, a shut lid has none, only the line of lashes.

A mesh follows a blink most of the way. What it makes of the lids and what is seen here are taken together.
"""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.mesh.vertices import EYES
from realtime.puppet.performer import Performer

__all__ = ["seen_open"]

#: The eye is looked at in a picture of that size (width, height), in which it is so wide.
SIZE: Final = (48, 40)
WIDE: Final = 32.0
#: How much of either eye's own share counts; the rest is the mean of both, which trembles less.
OWN: Final = 0.5


def seen_open(performer: Performer) -> NDArray[np.float64]:
    """The share of upright edges among all edges at each eye: float64 (2,), 0.3 to 0.5 open, 0.05 to 0.2 shut."""
    grey = cv2.cvtColor(performer.picture, cv2.COLOR_RGB2GRAY)
    shares = np.zeros(2)
    for number, eye in enumerate(EYES):
        corners = performer.mesh[[eye[0], eye[8]], :2].astype(np.float64)
        left, right = corners[np.argsort(corners[:, 0])]
        along = right - left
        width = max(float(np.linalg.norm(along)), 1e-6)
        x, y = along / width * (WIDE / width)
        to_eye = np.array([[x, y, 0.0], [-y, x, 0.0]])
        to_eye[:, 2] = np.array(SIZE) / 2 - 0.5 - to_eye[:, :2] @ (left + right) / 2
        seen = cv2.warpAffine(grey, to_eye, SIZE, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        soft = cv2.GaussianBlur(seen.astype(np.float32), (0, 0), 1.2)
        upright, level = (
            float(np.sum(np.square(cv2.Sobel(soft, cv2.CV_32F, dx, 1 - dx)[10:30, 8:40]))) for dx in (1, 0)
        )
        shares[number] = upright / max(upright + level, 1e-3)
    return np.asarray(OWN * shares + (1 - OWN) * shares.mean(), np.float64)
