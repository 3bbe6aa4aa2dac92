"""Skin told from hair, cloth and wall by its own colours: statistics of what is surely skin, and how far off they are.

Colours are logarithms, so that light counts as a shift: the mean over the channels is the luma, the rest the chroma.
"""

from dataclasses import dataclass

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
        luma, chroma = _logarithms(picture)
        away = ((luma - self.mean[0]) / (self.spread[0] + 0.10)) ** 2
        # Brighter than the mean is a highlight more often than something else.
        away = np.where(luma > self.mean[0], away * 0.25, away) / 5
        away += ((chroma - self.mean[1:]) ** 2).sum(axis=2) / ((self.spread[1] + 0.035) ** 2 * 7)
        return np.asarray(np.exp(-1.6 * np.maximum(away - 0.7, 0)), np.float32)

    def strictly(self, picture: Bytes) -> Floats:
        """The same for places where something else is as likely as skin, such as a bright wall beside a cheek."""
        luma, chroma = _logarithms(picture)
        away = ((luma - self.mean[0]) / (self.spread[0] + 0.08)) ** 2 / 2.5
        away += ((chroma - self.mean[1:]) ** 2).sum(axis=2) / ((self.spread[1] + 0.03) ** 2 * 5)
        return np.asarray(np.exp(-1.6 * np.maximum(away - 0.4, 0)), np.float32)

    def moved(self, other: "Skin", share: float) -> "Skin":
        """These statistics moved towards ``other`` by ``share``."""
        return Skin(self.mean + share * (other.mean - self.mean), self.spread + share * (other.spread - self.spread))


def skin_of(picture: Bytes, weight: Floats) -> Skin:
    """Statistics of uint8 (H, W, 3) RGB where ``weight``, float32 (H, W) in 0..1, says that it is skin."""
    luma, chroma = _logarithms(picture)
    total = float(weight.sum()) + 1e-3
    mean_luma = float((luma * weight).sum()) / total
    mean_chroma = (chroma * weight[..., None]).sum(axis=(0, 1)) / total
    spread_luma = float(np.sqrt(((luma - mean_luma) ** 2 * weight).sum() / total))
    spread_chroma = float(np.sqrt((((chroma - mean_chroma) ** 2).sum(axis=2) * weight).sum() / total))
    return Skin(np.array([mean_luma, *mean_chroma], np.float32), np.array([spread_luma, spread_chroma], np.float32))


def _logarithms(picture: Bytes) -> tuple[Floats, Floats]:
    logarithms = _LOG[picture]
    luma = logarithms.mean(axis=2)
    return luma, logarithms - luma[..., None]


_LOG = np.log(np.arange(256, dtype=np.float32) + 4)
