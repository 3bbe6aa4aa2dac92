"""A face that is drawn: flat shapes in three dimensions, turned with the head, and filled by OpenCV.

Its proportions are those of the demo's landmarks, made symmetrical, so that face finders take it for what it stands
for. It depicts nobody.
"""

import datetime
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Final, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.demo.portrait import DEPTH, LANDMARKS
from realtime.finder.landmarks68 import LID_PAIRS, MIRRORED
from realtime.runtime.arrays import Bytes
from realtime.runtime.files import write_whole
from realtime.swap.consent import Consent, Identity

__all__ = ["Portrait", "Pose", "write_portrait"]

#: float64 (N, 3): x to the right, y down, z away from the camera; a face is some 95 wide and 140 high.
Shape: TypeAlias = NDArray[np.float64]
#: R, G, B.
Color: TypeAlias = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Pose:
    """One moment: angles of the head in radians, ``mouth`` 0 (shut) .. 1 (wide open), ``blink`` 0..1 (shut)."""

    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    mouth: float = 0.0
    blink: float = 0.0


class Portrait:
    """Draws head and shoulders before a plain ground, at any moment, as pictures of ``width`` x ``height``."""

    def __init__(self, width: int, height: int) -> None:
        self._size = width, height
        self._zoom = min(height / 270, width / 220)
        y, x = np.linspace(0, 1, height)[:, None], np.linspace(0, 1, width)[None]
        ground = np.stack([52 + 22 * y + 0 * x, 66 + 26 * x + 0 * y, 88 + 30 * y - 14 * x], axis=-1)
        self._ground = np.rint(ground).astype(np.uint8)

    def draw(self, pose: Pose) -> Bytes:
        """The picture: uint8 (height, width, 3) RGB."""
        picture = self._ground.copy()
        still = Pose(yaw=pose.yaw / 3)
        self._fill(picture, _SHOULDERS, _SHIRT, still)
        self._fill(picture, _NECK, _SHADE, still)
        self._fill(picture, _HAIR, _DARK, pose)
        features = _features(pose)
        outline = self._seen(np.concatenate([features[:17], _CROWN]), pose)
        box = _box(outline, self._size)
        if box is None:
            return picture
        x0, y0, x1, y1 = box
        region = picture[y0:y1, x0:x1]
        skin = self._skin(features, pose, box, outline)
        mask = np.zeros(region.shape[:2], np.uint8)
        cv2.fillPoly(mask, [_fixed(outline - (x0, y0))], 255, cv2.LINE_AA, _SHIFT)
        cv2.copyTo(skin, (mask > 127).astype(np.uint8), region)
        cv2.polylines(
            region, [_fixed(outline - (x0, y0))], True, _SHADE, max(1, round(self._zoom)), cv2.LINE_AA, _SHIFT
        )
        self._draw_eyes(picture, features, pose)
        self._draw_mouth(picture, features, pose)
        return picture

    def _skin(self, features: Shape, pose: Pose, box: tuple[int, int, int, int], outline: NDArray[np.float64]) -> Bytes:
        """What is soft about a face, drawn small and blurred: light, the eyes' hollows, the nose."""
        x0, y0, x1, y1 = box
        small = _SMALL / self._zoom
        size = max(round((x1 - x0) * small), 8), max(round((y1 - y0) * small), 8)
        skin = np.full((size[1], size[0], 3), _SKIN, np.uint8)
        inside = np.zeros(size[::-1], np.uint8)
        cv2.fillPoly(inside, [_fixed((outline - (x0, y0)) * small)], 255, cv2.LINE_AA, _SHIFT)
        light = cv2.GaussianBlur(inside, (0, 0), 8 * _SMALL).astype(np.float32)[..., None] * (0.42 / 255) + 0.62

        def soft(shape: Shape, color: Color) -> None:
            cv2.fillPoly(skin, [_fixed((self._seen(shape, pose) - (x0, y0)) * small)], color, cv2.LINE_AA, _SHIFT)

        for eye in (features[36:42], features[42:48]):
            middle = eye.mean(axis=0)
            soft((eye - middle) * (1.45, 2.4, 1) + middle - (0, 1.5, 0), _HOLLOW)
        nose = features[27:36]
        left = [
            nose[0] - (5, 0, 0),
            nose[2] - (5, 0, 0),
            nose[3] + (-9, 4, 6),
            nose[3] - (2, 2, 0),
            nose[1] - (1, 0, 0),
        ]
        soft(np.array(left), _HOLLOW)
        soft(np.concatenate([nose[4:], nose[:3:-1] + (0, 4.5, 0)]), _SHADE)
        soft(np.array([nose[0] + (1, 0, 0), nose[0] + (3, 0, 0), nose[3] + (3.5, 0, 0), nose[3]]), _BRIGHT)
        lower = features[55:60]
        soft(np.concatenate([lower + (0, 1, 0), lower[::-1] + (0, 4.5, 0)]), _HOLLOW)
        blurred = cv2.GaussianBlur(skin, (0, 0), 1.1 * _SMALL)
        lit = np.clip(blurred * light, 0, 255).astype(np.uint8)
        return np.asarray(cv2.resize(lit, (x1 - x0, y1 - y0), interpolation=cv2.INTER_CUBIC), np.uint8)

    def _draw_eyes(self, picture: Bytes, features: Shape, pose: Pose) -> None:
        for eye, brow in ((features[36:42], features[17:22]), (features[42:48], features[22:27])):
            self._fill(picture, np.concatenate([brow - (0, 1.6, 0), brow[::-1] + (0, 1.8, 0)]), _DARK, pose)
            self._fill(picture, eye, _WHITE, pose)
            middle = eye.mean(axis=0)
            iris = middle + 3.4 * _CIRCLE
            iris[:, 1] = np.clip(iris[:, 1], eye[:, 1].min() + 0.1, eye[:, 1].max() - 0.1)
            self._fill(picture, iris, _DARK, pose)
            self._fill(picture, np.concatenate([eye[:4] - (0, 1.2, 0), eye[3::-1]]), _DARK, pose)
        for nostril in (features[32], features[34]):
            self._fill(picture, nostril + _CIRCLE * (2.0, 1.1, 1), _NOSTRIL, pose)

    def _draw_mouth(self, picture: Bytes, features: Shape, pose: Pose) -> None:
        self._fill(picture, features[48:60], _LIPS, pose)
        self._fill(picture, features[60:68], _INSIDE, pose)
        if (teeth := min(2.4, 5 * pose.mouth)) > 1:
            upper = features[60:65]
            self._fill(picture, np.concatenate([upper, upper[::-1] + (0, teeth, 0)]), _WHITE, pose)

    def _fill(self, picture: Bytes, shape: Shape, color: Color, pose: Pose) -> None:
        cv2.fillPoly(picture, [_fixed(self._seen(shape, pose))], color, cv2.LINE_AA, _SHIFT)

    def _seen(self, shape: Shape, pose: Pose) -> NDArray[np.float64]:
        """Where the points of a shape are in the picture, float64 (N, 2)."""
        turn = _rotation(pose)
        x, y, z = (shape @ turn.T).T
        scale = self._zoom * _DISTANCE / (_DISTANCE + z)
        width, height = self._size
        return np.column_stack([x * scale + width / 2, y * scale + height * 0.45])


def write_portrait(path: Path, size: tuple[int, int] = (512, 600)) -> Path:
    """Write the portrait at rest to ``path``, a PNG, and beside it who it is; returns that record's path."""
    picture = cv2.cvtColor(Portrait(*size).draw(Pose()), cv2.COLOR_RGB2BGR)
    record = Consent(
        by="mummer",
        date=datetime.date(2026, 1, 1),
        scope="any use",
        statement="This face is drawn by a program and depicts nobody.",
    )
    identity = Identity(id="drawing", name="Drawing", kind="synthetic", consent=record)
    page = path.with_suffix(".json")
    write_whole(path, cv2.imencode(".png", picture)[1].tobytes())
    write_whole(page, (identity.model_dump_json(indent=2) + "\n").encode())
    return page


def _symmetrical() -> Shape:
    """The 68 landmarks, iBUG's order, upright and with both halves alike."""
    points = np.column_stack([LANDMARKS - (223, 120), DEPTH - 10]).astype(np.float64)
    turned = points[MIRRORED] * (-1, 1, 1)
    return (points + turned) / 2


def _features(pose: Pose) -> Shape:
    """The landmarks with the mouth and the lids of ``pose``."""
    points = _FACE.copy()
    # At rest the lips touch; the demo's landmarks smile with open ones.
    points[[65, 66, 67], 1] = points[[63, 62, 61], 1] + 0.4
    points[55:60, 1] -= 3
    drop = 15 * pose.mouth
    points[[55, 56, 57, 58, 59, 65, 66, 67], 1] += drop
    points[[48, 54, 60, 64], 1] += 0.3 * drop
    points[[48, 60], 0] += 3 * pose.mouth
    points[[54, 64], 0] -= 3 * pose.mouth
    points[5:12, 1] += 0.7 * drop
    for upper, lower in chain(*LID_PAIRS):
        points[upper, 1] += (points[lower, 1] - points[upper, 1]) * 0.9 * pose.blink
    return points


def _rotation(pose: Pose) -> NDArray[np.float64]:
    """float64 (3, 3)."""
    (cy, cp, cr), (sy, sp, sr) = (f(np.array([pose.yaw, pose.pitch, pose.roll])) for f in (np.cos, np.sin))
    yaw = np.array([[cy, 0, -sy], [0, 1, 0], [sy, 0, cy]])
    pitch = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    roll = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return np.asarray(roll @ pitch @ yaw, np.float64)


def _fixed(points: NDArray[np.float64]) -> NDArray[np.int32]:
    """Points in the fixed-point numbers that OpenCV draws with."""
    return np.rint(points * (1 << _SHIFT)).astype(np.int32)


def _box(points: NDArray[np.float64], size: tuple[int, int]) -> tuple[int, int, int, int] | None:
    """The part of the picture around ``points``: x0, y0, x1, y1; None where they are outside."""
    low = np.clip(np.floor(points.min(axis=0)) - 2, 0, size).astype(int)
    high = np.clip(np.ceil(points.max(axis=0)) + 3, 0, size).astype(int)
    return (low[0], low[1], high[0], high[1]) if (high > low).all() else None


_FACE: Final = _symmetrical()
_ANGLES: Final = np.linspace(0, 2 * np.pi, 24, endpoint=False)
_CIRCLE: Final = np.column_stack([np.cos(_ANGLES), np.sin(_ANGLES), 0 * _ANGLES])
_HAIR: Final = _CIRCLE * (58, 62, 0) + (0, -24, 40)
_ARC: Final = np.linspace(0, np.pi, 15)[1:-1]
_CROWN: Final = np.column_stack([46 * np.cos(_ARC), -18 - 52 * np.sin(_ARC), 38 - 25 * np.sin(_ARC)])
_NECK: Final = np.array([[-29, 30, 45], [29, 30, 45], [33, 112, 50], [-33, 112, 50]], np.float64)
_SHOULDERS: Final = np.array(
    [[-31, 88, 50], [0, 98, 46], [31, 88, 50], [98, 112, 60], [122, 190, 60], [-122, 190, 60], [-98, 112, 60]],
    np.float64,
)
#: How far the camera is.
_DISTANCE: Final = 600.0
#: Bits behind the point of OpenCV's coordinates.
_SHIFT: Final = 4
#: Pixels a unit of the small picture for what is soft.
_SMALL: Final = 1.0

_SKIN: Final = (214, 170, 142)
_BRIGHT: Final = (240, 205, 180)
_HOLLOW: Final = (168, 124, 102)
_SHADE: Final = (146, 104, 84)
_DARK: Final = (62, 44, 36)
_WHITE: Final = (234, 230, 224)
_NOSTRIL: Final = (86, 48, 42)
_LIPS: Final = (172, 88, 84)
_INSIDE: Final = (70, 22, 24)
_SHIRT: Final = (46, 70, 112)
