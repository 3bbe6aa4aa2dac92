"""The picture that is drawn: what shows how far eyes and mouth are open is the performer's."""

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.mesh.expression import NEUTRAL
from realtime.mesh.vertices import EYES, INNER_LIPS
from realtime.photo_swap.draw import Performer, PhotoFace, draw
from realtime.photo_swap.texture import SIDE
from realtime.runtime.arrays import Bytes
from realtime.swap.drawn import placed

#: Side of the crop, and pixels of it to one unit of the face axes.
CROP = 512
MESH = placed(NEUTRAL, CROP)
UNIT = float(np.ptp(MESH[:, 0]) / np.ptp(NEUTRAL[:, 0]))


def test_lids_and_lips_are_seen_where_they_are_though_the_mesh_is_a_little_off() -> None:
    """Wide eyes and crooked smiles lie some millimetres beside the mesh's lines."""
    lines = [(MESH[list(eye[9:16]), :2], -0.35) for eye in EYES] + [(MESH[list(INNER_LIPS[2:9]), :2], 0.15)]
    crop = np.full((CROP, CROP, 3), 170, np.uint8)
    places = [np.rint(points + (0, off * UNIT)).astype(np.int32) for points, off in lines]
    for line in places:
        cv2.polylines(crop, [line], False, (60, 60, 60), 3, cv2.LINE_AA)
    photo = PhotoFace.of(NEUTRAL, np.full((SIDE, SIDE, 3), 150, np.uint8))
    picture, _ = draw(crop, MESH, photo, Performer())
    for line in places:
        before, after = _depth(crop, line), _depth(picture, line)
        assert after > 0.6 * before > 50


def _depth(picture: Bytes, line: NDArray[np.int32]) -> float:
    """How much darker the points of ``line`` are than the skin 8 px above and below them."""
    x, y = line[1:-1].T
    grey = picture.mean(axis=2)
    return float(((grey[y - 8, x] + grey[y + 8, x]) / 2 - grey[y, x]).mean())
