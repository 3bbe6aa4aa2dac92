"""What is measured of an aligned face: sharpness, light, and a fingerprint of how it looks.

Everything is measured inside the mask, at one size, so that faces of all sets compare.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from realtime.align import fit_similarity
from realtime.finder.landmarks68 import EYE_CORNERS
from realtime.runtime.arrays import Bytes, Points

__all__ = ["Measures", "measure", "openness"]

#: Side of the crop that is measured.
SIDE: Final = 256
#: Side of the picture under the fingerprint, and of the block of its lowest frequencies that is kept.
FINGERPRINT, WAVES = 64, 16
#: Where an eye's corners come to lie in the small picture that is looked at, 48 by 32 pixels.
_CORNERS: Final = np.array([(6, 15.5), (41, 15.5)], np.float32)
#: Luma (0..255) up to which a pixel is black, and from which it is blown out.
BLACK, WHITE = 5, 250


@dataclass(frozen=True, slots=True)
class Measures:
    """``sharpness`` is the Laplacian's energy over the luma's variance (after Pech-Pacheco et al., ICPR 2000), so that
    dim light is no blur. ``brightness`` is the mean luma in 0..1, ``clipped`` the share of pixels that are black or
    blown out. ``light`` says where it comes from: luma of the right half less that of the left, and of the lower less
    that of the upper, over their sums, in -1..1. ``phash`` is the sign of the lowest frequencies of the face's middle
    (a perceptual hash, Zauner 2010), 256 bits as hexadecimal digits. ``eyes`` is the share of sideways gradients among
    those of the eyes' middles, 0..1: iris and white have them, shut lids hardly do. Below 0.2 eyes are shut, above
    0.33 open. It is measured in the picture because landmark nets draw shut eyes half open.
    """

    sharpness: float
    brightness: float
    clipped: float
    light: tuple[float, float]
    phash: str
    eyes: float


def measure(crop: Bytes, mask: Bytes, landmarks: Points) -> Measures:
    """Measure a crop, uint8 (S, S, 3) RGB, inside its mask, uint8 (S, S), with its landmarks, float32 (68, 2)."""
    luma = np.asarray(cv2.cvtColor(_at(crop, SIDE), cv2.COLOR_RGB2GRAY), np.uint8)
    inside = _at(mask, SIDE) > 127
    if not inside.any():
        inside = np.ones_like(inside)
    seen = luma[inside]
    edges = np.asarray(cv2.Laplacian(luma, cv2.CV_32F), np.float32)[inside]
    half = SIDE // 2
    return Measures(
        sharpness=float(np.mean(edges**2)) / max(float(seen.var()), 1.0),
        brightness=float(seen.mean()) / 255,
        clipped=float(np.mean((seen <= BLACK) | (seen >= WHITE))),
        light=(
            _contrast(luma[:, :half][inside[:, :half]], luma[:, half:][inside[:, half:]]),
            _contrast(luma[:half][inside[:half]], luma[half:][inside[half:]]),
        ),
        phash=_fingerprint(luma),
        eyes=_openness(luma, landmarks, len(crop)),
    )


def _at(picture: Bytes, side: int) -> Bytes:
    if picture.shape[0] == side:
        return picture
    how = cv2.INTER_AREA if picture.shape[0] > side else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, (side, side), interpolation=how), np.uint8)


def _contrast(first: Bytes, second: Bytes) -> float:
    """How much brighter the second group of pixels is, -1..1."""
    a, b = (float(part.mean()) if part.size else 0.0 for part in (first, second))
    return (b - a) / max(a + b, 1.0)


def openness(crop: Bytes, landmarks: Points) -> float:
    """How far eyes are open, ``Measures.eyes`` alone; arguments as ``measure`` takes them."""
    return _openness(np.asarray(cv2.cvtColor(_at(crop, SIDE), cv2.COLOR_RGB2GRAY), np.uint8), landmarks, len(crop))


def _openness(luma: Bytes, landmarks: Points, size: int) -> float:
    """The mean of both eyes, of landmarks in a crop of ``size`` pixels that was scaled to ``luma``."""
    landmarks = (landmarks + np.float32(0.5)) * np.float32(SIDE / size) - np.float32(0.5)
    shares = []
    for corners in EYE_CORNERS:
        matrix = fit_similarity(landmarks[list(corners)], _CORNERS)
        eye = np.asarray(cv2.warpAffine(luma, matrix, (48, 32), flags=cv2.INTER_LINEAR), np.float32)
        eye = np.asarray(cv2.GaussianBlur(eye, (0, 0), 1.2), np.float32)
        across, along = (np.asarray(cv2.Sobel(eye, cv2.CV_32F, x, 1 - x), np.float32)[8:24, 8:40] for x in (1, 0))
        sideways = float(np.sum(across**2))
        shares.append(sideways / max(sideways + float(np.sum(along**2)), 1e-6))
    return sum(shares) / len(shares)


def _fingerprint(luma: Bytes) -> str:
    """Of the middle of a crop, where the features are: brows to chin."""
    edge = SIDE // 5
    middle = _at(np.ascontiguousarray(luma[edge:-edge, edge:-edge]), FINGERPRINT)
    waves = np.asarray(cv2.dct(middle.astype(np.float32)), np.float32)[:WAVES, :WAVES].ravel()
    return np.packbits(waves > np.median(waves)).tobytes().hex()
