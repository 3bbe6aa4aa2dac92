"""Where the pattern lies in a picture: as it was drawn, in a part of it, or in a picture that was cropped."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.marking.watermark.evidence import SAMPLES, Finding, Picture, chip_sums, judge, lattice_to_tile, pilot_t
from realtime.marking.watermark.pattern import pilot_chips, render
from realtime.media.affine import compose, translation
from realtime.runtime.arrays import Matrix

__all__ = ["Candidate", "in_part", "moved", "straight"]

#: A crop may show so little of the picture's shorter side, and move its middle by so many chips.
_LEAST_SHARE: Final = 0.85
_MOST_CHIPS: Final = 14

# The search goes in steps that keep the pattern within half a chip, and then in finer ones around the best.
_SHARE_STEP, _FINER = 0.005, 4
_NEARBY: Final = range(-_FINER, _FINER + 1)

#: The parts that are looked at: the whole, and windows of these shares of it, overlapping by half.
_WINDOWS: Final = (1, 2, 3, 4, 6)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A finding, and among how many places it is the best."""

    finding: Finding
    places: int


def straight(picture: Picture) -> Candidate:
    """The pattern where it was drawn; ``picture`` is evened, on its layout's lattice."""
    return Candidate(judge(chip_sums(picture, lattice_to_tile(picture))), 1)


def in_part(picture: Picture) -> Candidate:
    """The pattern where it was drawn, in the part of the picture that has most of it."""
    to_tile = lattice_to_tile(picture)
    windows = list(_windows(picture.shape))
    parts = (
        chip_sums(picture[rows, columns], compose(translation(columns.start, rows.start), to_tile))
        for rows, columns in windows
    )
    return Candidate(judge(max(parts, key=pilot_t)), len(windows))


def moved(picture: Picture) -> Candidate:
    """The pattern in a picture of which the edges were cut off: found by its pilot."""
    shares = np.arange(1.0, _LEAST_SHARE - _SHARE_STEP / 2, -_SHARE_STEP)
    best = max((_best_move(picture, float(share)) for share in shares), key=lambda place: place[0])
    _, share, x, y = best
    step = [0, 0, 0]

    def sums(share_step: int, x_step: int, y_step: int) -> NDArray[np.float64]:
        finer = share + share_step * _SHARE_STEP / _FINER / 2
        return chip_sums(picture, _moved(picture, finer, x + x_step / _FINER / 2, y + y_step / _FINER / 2))

    for _, axis in product(range(2), (1, 2, 0)):
        tries = [[*step[:axis], near, *step[axis + 1 :]] for near in _NEARBY]
        step = max(tries, key=lambda place: pilot_t(sums(*place)))
    places = len(shares) * (2 * _MOST_CHIPS * SAMPLES + 1) ** 2 * len(_NEARBY) ** 3
    return Candidate(judge(sums(*step)), places)


def _best_move(picture: Picture, share: float) -> tuple[float, float, float, float]:
    """How well the pilot fits at best where ``share`` of the shorter side is seen, then share, x, y in chips."""
    height, width = picture.shape
    margin = _MOST_CHIPS * SAMPLES
    size = width + 2 * margin, height + 2 * margin
    to_tile = compose(translation(-margin, -margin), _moved(picture, share, 0, 0))
    fits = cv2.matchTemplate(render(pilot_chips(), to_tile, size), picture, cv2.TM_CCORR)
    _, best, _, (x, y) = cv2.minMaxLoc(fits)
    chip = to_tile[0, 0]
    return best, share, (x - margin) * chip, (y - margin) * chip


def _moved(picture: Picture, share: float, x: float, y: float) -> Matrix:
    """As ``lattice_to_tile`` where ``share`` of the shorter side is seen and the middle lies (x, y) chips off."""
    height, width = picture.shape
    middle = np.array([[share, 0, (1 - share) * (width - 1) / 2], [0, share, (1 - share) * (height - 1) / 2]])
    return compose(compose(middle, lattice_to_tile(picture)), translation(x, y))


def _windows(shape: tuple[int, ...]) -> Iterator[tuple[slice, slice]]:
    height, width = shape
    for parts in _WINDOWS:
        for row, column in product(range(2 * parts - 1), repeat=2):
            yield (
                slice(row * height // (2 * parts), (row + 2) * height // (2 * parts)),
                slice(column * width // (2 * parts), (column + 2) * width // (2 * parts)),
            )
