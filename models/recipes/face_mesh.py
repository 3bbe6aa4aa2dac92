"""MediaPipe Face Mesh: the network as a teacher."""

from pathlib import Path
from typing import Final

import numpy as np

from models.recipes.crop import crop_still
from realtime.finder.landmarks68 import MIRRORED as MIRRORED_MARKS
from realtime.inference.session import open_session
from realtime.media.affine import apply, invert, scale_of
from realtime.mesh.canonical import VERTICES
from realtime.mesh.vertices import EYES, MIRRORED, OVAL
from realtime.runtime.arrays import Bytes, Floats, Matrix, Points

__all__ = ["FaceMesh"]

#: Side of the network's input in pixels.
SIZE: Final = 192
#: Side of that input in extents of the face.
ROOM: Final = 1.5


class FaceMesh:
    """The network, as one callable thing. Raises ``ModelError`` where ``path`` is no model file."""

    def __init__(self, path: Path) -> None:
        self._session = open_session(path, "cpu")
        self._input = self._session.get_inputs()[0].name

    def find(self, picture: Bytes, landmarks: Points, passes: int = 1) -> Floats:
        """The mesh of one face, float32 (468, 3) in the picture's pixels, smaller z nearer.

        ``picture`` is uint8 (H, W, 3) RGB, ``landmarks`` float32 (68, 2). The first look is at the landmarks'
        square; more are at the mesh's own, turned upright by its eyes.
        """
        mesh = self._pass(picture, _upright(landmarks, landmarks[36:42], landmarks[42:48], rise=0.04))
        for _ in range(passes - 1):
            outline = mesh[list(OVAL), :2]
            mesh = self._pass(picture, _upright(outline, mesh[list(EYES[0]), :2], mesh[list(EYES[1]), :2], rise=0))
        return mesh

    def find_both_ways(self, picture: Bytes, landmarks: Points) -> Floats:
        """The mean of ``find`` with two looks for a face and for its mirror image: steadier, above all in the lids."""
        last = picture.shape[1] - 1
        other = ((landmarks * (-1, 1) + (last, 0))[MIRRORED_MARKS]).astype(np.float32)
        mirrored = self.find(np.ascontiguousarray(picture[:, ::-1]), other, passes=2)
        back = (mirrored * (-1, 1, 1) + (last, 0, 0))[MIRRORED]
        return ((self.find(picture, landmarks, passes=2) + back) / 2).astype(np.float32)

    def _pass(self, picture: Bytes, frame_to_crop: Matrix) -> Floats:
        crop = crop_still(picture, frame_to_crop, SIZE).astype(np.float32)[None] / 255
        outputs = self._session.run(None, {self._input: crop})
        (raw,) = (output for output in outputs if output.size == VERTICES * 3)
        seen = np.asarray(raw, np.float32).reshape(VERTICES, 3)
        back = invert(frame_to_crop)
        return np.column_stack([apply(back, seen[:, :2]), seen[:, 2] * scale_of(back)]).astype(np.float32)


def _upright(extent: Points, left: Points, right: Points, rise: float) -> Matrix:
    """The square around ``extent`` that the network was trained on: with room, and with level eyes.

    ``left`` and ``right`` are points of the two eyes; ``rise`` moves the square up by that share of its side.
    """
    along = right.mean(axis=0) - left.mean(axis=0)
    x, y = along / max(float(np.linalg.norm(along)), 1e-6)
    turn = np.array([[x, y], [-y, x]], np.float64)
    turned = extent @ turn.T
    low, high = turned.min(axis=0), turned.max(axis=0)
    side = float((high - low).max()) * ROOM
    centre = (low + high) / 2 - (0, rise * side)
    scale = SIZE / side
    return np.column_stack([scale * turn, SIZE / 2 - 0.5 - scale * centre])
