"""The performer's light on the photographed face: low frequencies go over, detail stays.

Read at a small size where both faces are skin. Brightness is a ratio, worked out in linear light; colour is a shift
of Cr/Y and Cb/Y, for ratios of red, green and blue turn lips purple.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

import cv2
import numpy as np

from realtime.photo_swap.skin import Skin, skin_of
from realtime.runtime.arrays import Bytes, Floats

__all__ = ["SMALL", "Lamp", "Relight", "relit", "to_planes"]

#: Side of the picture in which light is read.
SMALL: Final = 48
#: Low frequencies, as a share of the crop's side.
SIGMA: Final = 0.16 / 1.75
#: Chromaticity Cr/(Y + DARK) is kept as uint8: CHROMA times it, around 128.
CHROMA: Final = 170.0
DARK: Final = 6.0
#: How quickly the performer's skin and the photograph's contrast are learnt, a frame.
RATE: Final = 0.1
#: A face's codes are roughly a power of light.
GAMMA: Final = 2.2
#: Detail of the photograph is never amplified, and not reduced by more than to this power.
LEAST_CONTRAST: Final = 0.55


_CHROMAS: Final = ((np.arange(256) - 128) / CHROMA).astype(np.float32)


class Relight(NamedTuple):
    """What to do to the texture: luma becomes ``gain`` * (luma + 1) ** ``contrast``; ``red`` and ``blue`` are added to
    the chromaticities. float32 (SMALL, SMALL) each; ``skin`` tells where the performer shows skin.
    """

    gain: Floats
    red: Floats
    blue: Floats
    contrast: float
    skin: Floats


@dataclass(slots=True)
class Lamp:
    """What is known of the light on one performer from earlier frames."""

    skin: Skin | None = None
    contrast: float | None = None

    def read(self, performer: Bytes, photograph: Bytes, weight: Floats, hair: Floats) -> Relight:
        """Compare the two faces.

        ``performer`` is uint8 (SMALL, SMALL, 3) RGB, ``photograph`` uint8 (SMALL, SMALL, 3), luma and chromaticities,
        ``weight`` float32 (SMALL, SMALL) where both may show skin, ``hair`` where hair may hide the performer's.
        """
        seen = skin_of(performer, weight * np.clip(1 - 2 * hair, 0, 1))
        self.skin = seen if self.skin is None else self.skin.moved(seen, RATE)
        likeness = self.skin.likeness(performer)
        skin = np.asarray(weight * likeness, np.float32)
        ours, theirs = _planes_of(performer), _unpacked(photograph)
        linear = [((each[..., :1] + 2) / 255) ** GAMMA for each in (ours, theirs)]
        stack = np.dstack([linear[0], ours[..., 1:], linear[1], theirs[..., 1:]]).astype(np.float32)
        low = _low(stack, skin)
        luma = [255 * low[..., k] ** (1 / GAMMA) for k in (0, 3)]
        total = float(skin.sum()) + 1e-3
        spreads = []
        for each, base in ((ours, luma[0]), (theirs, luma[1])):
            detail = np.log((each[..., 0] + 2) / np.maximum(base, 4))
            spreads.append(float(np.sqrt((detail * detail * skin).sum() / total)))
        contrast = float(np.clip((spreads[0] + 0.06) / (spreads[1] + 0.06), LEAST_CONTRAST, 1))
        self.contrast = contrast if self.contrast is None else self.contrast + RATE * (contrast - self.contrast)
        gain = luma[0] / np.maximum(luma[1], 4) ** self.contrast
        red, blue = (np.ascontiguousarray(low[..., k] - low[..., k + 3]) for k in (1, 2))
        return Relight(np.asarray(gain, np.float32), red, blue, self.contrast, np.asarray(likeness, np.float32))


def relit(texture: Bytes, relight: Relight, folds: Floats) -> Bytes:
    """The ``texture``, uint8 (H, W, 3) in luma and chromaticities, in the performer's light: uint8 (H, W, 3) RGB.

    ``folds`` is a further factor of the brightness, float32 of any size.
    """
    height, width = texture.shape[:2]
    luma, red, blue = (np.asarray(each, np.uint8) for each in cv2.split(texture))
    table = ((np.arange(256) + 2.0) ** relight.contrast).astype(np.float32)
    gain = np.asarray(cv2.resize(relight.gain, folds.shape[::-1]), np.float32) * folds
    bright = np.asarray(cv2.LUT(luma, table), np.float32)
    bright *= np.asarray(cv2.resize(gain, (width, height)), np.float32)
    planes: list[Bytes] = [np.asarray(cv2.convertScaleAbs(bright), np.uint8)]
    bright += np.float32(DARK)
    for each, shift in ((red, relight.red), (blue, relight.blue)):
        chroma = np.asarray(cv2.LUT(each, _CHROMAS), np.float32)
        chroma += np.asarray(cv2.resize(shift, (width, height)), np.float32)
        chroma *= bright
        chroma += np.float32(128)
        planes.append(np.asarray(cv2.convertScaleAbs(chroma), np.uint8))
    return np.asarray(cv2.cvtColor(cv2.merge(planes), cv2.COLOR_YCrCb2RGB), np.uint8)


def to_planes(rgb: Bytes) -> Bytes:
    """uint8 (H, W, 3) RGB as luma and the two chromaticities, uint8 (H, W, 3); see ``CHROMA``."""
    planes = _planes_of(rgb)
    planes[..., 1:] = planes[..., 1:] * CHROMA + 128
    return np.clip(np.rint(planes), 0, 255).astype(np.uint8)


def _planes_of(rgb: Bytes) -> Floats:
    """Luma 0..255 and Cr/(Y + DARK), Cb/(Y + DARK), float32 (H, W, 3)."""
    planes = cv2.cvtColor(rgb, cv2.COLOR_RGB2YCrCb).astype(np.float32)
    planes[..., 1:] = (planes[..., 1:] - 128) / (planes[..., :1] + DARK)
    return planes


def _unpacked(planes: Bytes) -> Floats:
    unpacked = planes.astype(np.float32)
    unpacked[..., 1:] = (unpacked[..., 1:] - 128) / CHROMA
    return unpacked


def _low(stack: Floats, weight: Floats) -> Floats:
    """The low frequencies of ``stack``, float32 (SMALL, SMALL, 6); far from all weight, its mean."""
    sigma = SIGMA * SMALL
    weighed = stack * weight[..., None]
    low = np.dstack([cv2.GaussianBlur(np.ascontiguousarray(weighed[..., k : k + 3]), (0, 0), sigma) for k in (0, 3)])
    sums = cv2.GaussianBlur(weight, (0, 0), sigma) + np.float32(1e-4)
    mean = weighed.sum(axis=(0, 1)) / (float(weight.sum()) + 1e-3)
    trust = np.clip(sums / 0.03, 0, 1)[..., None]
    return np.asarray(low / sums[..., None] * trust + mean * (1 - trust), np.float32)
