"""Skin told from hair, cloth and wall by its own colours: statistics of what is surely skin, and how far off they are.

Colours are logarithms, so that light counts as a shift: the mean over the channels is the luma, the rest the chroma.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from realtime.runtime.arrays import Bytes, Floats

__all__ = ["Skin", "skin_of"]


@dataclass(frozen=True, slots=True, eq=False)
class Skin:
    """Mean and spread of skin: ``mean`` float32 (4,), luma and three of chroma; ``spread`` float32 (2,), of both."""

    mean: Floats
    spread: Floats

    def likeness(self, picture: Bytes) -> Floats:
        """How much each pixel of uint8 (H, W, 3) RGB is like this skin: float32 (H, W) in 0..1."""
        luma, *chroma = _logarithms(picture)
        # Brighter than the mean is a highlight more often than something else.
        above = np.where(luma > self.mean[0], np.float32(0.5), np.float32(1))
        away = (above * (luma - self.mean[0]) / (self.spread[0] + np.float32(0.10))) ** 2 / 5
        away += self._off(chroma) / ((self.spread[1] + np.float32(0.035)) ** 2 * 7)
        return np.asarray(np.exp(np.float32(-1.6) * np.maximum(away - np.float32(0.7), 0)), np.float32)

    def strictly(self, picture: Bytes) -> Floats:
        """The same for places where something else is as likely as skin, such as a bright wall beside a cheek."""
        luma, *chroma = _logarithms(picture)
        away = ((luma - self.mean[0]) / (self.spread[0] + np.float32(0.08))) ** 2 / np.float32(2.5)
        away += self._off(chroma) / ((self.spread[1] + np.float32(0.03)) ** 2 * 5)
        return np.asarray(np.exp(np.float32(-1.6) * np.maximum(away - np.float32(0.4), 0)), np.float32)

    def _off(self, chroma: list[Floats]) -> Floats:
        """How far colours are from this skin's, squared: float32 (H, W)."""
        red, green, blue = ((each - mean) ** 2 for each, mean in zip(chroma, self.mean[1:], strict=True))
        return np.asarray(red + green + blue, np.float32)

    def moved(self, other: "Skin", share: float) -> "Skin":
        """These statistics moved towards ``other`` by ``share``."""
        return Skin(self.mean + share * (other.mean - self.mean), self.spread + share * (other.spread - self.spread))


def skin_of(picture: Bytes, weight: Floats) -> Skin:
    """Statistics of uint8 (H, W, 3) RGB where ``weight``, float32 (H, W) in 0..1, says that it is skin."""
    total = float(weight.sum()) + 1e-3
    planes = _logarithms(picture)
    means = [float(np.vdot(each, weight)) / total for each in planes]
    luma, *chroma = (
        float(np.vdot((each - np.float32(mean)) ** 2, weight)) / total for each, mean in zip(planes, means, strict=True)
    )
    return Skin(np.array(means, np.float32), np.sqrt(np.array([luma, sum(chroma)], np.float32)))


def _logarithms(picture: Bytes) -> list[Floats]:
    """Luma and the three of chroma, float32 (H, W) each."""
    logarithms = cv2.LUT(picture, _LOG)
    return [np.asarray(each, np.float32) for each in cv2.split(cv2.transform(logarithms, _TONES))]


_LOG = np.log(np.arange(256, dtype=np.float32) + 4)
_TONES = np.vstack([np.full((1, 3), 1 / 3), np.eye(3) - 1 / 3]).astype(np.float32)
