"""Where one scene ends and another begins."""

import numpy as np

from realtime.media.frame import Frame
from realtime.runtime.arrays import Bytes

__all__ = ["Cuts"]

#: Size of the whole picture in which cuts are seen, and the mean change of its 8-bit values that is one.
THUMBNAIL, CUT = (32, 18), 18.0


class Cuts:
    """Compares each frame of a stream with the one before."""

    def __init__(self) -> None:
        self._last: Bytes | None = None

    def before(self, frame: Frame) -> bool:
        """Whether there is a cut right before ``frame``, as there is before the first."""
        matrix = np.diag([THUMBNAIL[0] / frame.width, THUMBNAIL[1] / frame.height, 1])[:2]
        last, self._last = self._last, frame.warp(matrix, THUMBNAIL)
        return last is None or float(np.abs(last.astype(np.int16) - self._last).mean()) > CUT
