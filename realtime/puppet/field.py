"""From moved points to moved pixels: for every pixel of the photo's moving part, which one of the photo it shows.

A coarse raster of all triangles carries head, hair and neck, smoothed outside the face. Eyes and mouth have rasters of
their own, as fine as the photo, in which lids and lips keep their edges.
"""

from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.mesh.canonical import POINTS, TRIANGLES, UV, VERTICES, Triangles
from realtime.mesh.raster import Raster, rasterise
from realtime.mesh.vertices import EYES, FOLDS, INNER_LIPS, OUTER_LIPS, OVAL
from realtime.photo_swap.lookup import look_up_values
from realtime.puppet.part import Part
from realtime.puppet.rig import ALL_TRIANGLES
from realtime.runtime.arrays import Floats, Points

__all__ = ["Bends", "Field"]

#: Pixels along the longer side of the coarse raster, and of those of eyes and mouth, at most.
COARSE, FINE = 128, 256
#: Blur of what carries hair and neck, of the face, and of the fine rasters, in pixels of each.
SOFT, FACE, SHARP = 1.7, 0.6, 0.6
#: Eyes are drawn first, so that lids lie over them, and what shows its back before what shows its front; in face
#: units.
EYES_BEHIND, BACK_BEHIND = 1.0, 3.0
#: Face units from the outline inwards within which the face's own, sharper bends take over.
INWARDS: Final = 1.6

_OPENINGS: Final = tuple(set(ring) for ring in (*EYES, INNER_LIPS))


def _within(rings: tuple[set[int], ...]) -> NDArray[np.bool_]:
    return np.array([any(set(each) <= ring for ring in rings) for each in TRIANGLES.tolist()])


#: Which of the face's triangles fill the eyes, and which the mouth: bool (898,).
_EYE: Final = _within(_OPENINGS[:2])
_MOUTH: Final = _within(_OPENINGS[2:])
#: The same of all triangles, bool (T,).
_ALL_EYE: Final = np.append(_EYE, np.zeros(len(ALL_TRIANGLES) - len(TRIANGLES), bool))


def _inner() -> Floats:
    apart = np.linalg.norm(POINTS[:, None, :2] - POINTS[None, list(OVAL), :2], axis=2).min(axis=1)
    share = np.clip(apart / INWARDS, 0, 1)
    return np.asarray(share * share * (3 - 2 * share), np.float32)


#: How far a point is inside the face, float32 (468,): 0 on the outline, 1 soon within.
_INNER: Final = _inner()


class _Zone:
    """The triangles around an eye or the mouth, and how much each point's bend counts there, float32 (468,)."""

    def __init__(self, core: tuple[int, ...]) -> None:
        touching = np.isin(TRIANGLES, core).any(axis=1)
        near = np.unique(TRIANGLES[touching])
        # One ring more, at whose outer edge the coarse bends go on.
        self.chosen = np.flatnonzero(np.isin(TRIANGLES, near).any(axis=1))
        self.triangles: Triangles = TRIANGLES[self.chosen]
        self.points = np.unique(self.triangles)
        self.weight = np.zeros(VERTICES, np.float32)
        self.weight[near] = 1.0
        self.eye = _EYE[self.chosen]


_ZONES: Final = (_Zone((*EYES[0], *FOLDS[0])), _Zone((*EYES[1], *FOLDS[1])), _Zone((*OUTER_LIPS, *INNER_LIPS)))


@dataclass(frozen=True, slots=True, eq=False)
class Bends:
    """What pixels show.

    ``offsets`` float32 (H, W, 2) of the moving part: what is seen at a pixel lies so far from it. ``eyes`` has for
    each eye the part of the moving part around it, and float32 (h, w) 0..1 where it is open. Coarsely sampled over
    the moving part: ``uv`` float32 (h, w, 2) the place in the canonical texture, ``inside`` float32 (h, w) 0..1 how far
    within the outline.
    """

    offsets: Floats
    eyes: tuple[tuple[Part, Floats], ...]
    uv: Floats
    inside: Floats


class Field:
    """Makes ``Bends`` of one photo's moving part."""

    def __init__(self, part: Part, still: Floats, unit: float) -> None:
        """``part`` of the photo moves; ``still`` float32 (N, 3) are its points, ``unit`` a face unit, in its pixels."""
        self.part = part
        self._unit = unit
        self._origin = part.origin
        longer = max(part.width, part.height)
        self._side = min(COARSE, longer)
        self._zoom = np.float32(self._side / longer)
        self._coarse = tuple(max(round(side * float(self._zoom)), 1) for side in (part.width, part.height))
        # What the photo's own pixels are: where they show goes with them.
        shown, depth = (still[:, :2] - self._origin + 0.5) * self._zoom - 0.5, still[:, 2]
        raster = rasterise(shown, TRIANGLES, self._side, _order(shown, depth, TRIANGLES, _EYE, unit))
        width, height = self._coarse
        own = raster.interpolate(np.column_stack([UV, _INNER]))[:height, :width]
        self._uv, self._inside = np.ascontiguousarray(own[..., :2]), np.ascontiguousarray(own[..., 2])
        y, x = np.mgrid[0:height, 0:width].astype(np.float32)
        self._places = np.dstack([x, y])

    def __call__(self, moved: Floats, sources: Points) -> Bends:
        """``moved``, float32 (N, 3) in pixels of the photo, are the points; they show what is at ``sources`` (N, 2)."""
        shown, depth = moved[:, :2] - self._origin, moved[:, 2]
        offsets = sources - moved[:, :2]
        points = (shown + 0.5) * self._zoom - 0.5
        order = _order(points, depth, ALL_TRIANGLES, _ALL_EYE, self._unit)
        raster = rasterise(points, ALL_TRIANGLES, self._side, order)
        width, height = self._coarse
        raster = replace(raster, numbers=raster.numbers[:height, :width])
        bends = raster.interpolate(offsets)
        there = self._places + bends * self._zoom
        uv, inside = look_up_values(self._uv, there), look_up_values(self._inside, there)
        inside = np.asarray(cv2.GaussianBlur(inside, (0, 0), 1.0), np.float32)
        soft, face = (np.asarray(cv2.GaussianBlur(bends, (0, 0), sigma), np.float32) for sigma in (SOFT, FACE))
        soft += (face - soft) * inside[..., None]
        field: Floats = np.asarray(cv2.resize(soft, (self.part.width, self.part.height)), np.float32)
        eyes = []
        for zone in _ZONES:
            part, open_ = self._refine(zone, field, shown, depth, offsets)
            if open_ is not None:
                eyes.append((part, open_))
        return Bends(field, tuple(eyes), uv, inside)

    def mouth(self, moved: Floats, driver: Points, part: Part) -> tuple[Floats, Floats]:
        """Of a ``part`` of the moving part: where in the performer's picture the mouth lies, and where it is open.

        ``driver`` float32 (468, 2) is the performer's mesh. Float32 (H, W, 2) and float32 (H, W) 0..1.
        """
        shown = moved[:VERTICES, :2] - self._origin
        raster, pixel = _fine(shown, TRIANGLES, np.flatnonzero(_MOUTH), part)
        open_ = _marks(raster, _MOUTH)
        whole = _enlarged(np.dstack([_beyond(raster.interpolate(driver), open_), open_]), part, pixel)
        return np.ascontiguousarray(whole[..., :2]), np.ascontiguousarray(whole[..., 2])

    def _refine(
        self, zone: _Zone, field: Floats, shown: Points, depth: Floats, offsets: Points
    ) -> tuple[Part, Floats | None]:
        """Put the fine bends of ``zone`` into ``field``; returns where that is, and where the eye in it is open."""
        part = Part.around(shown[zone.points], 2, field.shape[1::-1])
        order = _order(shown, depth, zone.triangles, zone.eye, self._unit)
        raster, pixel = _fine(shown, zone.triangles, order, part)
        values = np.column_stack([offsets[:VERTICES], zone.weight])
        fine = np.asarray(cv2.GaussianBlur(raster.interpolate(values), (0, 0), SHARP), np.float32)
        marks = [cv2.GaussianBlur(_marks(raster, zone.eye), (0, 0), 0.8)] if zone.eye.any() else []
        whole = _enlarged(np.dstack([fine, *marks]), part, pixel)
        weight = np.clip(whole[..., 2:3] * 1.5, 0, 1)
        there = field[part.here]
        there += (whole[..., :2] - there) * weight
        return part, np.ascontiguousarray(whole[..., 3]) if marks else None


def _enlarged(values: Floats, part: Part, pixel: float) -> Floats:
    """``values``, float32 (h, w, K) of a raster whose pixels stand for ``pixel`` of ``part``, at each of those."""
    if pixel != 1:
        size = round(values.shape[1] * pixel), round(values.shape[0] * pixel)
        values = np.asarray(cv2.resize(values, size), np.float32)
    return values[: part.height, : part.width]


def _beyond(values: Floats, where: Floats) -> Floats:
    """``values``, float32 (S, S, K), going on smoothly around where they are: ``where`` float32 (S, S) is 1."""
    near = cv2.GaussianBlur(np.dstack([values * where[..., None], where]), (0, 0), 3.0)
    around = near[..., :-1] / np.maximum(near[..., -1:], 1e-4)
    return np.asarray(np.where(where[..., None] > 0, values, around), np.float32)


def _fine(shown: Points, triangles: Triangles, order: NDArray[np.int64], part: Part) -> tuple[Raster, float]:
    """A raster over ``part``, and the pixels of the photo that one of its own stands for."""
    longer = max(part.width, part.height)
    size = min(longer, FINE)
    points = (shown[:VERTICES] - part.origin + 0.5) * np.float32(size / longer) - 0.5
    raster = rasterise(points, triangles, size, order)
    height, width = (min(-(-side * size // longer), size) for side in (part.height, part.width))
    return replace(raster, numbers=raster.numbers[:height, :width]), longer / size


def _order(
    points: Points, depth: Floats, triangles: Triangles, eye: NDArray[np.bool_], unit: float
) -> NDArray[np.int64]:
    """The order to draw in: what is farther first, eyes before lids, backs before fronts."""
    far = depth[triangles].mean(axis=1) + (EYES_BEHIND * unit) * eye
    a, b, c = (points[triangles[:, corner]] for corner in range(3))
    twice = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    back = (twice > 0) & (triangles[:, 2] < VERTICES)
    return np.argsort(-(far + (BACK_BEHIND * unit) * back), kind="stable")


def _marks(raster: Raster, which: NDArray[np.bool_]) -> Floats:
    """float32 (S, S), 1 where one of the triangles ``which`` is seen."""
    return np.append(False, which)[raster.numbers].astype(np.float32)
