"""Several photographs of one face, blended by how near the head in each is turned to the performer's.

The nearest one shows best what the performer turns to the camera. Their shares change little from frame to frame, and
the texture is mixed anew only where they have changed, so that nothing jumps and little is done twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from realtime.mesh.pose import Pose
from realtime.photo_swap.draw import PhotoFace
from realtime.runtime.arrays import Bytes, Floats

__all__ = ["Blend", "shares_of"]

#: Degrees within which one photograph takes over from another.
SPREAD: Final = 9.0
#: How quickly shares follow the performer, a frame, and the change from which on the texture is mixed anew.
RATE: Final = 0.2
STEP: Final = 1 / 32


def shares_of(turns: Floats, pose: Pose) -> Floats:
    """How much of each photograph is shown in ``pose``, float32 (N,), together 1; ``turns`` float32 (N, 2) is theirs.

    Turns are yaw and pitch in degrees.
    """
    away = ((turns - (pose.yaw, pose.pitch)) ** 2).sum(axis=1)
    near = np.exp((away.min() - away) / (2 * SPREAD**2))
    return np.asarray(near / near.sum(), np.float32)


@dataclass(slots=True)
class Blend:
    """What one performer has been shown: the ``shares`` by now, and the texture that was mixed last."""

    shares: Floats | None = None
    _mixed: tuple[Floats, int, PhotoFace] | None = None

    def face(self, photos: Sequence[PhotoFace], turns: Floats, pose: Pose) -> PhotoFace:
        """The face to draw in ``pose``, of ``photos`` that were seen as ``turns``, float32 (N, 2), say."""
        wanted = shares_of(turns, pose)
        self.shares = wanted if self.shares is None else self.shares + np.float32(RATE) * (wanted - self.shares)
        level = photos[0].number_for(pose.scale)
        if self._mixed is None or self._mixed[1] != level or np.abs(self._mixed[0] - self.shares).max() > STEP:
            texture = _mixture([photo.levels[level] for photo in photos], self.shares)
            self._mixed = self.shares, level, PhotoFace(photos[0].identity, (texture,) * len(photos[0].levels))
        return self._mixed[2]


def _mixture(textures: Sequence[Bytes], shares: Floats) -> Bytes:
    """All ``textures``, each by its share; what has next to none is left out."""
    mixed, total = textures[0], float(shares[0])
    for texture, share in zip(textures[1:], shares[1:].tolist(), strict=True):
        total += share
        if share > STEP / 4:
            mixed = np.asarray(cv2.addWeighted(mixed, 1 - share / total, texture, share / total, 0), np.uint8)
    return mixed
