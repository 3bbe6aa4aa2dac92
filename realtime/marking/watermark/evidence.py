"""The reader's statistics: how strongly a picture speaks for the pattern at each chip.

**Whitening.** The mark is one step of brightness and the picture is some hundred, so all that can be foretold is
taken away first: the mean around each pixel, and then the remaining variation is divided by its local power, so that
a flat wall counts for more than a beard. The pattern lies still and the picture moves: whitened pictures are
added up over time, and what was added up is evened out once more.

**Statistics.** Let y_j be the whitened brightness that chip j collects, and p_j = ±1 its sign. For a picture made
without knowledge of the pattern the y_j are any numbers, and the p_j are as good as coins thrown afterwards. So for
each codeword c the statistic t = sum(p_j c_j y_j) / sqrt(sum(y_j^2)) obeys Hoeffding's inequality (1963),
P(t >= x) <= exp(-x^2 / 2), whatever the picture is: nothing is assumed about it. The reader tries 2^24 codewords and
so many ways to lay the pattern over the picture; the chance that any of them reaches x is at most the number of all
these trials times that.
"""

from dataclasses import dataclass
from math import log, log10
from typing import Final, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.marking.watermark.pattern import PILOT, TILE, TileLayout, chip_roles, chip_signs, pilot_chips
from realtime.marking.watermark.payload import KNOWN_BITS, Payload
from realtime.runtime.arrays import Floats, Matrix

__all__ = [
    "SAMPLES",
    "Finding",
    "Picture",
    "chip_sums",
    "evened",
    "judge",
    "lattice_to_tile",
    "pilot_t",
    "sampled",
    "whitened",
]

#: Positions read for each chip, along either axis.
SAMPLES: Final = 3

#: float32 (H, W), a picture's brightness on the lattice of a layout: ``SAMPLES`` positions a chip.
Picture: TypeAlias = Floats

# In chips: how far around a pixel the mean is taken, and the power. Below the floor, in code values of 8 bits
# squared, nothing is told apart from the noise of coding.
_MEAN, _POWER, _FLOOR = 1.0, 1.0, 1.0


@dataclass(frozen=True, slots=True)
class Finding:
    """The payload that fits best, its 64 bits as they were read (negative for 1), and ``t`` as above.

    ``doubt`` is the chance, 0..1, that the picture is marked, but with another payload.
    """

    payload: Payload
    values: Floats
    t: float
    doubt: float

    def log10_chance(self, trials: float) -> float:
        """The logarithm of an upper bound of the chance of such a find in ``trials`` looks at unmarked pictures."""
        return min(0.0, log10(trials) + KNOWN_BITS * log10(2) - max(self.t, 0.0) ** 2 / 2 / log(10))


def sampled(luma: Floats, layout: TileLayout) -> Picture:
    """``luma``, float32 (H, W) as shown, on the lattice of ``layout``."""
    height, width = luma.shape
    step = layout.step(width, height) * SAMPLES
    size = max(1, round(width * step)), max(1, round(height * step))
    smaller = cv2.resize(luma, size, interpolation=cv2.INTER_AREA if step < 1 else cv2.INTER_LINEAR)
    return np.asarray(smaller, np.float32)


def lattice_to_tile(picture: Picture) -> Matrix:
    """The matrix, float64 (2, 3), from positions on the lattice to chips of the tile, as the pattern was drawn."""
    height, width = picture.shape
    step = 1 / SAMPLES
    return np.array([[step, 0, TILE / 2 - (width - 1) / 2 * step], [0, step, TILE / 2 - (height - 1) / 2 * step]])


def whitened(picture: Picture, floor: float = _FLOOR, power: float = 2.0) -> Picture:
    """What cannot be foretold from the neighbourhood, over its standard deviation to the power of ``power``."""
    rest = picture - cv2.GaussianBlur(picture, (0, 0), _MEAN * SAMPLES)
    strength = cv2.GaussianBlur(rest * rest, (0, 0), _POWER * SAMPLES)
    return np.asarray(rest / (strength + np.float32(floor)) ** np.float32(power / 2), np.float32)


def evened(total: Picture) -> Picture:
    """A sum of whitened pictures, made equally strong everywhere."""
    floor = 0.01 * float(np.mean(total * total)) + 1e-12
    return whitened(total, floor, 1.0)


def chip_sums(picture: Picture, to_tile: Matrix) -> NDArray[np.float64]:
    """What each chip of the tile collects of ``picture``, float64 (256 * 256,); ``to_tile`` maps without turning."""
    height, width = picture.shape
    columns, across = _chips(width, to_tile[0, 0], to_tile[0, 2])
    rows, down = _chips(height, to_tile[1, 1], to_tile[1, 2])
    chips = rows[:, None] * TILE + columns
    return np.asarray(np.bincount(chips.ravel(), (picture * down[:, None] * across).ravel(), TILE * TILE), np.float64)


def judge(sums: NDArray[np.float64]) -> Finding:
    """The message in ``sums``, float64 (256 * 256,) per chip."""
    signs, roles = chip_signs().ravel(), chip_roles().ravel()
    size = float(np.sqrt(np.sum(sums * sums))) or 1.0
    by_role = np.bincount(roles, signs * sums, PILOT + 1) / size
    values, pilot = by_role[:PILOT].astype(np.float32), float(by_role[PILOT])
    payload, fits = Payload.decode(values)
    # Half of all chips are pilots, and each bit has a 64th of the others: so the pilot says how strong the bits
    # should be, and with noise of variance 1/128 in each, 2 * pilot * fit is a word's log-likelihood.
    doubt = 1 - 1 / float(np.sum(np.exp(2 * max(pilot, 0.0) * (fits - fits[0]), dtype=np.float64)))
    return Finding(payload, values, pilot + float(fits[0]), doubt)


def pilot_t(sums: NDArray[np.float64]) -> float:
    """``t`` of the pilot alone, by which places are compared."""
    size = float(np.sqrt(np.sum(sums * sums))) or 1.0
    return float(np.dot(pilot_chips().ravel(), sums)) / size


def _chips(count: int, step: float, start: float) -> tuple[NDArray[np.intp], Floats]:
    """For positions 0..count-1 along one axis: the chip, and how near its middle (1) or its edge (0) it is."""
    at = np.arange(count) * step + start
    nearest = np.rint(at)
    weight = np.clip(2 - 4 * np.abs(at - nearest), 0, 1)
    return nearest.astype(np.intp) % TILE, weight.astype(np.float32)
