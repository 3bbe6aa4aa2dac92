"""The performer in one frame: a crop around the face, and the mesh in it."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from realtime.media.frame import Frame
from realtime.mesh.vertices import OVAL
from realtime.runtime.arrays import Bytes, Floats

__all__ = ["Performer", "see"]

#: The crop's side in face sizes, and in pixels.
ROOM: Final = 1.12
SMALLEST, LARGEST = 96, 256


@dataclass(frozen=True, slots=True, eq=False)
class Performer:
    """``picture`` uint8 (S, S, 3) RGB, upright as the frame is; ``mesh`` float32 (468, 3) in its pixels."""

    picture: Bytes
    mesh: Floats


def see(frame: Frame, mesh: Floats) -> Performer:
    """The performer whose ``mesh``, float32 (468, 3) in pixels of ``frame``, was found there."""
    rim = mesh[list(OVAL), :2]
    low, high = rim.min(axis=0), rim.max(axis=0)
    side = max(float((high - low).max()) * ROOM, 1.0)
    size = int(np.clip(side, SMALLEST, LARGEST)) // 2 * 2
    zoom = size / side
    x, y = (low + high) / 2
    middle = size / 2 - 0.5
    frame_to_crop: NDArray[np.float64] = np.array([[zoom, 0, middle - zoom * x], [0, zoom, middle - zoom * y]])
    points = np.column_stack([mesh[:, :2] @ frame_to_crop[:, :2].T + frame_to_crop[:, 2], mesh[:, 2] * zoom])
    return Performer(frame.warp(frame_to_crop, size), points.astype(np.float32))
