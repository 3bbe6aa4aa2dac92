"""What to paint a mask on: the face's outline, eyes, brows, nose and lips, where a mask has them."""

from typing import Final

import cv2
import numpy as np

from realtime.masks.layout import eyes, outline, path, smooth_loop
from realtime.mesh.canonical import TRIANGLES, UV
from realtime.mesh.vertices import BROWS, EYES, FOLDS, INNER_LIPS, OUTER_LIPS
from realtime.runtime.arrays import Bytes, Points

__all__ = ["LEAST", "MOST", "NOSE", "template"]

#: Sides in pixels.
LEAST, MOST = 256, 4096
#: The nose's bridge, its tip, and its wings round the nostrils.
BRIDGE: Final = (168, 6, 197, 195, 5, 4, 1)
NOSE: Final = (129, 203, 98, 97, 2, 326, 327, 423, 358)

_MESH = (214, 222, 232)
_FACE = (40, 46, 58)
_HOLE = (226, 62, 54)


def template(size: int) -> Bytes:
    """The guide lines on a see-through ground: uint8 (size, size, 4) RGB and opacity."""
    sheet = np.zeros((size, size, 3), np.uint8)
    opacity = np.zeros((size, size), np.uint8)
    width = max(1, round(size / 512))

    def draw(points: Points, colour: tuple[int, int, int], thick: int, closed: bool = True) -> None:
        at = [np.rint((points * size - 0.5) * 16).astype(np.int32)]
        line = np.zeros((size, size), np.uint8)
        cv2.polylines(line, at, closed, 255.0, thick, cv2.LINE_AA, 4)
        sheet[line > 0] = colour
        np.maximum(opacity, line, out=opacity)

    edges = np.unique(
        np.sort(np.concatenate([TRIANGLES[:, [0, 1]], TRIANGLES[:, [1, 2]], TRIANGLES[:, [2, 0]]])), axis=0
    )
    for edge in edges:
        draw(UV[edge], _MESH, 1, closed=False)
    for eye in EYES:
        draw(smooth_loop(path(eye)), _FACE, width)
    for over, under in BROWS:
        draw(smooth_loop(path([*over, *under[::-1]])), _FACE, width)
    for open_line in (BRIDGE, NOSE, *FOLDS):
        draw(path(open_line), _FACE, width, closed=False)
    draw(smooth_loop(path(OUTER_LIPS)), _FACE, width)
    draw(path(INNER_LIPS[:11]), _FACE, width, closed=False)
    for apart in (outline(size), eyes(size)):  # where a mask ends that has no transparency of its own
        shown = apart > 0
        for loop in cv2.findContours(shown.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]:
            draw(((loop.reshape(-1, 2) + 0.5) / size).astype(np.float32), _HOLE, width)
    return np.dstack([sheet, opacity])
