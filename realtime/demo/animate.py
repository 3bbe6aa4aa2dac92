"""The puppet: one photograph, moved as if it had depth.

Two warps a frame. The first, on the face at rest, moves lids, brows and lips: every movement is a displacement
field, scaled by how far it goes; the fields are summed, inverted, and sampled. The lips are two layers, so that the
mouth opens onto an inside. The second turns the head: each pixel has a depth, interpolated from the landmarks', is
turned about the neck, and the displacement fades out beyond the hair, so that the background stays whole.

Fields are float32 (h, w, 2) over pixels of the photograph, forward: what lies at p goes to p + field(p).
"""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.arrays import Bytes, Floats, Points
from realtime.demo import portrait
from realtime.demo.gesture import Gesture

__all__ = ["Puppet"]

#: The part of the photograph that expressions reach: x0, y0, x1, y1.
_FACE: Final = (168, 60, 280, 204)
_NOSE_X: Final = 223.0
_HEAD_X: Final = 227.0
#: The axes of the neck, in pixels of the photograph: yaw and pitch turn about (x, y, z), roll about (x, y).
_NECK: Final = (227.0, 150.0, 46.0)
_ROLL_ABOUT: Final = (226.0, 182.0)
#: Distance of the camera in pixels.
_CAMERA: Final = 900.0
#: The frame shows the photograph this much closer, about this point, which leaves room above the hair.
_CLOSE: Final = 1.22
_CLOSE_IN_ON: Final = (236.0, 12.0)
#: How far the lower lip goes down at most, in pixels.
_OPEN: Final = 8.5
_LID_REACH: Final = 6.0  # of the skin above a lid that stretches when it closes
_LASHES: Final = 2.0  # of the lid's edge, which moves without stretching
_INSIDE: Final = (46.0, 16.0, 15.0)  # RGB of an open mouth's dark
_TONGUE: Final = (128.0, 62.0, 58.0)


class Puppet:
    """Draws the portrait at any moment, as frames of ``width`` x ``height``."""

    def __init__(self, photo: Bytes, width: int, height: int) -> None:
        """``photo`` is the portrait, uint8 (512, 512, 3) RGB; ``width`` and ``height`` are pixels of a frame."""
        self.width, self.height = width, height
        side = photo.shape[0]
        self._ratio = max(width, height) / side  # frame pixels per photograph pixel
        columns, rows = width / self._ratio, height / self._ratio
        self._origin = (min(max(_HEAD_X - columns / 2, 0.0), side - columns), 0.0)
        self._grid = (round(columns), round(rows))  # of the coarse maps

        # All drawing happens on an enlargement by a whole number, softly sharpened.
        self._scale = max(1, round(self._ratio * _CLOSE))
        large = cv2.resize(photo, None, fx=self._scale, fy=self._scale, interpolation=cv2.INTER_CUBIC)
        blurred = cv2.GaussianBlur(large, (0, 0), 0.8 * self._scale)
        self._photo = np.asarray(cv2.addWeighted(large, 1.6, blurred, -0.6, 0), np.uint8)
        self._stage = self._photo.copy()

        self._depth, self._grip = _depth_map(side), _head_mask(side)
        self._mouth = _Mouth()
        self._eyes = (_Eye(range(36, 42)), _Eye(range(42, 48)))

    def draw(self, moment: Gesture) -> Bytes:
        """The frame at ``moment``: uint8 (height, width, 3) RGB."""
        x0, y0, x1, y1 = (self._scale * edge for edge in _FACE)
        face = self._photo[y0:y1, x0:x1].copy()
        for eye in self._eyes:
            eye.draw(face, self._scale, moment)
        self._stage[y0:y1, x0:x1] = self._mouth.draw(face, self._scale, moment)

        # The camera: frame pixels to the photograph, closing in on the face.
        centre = np.array(_CLOSE_IN_ON, np.float32)
        target = _pixels(*self._grid) + np.asarray(self._origin, np.float32)
        target = ((target - centre) / (_CLOSE * moment.zoom) + centre).astype(np.float32)
        source = _unwarp(self._turn(moment), target)
        maps = cv2.resize((source + 0.5) * self._scale - 0.5, (self.width, self.height))
        drawn = cv2.remap(self._stage, maps, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
        return np.asarray(drawn, np.uint8)

    def _turn(self, moment: Gesture) -> Floats:
        """The field of the head's movement."""
        rows, columns = self._depth.shape
        place = _pixels(columns, rows)
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


class _Eye:
    """One eye: its lid comes down by stretching the skin above it, its iris shifts between the lids."""

    def __init__(self, landmarks: range) -> None:
        points = portrait.LANDMARKS[list(landmarks)]
        left, right = points[0], points[3]
        above = _smooth_line(np.stack([left, points[1], points[2], right]))
        below = _smooth_line(np.stack([left, points[5], points[4], right]))
        self._box = (
            int(left[0]) - 3, int(above[:, 1].min() - _LID_REACH) - 2,
            int(right[0]) + 4, int(below[:, 1].max()) + 5,
        )  # fmt: skip
        self._above, self._below = above, below

    def draw(self, face: Bytes, scale: int, moment: Gesture) -> None:
        """Close and turn the eye in ``face``, the enlarged face region, in place."""
        x0, y0, x1, y1 = self._box
        region = face[
            (y0 - _FACE[1]) * scale : (y1 - _FACE[1]) * scale, (x0 - _FACE[0]) * scale : (x1 - _FACE[0]) * scale
        ]
        x, y = _fine(x0, x1, scale), _fine(y0, y1, scale)[:, None]
        above = np.interp(x, self._above[:, 0], self._above[:, 1])
        below = np.interp(x, self._below[:, 0], self._below[:, 1])
        # The eyeball: most shift in the middle, none at the lids' meeting points.
        middle, half = (self._above[0, 0] + self._above[-1, 0]) / 2, np.ptp(self._above[:, 0]) / 2
        give = np.clip(1 - ((x - middle) / half) ** 2, 0, 1)
        ball = _sample(
            region, scale, x - moment.gaze[0] * give + 0 * y, y - moment.gaze[1] * give, (x0, y0)
        )  # (h, w, 3)
        inside = np.clip((y - above - 0.3) * scale, 0, 1) * np.clip((below - 0.2 - y) * scale + 0.5, 0, 1)
        drawn = region + (ball - region) * inside[..., None]

        down = moment.blink * np.maximum(below - above + 0.3, 0) * (below > above)
        edge, top = above + down, above - _LID_REACH
        stretch = (above - _LASHES - top) / (edge - _LASHES - top)
        skin_y = np.where(y > edge - _LASHES, y - down, top + (y - top) * stretch)
        skin_y = np.where(y < top, y, skin_y)
        skin = _sample(region, scale, x + 0 * y, skin_y, (x0, y0))
        lid = np.clip((edge - y) * scale + 0.5, 0, 1)[..., None]
        region[:] = np.rint(skin * lid + drawn * (1 - lid)).astype(np.uint8)


class _Mouth:
    """Lips, jaw and brows: fields for the part above the mouth's line and for the part below it."""

    def __init__(self) -> None:
        x0, y0, x1, y1 = _FACE
        place = _pixels(x1 - x0, y1 - y0) + np.array([x0, y0], np.float32)
        x, y = place[..., 0], place[..., 1]
        self._upper, self._lower = _smooth_line(portrait.UPPER_LIP), _smooth_line(portrait.LOWER_LIP)
        aside = x - _NOSE_X
        gap = np.interp(x, self._upper[:, 0], self._lower[:, 1] - self._upper[:, 1], left=0, right=0)

        near = np.exp(-((aside / 34) ** 4) - ((y - 144) / 17) ** 2)
        rounding = (-0.19 * aside * near, 2.2 * np.minimum(np.abs(aside) / 21, 1.2) ** 2 * near)
        over = np.exp(-(np.minimum(y - 142, 0) / 7) ** 2)
        under = np.exp(-(np.maximum(y - 150, 0) / 11) ** 2)
        # The jaw: as wide as the mouth on its line, as the chin further down; it fades out on the neck.
        half = 21.0 + 21.0 * _step((y - 141) / 24)
        jaw = np.clip(1 - (aside / half) ** 2, 0, 1) ** 1.5 * _step((196 - y) / 26)
        brow = np.exp(-(((y - 90) / 5.5) ** 2)) * np.clip(1 - (aside / 50) ** 4, 0, 1)
        still = np.zeros_like(x)
        self._fields_upper = _fields(rounding, (still, 0.4 * gap * over), (still, still), (still, -1.9 * brow))
        self._fields_lower = _fields(
            rounding, (still, -0.6 * gap * under), (still, _OPEN * jaw), (still, still)
        )

    def draw(self, face: Bytes, scale: int, moment: Gesture) -> Bytes:
        """The face region with the mouth and the brows of ``moment``; same shape as ``face``."""
        amounts = np.array([moment.rounding, moment.shut, moment.opening, moment.brow], np.float32)
        up, down = (np.tensordot(amounts, fields, 1) for fields in (self._fields_upper, self._fields_lower))
        upper, lower = self._upper + _at(up, self._upper), self._lower + _at(down, self._lower)
        above, below = _drawn(face, scale, up), _drawn(face, scale, down)

        x0, y0, x1, y1 = _FACE
        x, y = _fine(x0, x1, scale), _fine(y0, y1, scale)[:, None]
        ceiling = np.interp(x, upper[:, 0], upper[:, 1])
        floor = np.maximum(np.interp(x, lower[:, 0], lower[:, 1]), ceiling)
        # Beside the mouth the layers run into each other, the further from its corners the softer.
        outside = np.maximum(np.maximum(upper[0, 0] - x, x - upper[-1, 0]), 0)
        under = np.clip((y - ceiling) / (1 / scale + 1.2 * outside) + 0.5, 0, 1)[..., None]
        drawn = above + (below - above) * under

        teeth_end = np.interp(x, self._lower[:, 0], self._lower[:, 1]) - 0.7
        teeth = np.clip((teeth_end - y) * 0.8 + 0.5, 0, 1)[..., None]
        deep = np.clip((y - teeth_end - 2.5) / 9, 0, 1)[..., None]
        dark = np.asarray(_INSIDE, np.float32) + deep * (np.asarray(_TONGUE, np.float32) - _INSIDE)
        shade = (0.62 + 0.38 * np.clip((y - ceiling) / 3.0, 0, 1))[..., None]  # the upper lip's shadow
        inside = (face * teeth + dark * (1 - teeth)) * shade
        open_here = np.clip((floor - ceiling) * 1.2, 0, 1) * (outside == 0)
        mouth = np.clip((y - ceiling) * scale + 0.5, 0, 1) * np.clip((floor - y) * scale + 0.5, 0, 1) * open_here
        drawn += (inside - drawn) * mouth[..., None]
        return np.rint(np.clip(drawn, 0, 255)).astype(np.uint8)


def _fields(*parts: tuple[NDArray[np.floating], NDArray[np.floating]]) -> Floats:
    """Stack (dx, dy) pairs to float32 (N, h, w, 2), faded out at the border of the region."""
    fields = np.stack([np.stack(part, axis=-1) for part in parts]).astype(np.float32)
    rows, columns = fields.shape[1:3]
    y, x = (np.minimum(np.arange(n), np.arange(n)[::-1]) / 6.0 for n in (rows, columns))
    border: Floats = np.minimum(np.minimum(y[:, None], x), 1).astype(np.float32)
    faded: Floats = fields * border[..., None]
    return faded


def _drawn(face: Bytes, scale: int, field: Floats) -> Floats:
    """``face`` moved by ``field``: float32, same shape."""
    rows, columns = field.shape[:2]
    source = _unwarp(field, _pixels(columns, rows))
    maps = cv2.resize((source + 0.5) * scale - 0.5, (face.shape[1], face.shape[0]))
    moved = cv2.remap(face, maps, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.float32)


def _unwarp(field: Floats, target: Floats) -> Floats:
    """For each target point, float32 (h, w, 2), the point that ``field`` takes there.

    A fixed point of source = target - field(source); it converges because no field here folds the picture.
    """
    source = target
    for _ in range(6):
        moved = cv2.remap(field, source, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        source = target - np.asarray(moved, np.float32)
    return source


def _at(field: Floats, points: Points) -> Points:
    """A field's value at points of the photograph, float32 (N, 2); the field covers the face region."""
    local = (points - np.array(_FACE[:2], np.float32)).astype(np.float32)
    return np.asarray(cv2.remap(field, local[:, None], None, cv2.INTER_LINEAR), np.float32)[:, 0]


def _sample(
    region: Bytes, scale: int, x: NDArray[np.floating], y: NDArray[np.floating], origin: tuple[int, int]
) -> Floats:
    """``region``, enlarged by ``scale``, at points of the photograph; ``origin`` is its corner's."""
    map_x = ((x - origin[0] + 0.5) * scale - 0.5).astype(np.float32)
    map_y = ((y - origin[1] + 0.5) * scale - 0.5).astype(np.float32)
    sampled = cv2.remap(region, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(sampled, np.float32)


def _fine(start: int, stop: int, scale: int) -> Floats:
    """Coordinates of the enlarged pixels between two whole pixels of the photograph."""
    return ((np.arange((stop - start) * scale) + 0.5) / scale - 0.5 + start).astype(np.float32)


def _pixels(columns: int, rows: int) -> Floats:
    """Each pixel's own coordinates: float32 (rows, columns, 2)."""
    x, y = np.meshgrid(np.arange(columns, dtype=np.float32), np.arange(rows, dtype=np.float32))
    return np.stack([x, y], axis=-1)


def _step(x: NDArray[np.floating]) -> NDArray[np.floating]:
    """0 below 0, 1 above 1, smooth in between."""
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)


def _smooth_line(points: Points) -> Points:
    """A polyline through few points as a smooth one with many: Catmull-Rom, x strictly rising."""
    padded = np.concatenate([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
    t = np.linspace(0, 1, 9, endpoint=False)[:, None]
    parts = []
    for a, b, c, d in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
        parts.append(
            b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))
        )  # (9, 2)
    return np.concatenate([*parts, points[-1:]]).astype(np.float32)


def _head_mask(side: int) -> Floats:
    """How firmly each pixel holds on to the head: float32 (side, side), 1 on it, 0 well away from it."""
    mask = np.zeros((side, side), np.uint8)
    cv2.fillPoly(mask, [np.rint(portrait.HEAD).astype(np.int32)], 255)
    mask = cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (13, 13)))
    soft = np.asarray(cv2.GaussianBlur(mask, (0, 0), 9.0), np.float32) / 255
    y = np.arange(side, dtype=np.float32)[:, None]
    held: Floats = (soft * _step((204 - y) / 34)).astype(np.float32)
    return held


def _depth_map(side: int) -> Floats:
    """Depth of each pixel, float32 (side, side), positive away from the viewer.

    A thin-plate spline (Duchon 1977) through the landmarks, a few points of the hair, and the outline, which lies in
    the plane of the neck's axis and so hardly moves when the head turns.
    """
    outline = np.column_stack([portrait.HEAD, np.full(len(portrait.HEAD), _NECK[2] - 2)])
    known = np.concatenate(
        [np.column_stack([portrait.LANDMARKS, portrait.DEPTH]), portrait.HAIR, outline]
    ).astype(np.float64)
    known[:, :2] /= 100  # keeps the system well conditioned
    points, depth = known[:, :2], known[:, 2]

    def kernel(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
        square = ((a[:, None] - b) ** 2).sum(axis=-1)
        return square * np.log(square + 1e-12)

    def plane(a: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack([np.ones(len(a)), a])

    system = np.block(
        [[kernel(points, points) + 0.02 * np.eye(len(points)), plane(points)], [plane(points).T, np.zeros((3, 3))]]
    )
    weights = np.linalg.solve(system, np.concatenate([depth, np.zeros(3)]))
    step = 4
    coarse = (_pixels(side // step, side // step).reshape(-1, 2) * step + (step - 1) / 2).astype(np.float64) / 100
    surface = kernel(coarse, points) @ weights[:-3] + plane(coarse) @ weights[-3:]
    surface = np.clip(surface, depth.min(), _NECK[2] + 6).reshape(side // step, side // step).astype(np.float32)
    smooth = cv2.GaussianBlur(cv2.resize(surface, (side, side), interpolation=cv2.INTER_CUBIC), (0, 0), 3.0)
    return np.asarray(smooth, np.float32)
