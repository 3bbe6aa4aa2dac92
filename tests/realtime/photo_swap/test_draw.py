"""The picture that is drawn: what shows how far eyes and mouth are open is the performer's."""

from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.mesh.expression import NEUTRAL
from realtime.mesh.pose import Pose
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


def test_the_edge_of_a_turned_face_moves_as_the_face_does() -> None:
    """By half a pixel, where triangles are drawn in pixels of four."""
    s, c = np.sin(np.radians(28)), np.cos(np.radians(28))
    turned = Pose(1.0, np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]), np.zeros(3)).apply(NEUTRAL)
    mesh = placed(turned, CROP)
    crop = np.full((CROP, CROP, 3), 170, np.uint8)
    photo = PhotoFace.of(NEUTRAL, np.full((SIDE, SIDE, 3), 150, np.uint8))
    edges = []
    for right in np.arange(0, 4.5, 0.5):
        moved = (mesh + (right, 0, 0)).astype(np.float32)
        _, alpha = draw(crop, moved, photo, Performer(), outline=0.0)
        back = cv2.warpAffine(alpha, np.array([[1, 0, -right], [0, 1, 0]]), (CROP, CROP))
        edges.append(cv2.blur(back, (5, 5)).astype(np.float32))
    jumps = [float(np.abs(b - a).max()) for a, b in pairwise(edges)]
    assert max(jumps) < 45


def _depth(picture: Bytes, line: NDArray[np.int32]) -> float:
    """How much darker the points of ``line`` are than the skin 8 px above and below them."""
    x, y = line[1:-1].T
    grey = picture.mean(axis=2)
    return float(((grey[y - 8, x] + grey[y + 8, x]) / 2 - grey[y, x]).mean())
