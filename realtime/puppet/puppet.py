"""The puppet: one photo, and what it looks like when it moves."""

from typing import Final

import cv2
import numpy as np

from realtime.mesh.canonical import VERTICES
from realtime.photo_swap.lookup import look_up, look_up_values
from realtime.puppet.field import Bends, Field
from realtime.puppet.folds import Folds
from realtime.puppet.gaze import move_irises
from realtime.puppet.motion import STILL, Motion
from realtime.puppet.mouth import Mouth
from realtime.puppet.part import Part
from realtime.puppet.performer import Performer
from realtime.puppet.rig import Rig
from realtime.runtime.arrays import Bytes, Floats

__all__ = ["Puppet"]

#: How much darker an eye becomes between lids that shut, and from which opening on.
SLIT, SHUTS = 0.55, 0.6
#: Pixels that the moving part reaches beyond the last ring, which does not move.
ROOM: Final = 2.0


class Puppet:
    """Draws the part of a photo that moves.

    ``part`` is where in the photo that is, ``alpha`` uint8 (h, w) 255 where it may move at all: everything else stays
    as it is, to the bit.
    """

    def __init__(self, photo: Bytes, mesh: Floats) -> None:
        """``photo`` is uint8 (H, W, 3) RGB, ``mesh`` float32 (468, 3) the face in its pixels."""
        height, width = photo.shape[:2]
        self.rig = Rig(mesh)
        self.part = Part.around(self.rig.still, ROOM, (width, height))
        self.alpha = self._moving()
        self._picture = np.ascontiguousarray(photo[self.part.here])
        self._field = Field(self.part, self.rig.moved(STILL), self.rig.pose.scale)
        self._mouth = Mouth(photo, mesh)
        self._folds = Folds()
        y, x = np.mgrid[0 : self.part.height, 0 : self.part.width].astype(np.float32)
        self._places = np.dstack([x, y])

    def rest(self) -> None:
        """The performer begins anew: what the face looks like at rest is learnt again."""
        self._folds.forget()

    def draw(self, motion: Motion, performer: Performer | None) -> Bytes:
        """The moving part under ``motion``: uint8 (h, w, 3) RGB.

        ``performer`` lends the inside of the mouth and the folds of the skin; without one there are none.
        """
        moved = self.rig.moved(motion)
        bends = self._field(moved, self.rig.sources(motion))
        move_irises(bends, moved[:VERTICES, :2] - self.part.origin, motion.gaze)
        places = np.asarray(cv2.add(self._places, bends.offsets, dst=bends.offsets), np.float32)
        picture = look_up(self._picture, places, cv2.INTER_CUBIC)
        _shade_slits(picture, bends, motion)
        if performer is not None:
            self._mouth.draw(picture, self._field, moved, performer, motion.mouth)
            self._shade(picture, bends, moved, self._folds(performer))
        return picture

    def _shade(self, picture: Bytes, bends: Bends, moved: Floats, folds: Floats) -> None:
        """Lay ``folds``, logarithms of light over the texture, on the face, in place."""
        places = bends.uv * np.float32(len(folds)) - np.float32(0.5)
        light = look_up_values(folds, places) * bends.inside
        face = Part.around(moved[:VERTICES, :2] - self.part.origin, 0, picture.shape[1::-1])
        zoom = light.shape[1] / picture.shape[1], light.shape[0] / picture.shape[0]
        to_light = np.array(
            [[zoom[0], 0, (face.x + 0.5) * zoom[0] - 0.5], [0, zoom[1], (face.y + 0.5) * zoom[1] - 0.5]]
        )
        gain = cv2.warpAffine(
            np.exp(light),
            to_light,
            (face.width, face.height),
            flags=cv2.WARP_INVERSE_MAP | cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        there = picture[face.here]
        picture[face.here] = cv2.multiply(there, cv2.merge([gain] * 3), dtype=cv2.CV_8U)

    def _moving(self) -> Bytes:
        rim = self.rig.still[-36:] - self.part.origin
        alpha = np.zeros((self.part.height, self.part.width), np.uint8)
        cv2.fillPoly(alpha, [np.rint(rim).astype(np.int32)], 255)
        return alpha


def _shade_slits(picture: Bytes, bends: Bends, motion: Motion) -> None:
    """Darken what is left of the eyes between lids that shut, in place: lashes shade it."""
    for (part, open_), share in zip(bends.eyes, motion.lids, strict=True):
        if share < SHUTS:
            dark = SLIT * float(1 - share / SHUTS)
            here = picture[part.here]
            here[:] = here * (1 - np.float32(dark) * open_)[..., None]
