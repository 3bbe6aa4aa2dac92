"""The head as a solid: how deep each pixel lies, whether it belongs to the head, and its turning."""

from typing import Final

import cv2
import numpy as np

from realtime.demo import portrait
from realtime.demo.fields import Scalars, pixels, ramp
from realtime.demo.gesture import Gesture
from realtime.runtime.arrays import Floats

__all__ = ["Head"]

#: The axes of the neck, in pixels of the photograph: yaw and pitch turn about (x, y, z), roll about (x, y).
_NECK: Final = (227.0, 150.0, 46.0)
_ROLL_ABOUT: Final = (226.0, 182.0)
#: Distance of the camera in pixels.
_CAMERA: Final = 900.0


class Head:
    """Turns the head of a photograph of ``side`` x ``side`` pixels."""

    def __init__(self, side: int) -> None:
        # Below this row nothing belongs to the head, so the field ends there, on zeros.
        rows = int(portrait.HEAD[:, 1].max()) + 24
        self._depth, self._grip = _depth_map(side)[:rows], _head_mask(side)[:rows]

    def turn(self, moment: Gesture) -> Floats:
        """The field of the head's movement."""
        rows, columns = self._depth.shape
        place = pixels(columns, rows)
        x, y, z = place[..., 0] - _NECK[0], place[..., 1] - _NECK[1], self._depth - _NECK[2]
        cos, sin = np.cos(moment.pitch), np.sin(moment.pitch)
        y1, z1 = y * cos - z * sin, y * sin + z * cos
        cos, sin = np.cos(moment.yaw), np.sin(moment.yaw)
        x2, z2 = x * cos - z1 * sin, x * sin + z1 * cos
        nearer = (_CAMERA + z) / (_CAMERA + z2)
        turned = np.stack([x2 * nearer + _NECK[0], y1 * nearer + _NECK[1]], axis=-1)
        cos, sin = np.cos(moment.roll), np.sin(moment.roll)
        roll = np.array([[cos, sin], [-sin, cos]], np.float32)  # of row vectors; y points down
        turned = (turned - _ROLL_ABOUT) @ roll + _ROLL_ABOUT + moment.shift
        field: Floats = ((turned - place) * self._grip[..., None]).astype(np.float32)
        return field


def _head_mask(side: int) -> Floats:
    """How firmly each pixel holds on to the head: float32 (side, side), 1 on it, 0 well away from it."""
    mask = np.zeros((side, side), np.uint8)
    cv2.fillPoly(mask, [np.rint(portrait.HEAD).astype(np.int32)], 255)
    grown = cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (13, 13)))
    soft = np.asarray(cv2.GaussianBlur(grown, (0, 0), 9.0), np.float32) / 255
    y = np.arange(side, dtype=np.float32)[:, None]
    held: Floats = (soft * ramp((204 - y) / 34)).astype(np.float32)
    return held


def _depth_map(side: int) -> Floats:
    """Depth of each pixel, float32 (side, side), positive away from the viewer.

    A thin-plate spline (Duchon 1977) through the landmarks, a few points of the hair, and the outline, which
    lies in the plane of the neck's axis and so hardly moves when the head turns.
    """
    outline = np.column_stack([portrait.HEAD, np.full(len(portrait.HEAD), _NECK[2] - 2)])
    known = np.concatenate([np.column_stack([portrait.LANDMARKS, portrait.DEPTH]), portrait.HAIR, outline]).astype(
        np.float64
    )
    known[:, :2] /= 100  # keeps the system well conditioned
    points, depth = known[:, :2], known[:, 2]

    def kernel(a: Scalars, b: Scalars) -> Scalars:
        square = ((a[:, None] - b) ** 2).sum(axis=-1)
        bent: Scalars = square * np.log(square + 1e-12)
        return bent

    def plane(a: Scalars) -> Scalars:
        return np.column_stack([np.ones(len(a)), a])

    system = np.block(
        [
            [kernel(points, points) + 0.02 * np.eye(len(points)), plane(points)],
            [plane(points).T, np.zeros((3, 3))],
        ]
    )
    weights = np.linalg.solve(system, np.concatenate([depth, np.zeros(3)]))
    step = 4
    coarse = (pixels(side // step, side // step).reshape(-1, 2) * step + (step - 1) / 2).astype(np.float64) / 100
    surface = kernel(coarse, points) @ weights[:-3] + plane(coarse) @ weights[-3:]
    surface = np.clip(surface, depth.min(), _NECK[2] + 6).reshape(side // step, side // step).astype(np.float32)
    smooth = cv2.GaussianBlur(cv2.resize(surface, (side, side), interpolation=cv2.INTER_CUBIC), (0, 0), 3.0)
    return np.asarray(smooth, np.float32)
