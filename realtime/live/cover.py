"""Hiding a part of a frame: what is there is averaged over cells so coarse that no face is left in them.

A face is four cells wide at most. People know a familiar face from seven blurred pixels across (Sinha and others, *Face
Recognition by Humans*, 2006), and recognisers that are trained on pixelated pictures need about as many (McPherson,
Shokri and Shmatikov, *Defeating Image Obfuscation with Deep Learning*, 2016). The cells lie on a grid that never moves,
so that many frames of one face tell no more than one does. They are blended into one another, which adds nothing that
was not in them, and looks calmer.
"""

from math import ceil, floor, log2
from typing import Final

import numpy as np

from realtime.finder.face import Box
from realtime.live.guard import Hidden
from realtime.media.frame import Frame
from realtime.runtime.arrays import Bytes

__all__ = ["cover"]

#: Cells across a face, and across the shorter side of a frame where everything is hidden: a face may fill it.
CELLS_A_FACE: Final = 4
CELLS_A_FRAME: Final = 6
#: Rings of whole cells around what is hidden, so that nothing of it shines through the soft edge.
RINGS: Final = 1


def cover(frame: Frame, hidden: Hidden) -> None:
    """Make what is hidden unrecognisable, in the frame's own planes."""
    width, height = frame.width, frame.height
    if hidden.everything:
        _blur(frame, (0, 0, width, height), min(width, height) / CELLS_A_FRAME)
        return
    for (x0, y0, x1, y1), face_width in hidden.regions:
        inside = max(x0, 0.0), max(y0, 0.0), min(x1, float(width)), min(y1, float(height))
        if inside[0] < inside[2] and inside[1] < inside[3]:
            _blur(frame, inside, face_width / CELLS_A_FACE)


def _blur(frame: Frame, box: Box, least: float) -> None:
    """Cover ``box``, in cells of at least that many pixels."""
    cell = 2 ** max(ceil(log2(least)), 2)
    left, top = floor(box[0] / cell) - RINGS, floor(box[1] / cell) - RINGS
    right, bottom = ceil(box[2] / cell) + RINGS, ceil(box[3] / cell) + RINGS
    # Pixel centres: the corner of a pixel goes to the corner of a cell.
    shift = 0.5 / cell - 0.5
    frame_to_cells = np.array([[1 / cell, 0, shift - left], [0, 1 / cell, shift - top]])
    cells = frame.warp(frame_to_cells, (right - left, bottom - top))  # (H, W, 3)
    alpha: Bytes = np.full((bottom - top, right - left), 255, np.uint8)
    frame.paste(cells, alpha, frame_to_cells)
