"""The inside of the mouth: the performer's teeth and tongue, in the light and the colours of the photo."""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.mesh.vertices import INNER_LIPS
from realtime.puppet.field import Field
from realtime.puppet.part import Part
from realtime.puppet.performer import Performer
from realtime.runtime.arrays import Bytes, Floats

__all__ = ["Mouth"]

#: Points of cheeks and nose by which the light of two faces is compared.
_SKIN: Final = (50, 280, 101, 330, 205, 425, 195)
#: How much brighter or darker the inside becomes, at most; how much more or less coloured.
DARKER, BRIGHTER = 0.35, 2.2
PALER, RICHER = 0.0, 1.3
#: How fast the comparison follows the performer's light, as a share of each frame.
FOLLOWS: Final = 0.05


class Mouth:
    """Puts the inside into a photo's mouth. ``skin`` of the photo is what ``skin_of`` saw."""

    def __init__(self, photo: Bytes, mesh: Floats) -> None:
        """``photo`` is uint8 (H, W, 3) RGB, ``mesh`` float32 (468, 3) in its pixels."""
        self._photo = _skin(photo, mesh)
        self._performer: NDArray[np.float64] | None = None

    def draw(self, picture: Bytes, field: Field, moved: Floats, performer: Performer, share: float) -> None:
        """Fill the mouth in ``picture``, the field's part of the photo bent already, in place.

        ``moved`` float32 (N, 3) are the points in pixels of the photo; ``share`` 0..1 is how much of it is in sight.
        """
        seen = _skin(performer.picture, performer.mesh)
        last = self._performer
        self._performer = seen if last is None else last + FOLLOWS * (seen - last)
        if share <= 0:
            return
        origin = field.part.origin
        lips = moved[list(INNER_LIPS), :2] - origin
        width = float(np.linalg.norm(lips[0] - lips[10]))
        part = Part.around(lips, 3, picture.shape[1::-1])
        there, open_ = field.mouth(moved, performer.mesh[:, :2], part)
        inside = cv2.remap(
            performer.picture, there[..., 0], there[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
        )
        soft = cv2.GaussianBlur(open_, (0, 0), max(width / 45, 0.7))[..., None] * np.float32(share)
        here = picture[part.here].astype(np.float32)
        picture[part.here] = np.rint(here + (self._lit(np.asarray(inside, np.uint8)) - here) * soft).clip(0, 255)

    def _lit(self, inside: Bytes) -> Floats:
        """The performer's ``inside``, uint8 (H, W, 3) RGB, in the photo's light: float32 (H, W, 3)."""
        assert self._performer is not None  # noqa: S101  # seen before
        (ours, red, blue), (theirs, their_red, their_blue) = self._photo, self._performer
        gain = float(np.clip((ours + 4) / (theirs + 4), DARKER, BRIGHTER))
        colour = np.hypot(red, blue) / (ours + 4), np.hypot(their_red, their_blue) / (theirs + 4)
        richness = float(np.clip(colour[0] / max(colour[1], 0.02), PALER, RICHER)) * gain
        parts = cv2.cvtColor(inside, cv2.COLOR_RGB2YCrCb).astype(np.float32)
        parts[..., 0] *= gain
        parts[..., 1:] = (parts[..., 1:] - 128) * richness + 128
        levels = np.rint(parts).clip(0, 255).astype(np.uint8)
        return np.asarray(cv2.cvtColor(levels, cv2.COLOR_YCrCb2RGB), np.float32)


def _skin(picture: Bytes, mesh: Floats) -> NDArray[np.float64]:
    """Brightness of the skin of ``mesh`` in ``picture``, and its colour differences from grey: float64 (3,)."""
    limit = np.array(picture.shape[1::-1]) - 1
    x, y = np.clip(np.rint(mesh[list(_SKIN), :2]), 0, limit).astype(int).T
    levels = np.ascontiguousarray(picture[y, x][None])  # (1, K, 3)
    middle = np.median(cv2.cvtColor(levels, cv2.COLOR_RGB2YCrCb)[0], axis=0)
    return np.asarray(middle - (0.0, 128.0, 128.0), np.float64)
