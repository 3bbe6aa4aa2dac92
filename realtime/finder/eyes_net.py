"""The built-in eyes net: both eyes of a mesh, looked at more closely than the rest of the face.

In the landmark net's picture an eye is some twenty pixels wide, and lids that close are a matter of three. Here each
eye has a picture of its own, in which it is half as large again, and what surrounds it goes along with its rim.
"""

from math import ceil
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from realtime.inference.session import open_session
from realtime.media.affine import apply, invert
from realtime.media.frame import Frame
from realtime.mesh.expression import NEUTRAL
from realtime.mesh.vertices import EYES, MIRRORED
from realtime.runtime.arrays import Floats, Matrix

__all__ = ["SHARE", "SIDE", "ZONE", "EyesNet", "Placed", "placed"]

ASSET: Final = Path(__file__).parent.parent / "assets" / "eyes.onnx"
#: Side of an eye's picture in pixels, and in distances of the outer eye corners in space.
SIDE: Final = 48
SPAN: Final = 0.55
#: So far from an eye's rim a point's place is the net's, and from the second on the mesh's: units of the face axes.
NEAR, FAR = 0.3, 1.5
#: How far what the net says goes even there: it errs otherwise than the mesh, and a little of that makes both better.
MOST: Final = 0.8
#: Positions in ``EYES``: the outer and the inner corner.
CORNERS: Final = (0, 8)


def _zone() -> tuple[NDArray[np.int64], Floats]:
    rim = NEUTRAL[list(EYES[1]), :2]
    away = np.linalg.norm(NEUTRAL[:, None, :2] - rim[None], axis=2).min(axis=1)
    share = np.clip((FAR - away) / (FAR - NEAR), 0, 1) * (NEUTRAL[:, 0] > 0)
    zone = np.flatnonzero(share)
    return zone, share[zone].astype(np.float32)


#: The points around the eye on the picture's right, int64 (K,), and how much they are the net's, float32 (K,) in 0..1;
#: ``MIRRORED[ZONE]`` are those of the other one.
ZONE, SHARE = _zone()


class Placed(NamedTuple):
    """How eyes lie in a picture: ``matrix`` float64 (2, 3) levels them, at the net's scale, in pixels of a strip.

    The strip is ``width`` pixels wide and ``SIDE`` high; ``left`` are the columns where each eye's picture begins.
    """

    matrix: Matrix
    width: int
    left: tuple[int, int]


def placed(mesh: Floats) -> Placed:
    """The strip around the eyes of ``mesh``, float32 (468, 3) in the picture's pixels."""
    ends = mesh[np.array(EYES)[:, CORNERS]]  # (2, 2, 3)
    apart = float(np.linalg.norm(ends[0, 0] - ends[1, 0]))
    first, second = ends[..., :2].mean(axis=1).astype(np.float64)
    along = second - first
    length = max(float(np.linalg.norm(along)), 1e-6)
    scale = SIDE / (SPAN * max(apart, 1.0))
    x, y = along / length * scale
    turn = np.array([[x, y], [-y, x]])
    half = min(length * scale / 2, SIDE)  # no wider than two eyes, however a mesh that is no face may lie
    width = SIDE + ceil(2 * half)
    middle = np.array([(width - 1) / 2, (SIDE - 1) / 2])
    matrix = np.column_stack([turn, middle - turn @ (first + second) / 2])
    starts = (round(middle[0] + side * half - (SIDE - 1) / 2) for side in (-1, 1))
    return Placed(matrix, width, (max(next(starts), 0), min(next(starts), width - SIDE)))


class EyesNet:
    """A net of its own, which brings the eyes of a mesh to where the frame shows them."""

    def __init__(self, device: str = "auto") -> None:
        self._session = open_session(ASSET, device)

    def __call__(self, frame: Frame, mesh: Floats) -> Floats:
        """``mesh``, float32 (468, 3) in frame pixels, with the eyes that the frame shows; depths stay."""
        strip = placed(mesh)
        pixels = frame.warp(strip.matrix, (strip.width, SIDE))
        (first, second), back = strip.left, invert(strip.matrix)
        crops = np.stack([pixels[:, first : first + SIDE][:, ::-1], pixels[:, second : second + SIDE]])
        found = self._session.run(None, {"eyes": crops})[0] * np.float32(SIDE) - np.float32(0.5)  # (2, K, 2)
        found[0, :, 0] = SIDE - 1 - found[0, :, 0]
        found[..., 0] += np.array(strip.left, np.float32)[:, None]
        out = mesh.copy()
        for points, zone in zip(found, (MIRRORED[ZONE], ZONE), strict=True):
            out[zone, :2] += MOST * SHARE[:, None] * (apply(back, points) - mesh[zone, :2])
        return out
