"""MediaPipe Face Mesh: the network as a teacher, and its 468 vertices by name."""

from pathlib import Path
from typing import Final

import numpy as np

from models.recipes.crop import crop_still
from realtime.inference.session import open_session
from realtime.media.affine import apply, invert, scale_of
from realtime.runtime.arrays import Bytes, Floats, Matrix, Points

__all__ = [
    "BROWS",
    "EYES",
    "FOLDS",
    "INNER_LIPS",
    "OUTER_LIPS",
    "OVAL",
    "VERTICES",
    "FaceMesh",
]

#: Vertices of a face mesh.
VERTICES: Final = 468

#: The two lid margins: outer corner, lower lid, inner corner (position 8), upper lid.
EYES: Final = (
    (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246),
    (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466),
)
#: The inner edge of the lips: a corner, the lower lip, the other corner (position 10), the upper lip.
INNER_LIPS: Final = (
    78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191,
)  # fmt: skip
#: The outer edge of the lips, in the same order.
OUTER_LIPS: Final = (
    61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185,
)  # fmt: skip
#: The outline of the face, from the top of the forehead round by the picture's right.
OVAL: Final = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
    152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)  # fmt: skip
#: The brows, upper edge then lower edge, each from the temple to the nose.
BROWS: Final = (
    ((70, 63, 105, 66, 107), (46, 53, 52, 65, 55)),
    ((300, 293, 334, 296, 336), (276, 283, 282, 295, 285)),
)
#: The folds above the upper lids, from the temple to the nose.
FOLDS: Final = ((247, 30, 29, 27, 28, 56, 190), (467, 260, 259, 257, 258, 286, 414))

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
