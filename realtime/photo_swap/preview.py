"""What a photograph's face looks like from five sides, before it is put on anybody."""

from typing import Final

import cv2
import numpy as np

from realtime.mesh.atlas import ATLAS
from realtime.mesh.canonical import TRIANGLES
from realtime.mesh.outline import AROUND
from realtime.mesh.pose import Pose
from realtime.mesh.raster import far_to_near, rasterise
from realtime.photo_swap.lookup import look_up
from realtime.runtime.arrays import Bytes, Floats

__all__ = ["POSES", "preview"]

#: Degrees of yaw and pitch.
POSES: Final = ((-30, 0), (-15, 0), (0, 0), (15, 0), (0, 15))
#: Side of one picture in pixels, the share of it that the face fills, and what is behind it.
SIZE: Final = 320
FILLED: Final = 0.8
GREY: Final = 96


def preview(texture: Bytes, identity: Floats) -> Bytes:
    """The face in ``POSES``, side by side, as RGB. ``texture`` is uint8 (S, S, 3), ``identity`` float32 (468, 3)."""
    return np.hstack([_view(texture, identity, yaw, pitch) for yaw, pitch in POSES])


def _view(texture: Bytes, identity: Floats, yaw: float, pitch: float) -> Bytes:
    outline = identity[AROUND]
    scale = FILLED * SIZE / float(np.ptp(outline[:, 1]))
    turn = _turn(yaw, pitch)
    middle = (outline.min(axis=0) + outline.max(axis=0)) / 2
    shift = np.array((SIZE / 2, SIZE / 2, 0)) - scale * turn @ middle
    points = Pose(scale, turn, shift).apply(identity)
    raster = rasterise(points[:, :2], TRIANGLES, SIZE, far_to_near(points, TRIANGLES))
    seen = look_up(texture, raster.interpolate((ATLAS * len(texture) - 0.5).astype(np.float32)), cv2.INTER_AREA)
    return np.where((raster.numbers > 0)[..., None], seen, np.uint8(GREY)).astype(np.uint8)


def _turn(yaw: float, pitch: float) -> "np.ndarray[tuple[int, ...], np.dtype[np.float64]]":
    about_y, about_x = np.radians(yaw), np.radians(pitch)
    sideways = np.array(
        [[np.cos(about_y), 0, np.sin(about_y)], [0, 1, 0], [-np.sin(about_y), 0, np.cos(about_y)]], np.float64
    )
    nodding = np.array(
        [[1, 0, 0], [0, np.cos(about_x), -np.sin(about_x)], [0, np.sin(about_x), np.cos(about_x)]], np.float64
    )
    return sideways @ nodding
