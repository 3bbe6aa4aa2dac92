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
#: The surroundings of a place of the texture, as a share of its side; shares of their brightness at which nothing goes
#: along with the skin's colour, and from which on all does.
AROUND: Final = 0.06
DARKER, SKIN_FROM = 0.5, 0.85
#: How quickly the performer's skin and the photograph's contrast are learnt, a frame.
RATE: Final = 0.1
#: A face's codes are roughly a power of light.
GAMMA: Final = 2.2
#: Detail of the photograph is never amplified, and not reduced by more than to this power.
LEAST_CONTRAST: Final = 0.55


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

        ``performer`` is uint8 (SMALL, SMALL, 3) RGB, ``photograph`` uint8 (SMALL, SMALL, 4) of ``to_planes``,
        ``weight`` float32 (SMALL, SMALL) where both may show skin, ``hair`` where hair may hide the performer's.
        """
        seen = skin_of(performer, weight * np.clip(1 - 2 * hair, 0, 1))
        self.skin = seen if self.skin is None else self.skin.moved(seen, RATE)
        likeness = self.skin.likeness(performer)
        ours, theirs = _planes_of(performer), _unpacked(photograph)
        luma = np.stack([ours[0], theirs[0]])
        colours = np.stack([ours[1], theirs[1], ours[2], theirs[2]])
        skin = weight * likeness
        light, red, blue = _low(np.concatenate([_LINEAR[luma], colours]), skin).reshape(3, 2, SMALL, SMALL)
        bright = np.asarray(np.float32(255) * cv2.pow(light, 1 / GAMMA), np.float32)
        base = np.maximum(bright, np.float32(4))
        detail = _LOG[luma] - np.log(base)
        spreads = np.sqrt((detail * detail * skin).sum(axis=(1, 2)) / (skin.sum() + 1e-3)) + 0.06
        contrast = float(np.clip(spreads[0] / spreads[1], LEAST_CONTRAST, 1))
        self.contrast = contrast if self.contrast is None else self.contrast + RATE * (contrast - self.contrast)
        gain = np.asarray(bright[0] / cv2.pow(base[1], self.contrast), np.float32)
        return Relight(gain, red[0] - red[1], blue[0] - blue[1], self.contrast, likeness)


def relit(texture: Bytes, relight: Relight, folds: Floats) -> Bytes:
    """The ``texture``, uint8 (H, W, 4) of ``to_planes``, in the performer's light: uint8 (H, W, 3) RGB.

    ``folds`` is a further factor of the brightness, float32 of any size.
    """
    size = texture.shape[1::-1]
    luma, *chroma, follows = cv2.split(texture)
    table = ((np.arange(256) + 2.0) ** relight.contrast).astype(np.float32)
    gain = cv2.multiply(cv2.resize(relight.gain, folds.shape[::-1]), folds)
    bright = np.asarray(cv2.multiply(cv2.LUT(luma, table), cv2.resize(gain, size)), np.float32)
    planes = [cv2.convertScaleAbs(bright)]
    bright += np.float32(DARK)
    for each, shift in zip(chroma, (relight.red, relight.blue), strict=True):
        moved = cv2.multiply(cv2.resize(shift * np.float32(CHROMA / 255), size), follows, dtype=cv2.CV_32F)
        there = cv2.addWeighted(each, 1, moved, 1, -128, dtype=cv2.CV_32F)
        planes.append(cv2.convertScaleAbs(cv2.multiply(there, bright), alpha=1 / CHROMA, beta=128))
    return np.asarray(cv2.cvtColor(cv2.merge(planes), cv2.COLOR_YCrCb2RGB), np.uint8)


def to_planes(rgb: Bytes) -> Bytes:
    """uint8 (H, W, 3) RGB as luma, the two chromaticities, see ``CHROMA``, and what goes along with the skin's colour.

    uint8 (H, W, 4); the last is 255 for skin and 0 for what is much darker than around it: black brows are black on a
    pale performer, too, and would be blue if they were moved as far from orange as the skin is.
    """
    luma, *chroma = _planes_of(rgb)
    packed = (np.clip(np.rint(each * np.float32(CHROMA) + 128), 0, 255).astype(np.uint8) for each in chroma)
    around = cv2.GaussianBlur(luma.astype(np.float32), (0, 0), AROUND * len(rgb)) + 1
    share = np.clip((luma / around - DARKER) / (SKIN_FROM - DARKER), 0, 1)
    return np.dstack([luma, *packed, np.rint(255 * share).astype(np.uint8)])


def _planes_of(rgb: Bytes) -> tuple[Bytes, Floats, Floats]:
    """Luma, uint8 (H, W), and Cr/(Y + DARK), Cb/(Y + DARK), float32 (H, W)."""
    luma, *chroma = (np.asarray(each, np.uint8) for each in cv2.split(cv2.cvtColor(rgb, cv2.COLOR_RGB2YCrCb)))
    bright = luma + np.float32(DARK)
    red, blue = ((each - np.float32(128)) / bright for each in chroma)
    return luma, red, blue


def _unpacked(planes: Bytes) -> tuple[Bytes, Floats, Floats]:
    luma, *chroma, _ = (np.asarray(each, np.uint8) for each in cv2.split(planes))
    red, blue = ((each - np.float32(128)) / np.float32(CHROMA) for each in chroma)
    return luma, red, blue


def _low(planes: Floats, weight: Floats) -> Floats:
    """The low frequencies of ``planes``, float32 (K, SMALL, SMALL); far from all weight, their means."""
    weighed = np.concatenate([planes * weight, weight[None]])
    *low, sums = _SOFT @ weighed @ _SOFT.T
    *means, total = weighed.sum(axis=(1, 2))
    sums += np.float32(1e-4)
    trust = np.minimum(sums / np.float32(0.03), 1)
    means_of = np.array(means)[:, None, None] / (total + np.float32(1e-3))
    return np.asarray(np.stack(low) * (trust / sums) + means_of * (1 - trust), np.float32)


def _soft() -> Floats:
    """A Gaussian of ``SIGMA`` as a matrix: one way by its rows, the other by its columns."""
    sigma = SIGMA * SMALL
    kernel = cv2.getGaussianKernel(2 * round(4 * sigma) + 1, sigma)
    return np.asarray(cv2.sepFilter2D(np.eye(SMALL, dtype=np.float32), -1, np.ones(1), kernel), np.float32)


_SOFT: Final = _soft()
_LINEAR: Final = (((np.arange(256) + 2) / 255) ** GAMMA).astype(np.float32)
_LOG: Final = np.log(np.arange(256, dtype=np.float32) + 2)
