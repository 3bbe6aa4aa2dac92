"""The One-Euro filter for landmarks and meshes: still when the head is still, without lag when it moves.

Casiez, Roussel and Vogel, *1 € Filter*, CHI 2012: a low-pass filter whose cut-off frequency grows with speed.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from realtime.runtime.arrays import Floats

__all__ = ["OneEuro"]

#: Cut-off of a point at rest, Hz. Lower is steadier.
REST = 1.0
#: Growth of the cut-off with speed: Hz per (outer-eye distance per second). Higher lags less.
BETA = 30.0
#: Cut-off for the speed itself, Hz.
SPEED_CUTOFF = 2.0


class OneEuro:
    """Smooths the points of one track, frame by frame."""

    def __init__(self, points: Floats, parts: Sequence[Sequence[int]] = (), beta: float = BETA) -> None:
        """``points`` float32 (N, 2) or (N, 3), the first sighting, taken as it is.

        ``parts`` are groups of points that move as one and fast: lids, lips. ``beta`` is as ``BETA``.
        """
        self._beta = beta
        self._points = points.astype(np.float64)
        self._raw = self._points
        self._speed = np.zeros_like(self._points)
        self._parts = [(list(part), np.zeros(self._points.shape[1])) for part in parts]

    def __call__(self, points: Floats, seconds: float, face: float) -> Floats:
        """The smoothed points, of the same shape, ``seconds`` after the former ones (more than 0).

        ``face`` is the distance of the outer eye corners in the unit of the points.
        """
        face = max(face, 1.0)
        raw = points.astype(np.float64)
        step = (raw - self._raw) / seconds
        self._speed += _share(SPEED_CUTOFF, seconds) * (step - self._speed)
        # The head moves as one: the mean speed hardly sees the noise of single points, so it may open the
        # filter wide; a point's own speed adds what lips and lids do.
        head = float(np.linalg.norm(self._speed.mean(axis=0)))
        own = np.linalg.norm(self._speed, axis=1, keepdims=True)  # (N, 1)
        speed = np.maximum(head, own - NOISE * face)
        # A blink is over in three frames. A lid's points share their motion and not their noise, so less of it is
        # taken for noise, and sooner.
        for part, moving in self._parts:
            moving += _share(PART_CUTOFF, seconds) * (step[part].mean(axis=0) - moving)
            speed[part] = np.maximum(speed[part], float(np.linalg.norm(moving)) - PART_NOISE * face)
        self._points = self._points + _share(REST + self._beta * speed / face, seconds) * (raw - self._points)
        self._raw = raw
        return self._points.astype(np.float32)


#: Speed of a single point that is taken for noise, in outer-eye distances per second.
NOISE = 0.1
#: The same for a part, and the cut-off for its speed in Hz.
PART_NOISE, PART_CUTOFF = 0.04, 12.0


def _share(cutoff: float | NDArray[np.float64], seconds: float) -> NDArray[np.float64]:
    """How far a first-order low-pass of ``cutoff`` Hz goes towards a new value in ``seconds``, 0..1."""
    return np.asarray(1.0 - np.exp(-2.0 * np.pi * seconds * np.asarray(cutoff, np.float64)))
