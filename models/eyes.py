"""Eyes for what the mesh draws: those of a true frame that looks and blinks alike, in place of the performer's.

A drawn photograph leaves eyes and lids to the performer, so that gaze and blinks come over. A network that learns from
it would give everybody's eyes to one person: here each face gets that person's own, from the frame in which they are
most nearly as open and look most nearly the same way.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from models.faceset.reading import AlignedFaces
from models.meshed import MeshedFaces
from realtime.mesh.canonical import TRIANGLES, Triangles
from realtime.mesh.expression import NEUTRAL
from realtime.mesh.pose import Pose, pose_of
from realtime.mesh.raster import far_to_near, rasterise
from realtime.mesh.vertices import EYES
from realtime.photo_swap.zones import LIDS
from realtime.runtime.arrays import Bytes, Floats

__all__ = ["Doing", "Eyes"]

#: So many degrees of the head, and so many eye widths of gaze, are as bad as eyes that are shut instead of open.
DEGREES, WIDTHS = 60.0, 0.3
#: Eyes are as open as usual at this percentile of a film.
USUAL: Final = 75
#: Wider than so many times as usual is as wide; and up to so much ``measure.openness`` there is no eye to be seen.
WIDEST: Final = 1.3
SHUT: Final = 0.12
#: Frames less sharp than this share of the median are left out.
SHARP: Final = 0.5
#: Eyes whose openings differ by up to the first, in shares of the usual one, stand for each other, from the second on
#: not at all.
ALIKE: Final = (0.25, 0.5)
#: Colours are brought to those around the eye by factors of no more than this.
GAIN: Final = 1.8
#: Where eyes look differently, the iris is moved by up to so many eye widths, and by so much more than the middle of
#: what is dark, which moves less than it does.
MOST, ALONG = 0.15, 1.35
#: What belongs to an eye by less than this is skin around it, by which its colours go; and it is shown a little sooner.
SKIN, BOLD = 0.6, 1.5
#: Positions in a lid margin, and fractional bits of its points.
OUTER, INNER = 0, 8
BITS: Final = 4


@dataclass(frozen=True, slots=True, eq=False)
class Doing:
    """What the eyes of some faces do, against what is usual for the person.

    ``opened`` float32 (N, 2) is 1 for eyes as open as usual, to the mesh and in the picture; ``gazes`` float32 (N, 2)
    are in eye widths along and across.
    """

    opened: Floats
    gazes: Floats

    @classmethod
    def of(cls, known: MeshedFaces) -> "Doing":
        """As the faces ``known`` show it."""
        opened = np.stack([known.lids, np.maximum(known.eyes - SHUT, 0)], axis=1)
        opened = np.minimum(opened / np.maximum(np.percentile(opened, USUAL, axis=0), 1e-3), WIDEST)
        wide = opened.min(axis=1) > 0.5
        middle = np.median(known.gazes[wide], axis=0) if wide.any() else np.zeros(2, np.float32)
        return cls(opened.astype(np.float32), (known.gazes - middle).astype(np.float32))


class Eyes:
    """The eyes of one side's faces."""

    def __init__(self, faces: AlignedFaces, known: MeshedFaces) -> None:
        self._faces, self._known = faces, known
        self._doing = Doing.of(known)
        self._sharp = known.sharpness >= SHARP * np.median(known.sharpness)

    def put_in(self, picture: Bytes, target: Floats, pose: Pose, opened: Floats, gaze: Floats) -> None:
        """Put eyes that are ``opened`` and look to ``gaze``, float32 (2,) both, as ``Doing`` says it, into ``picture``.

        ``picture`` is uint8 (S, S, 3) RGB and changed, ``target`` float32 (468, 3) the mesh of the face in its pixels,
        ``pose`` its pose.
        """
        row = self._nearest(opened, gaze, pose)
        like, unlike = ALIKE
        apart = float(np.abs(self._doing.opened[row] - opened).mean())
        share = float(np.clip((unlike - apart) / (unlike - like), 0, 1))
        if not share:
            return
        theirs = self._faces.faces[self._known.index[row]]
        mesh = self._known.pixels(row, len(theirs))
        goal = _placed(mesh, target, pose)
        for eye in _EYES:
            eye.draw(theirs, mesh, picture, goal, gaze - self._doing.gazes[row], share)

    def _nearest(self, opened: Floats, gaze: Floats, pose: Pose) -> int:
        """The row of the sharp frame whose eyes do most nearly the same."""
        apart = np.sqrt(np.mean((self._doing.opened - opened) ** 2, axis=1))
        aside = np.linalg.norm(self._doing.gazes - gaze, axis=1) / WIDTHS
        turned = np.linalg.norm(self._known.turns - np.array((pose.yaw, pose.pitch)), axis=1) / DEGREES
        cost = apart**2 + (aside * min(float(opened.min()), 1)) ** 2 + turned**2
        return int(np.where(self._sharp, cost, np.inf).argmin())


def _placed(mesh: Floats, target: Floats, pose: Pose) -> Floats:
    """The points of ``target`` with the eyes of ``mesh``, turned as the ``pose`` is: float32 (468, 3) all."""
    theirs, shape = pose_of(mesh, NEUTRAL).undo(mesh), pose.undo(target)
    for eye in _EYES:
        corners = eye.margin[[OUTER, INNER]]
        there = theirs + (shape[corners] - theirs[corners]).mean(axis=0)
        shape = shape + eye.zone[:, None] * (there - shape)
    return pose.apply(shape)


@dataclass(frozen=True, slots=True, eq=False)
class _Eye:
    """One eye: its lid margin, int64 (16,), how much each point belongs to it, float32 (468,), triangles around it."""

    margin: NDArray[np.int64]
    zone: Floats
    triangles: Triangles

    def draw(self, theirs: Bytes, mesh: Floats, picture: Bytes, goal: Floats, gaze: Floats, share: float) -> None:
        """Draw it from ``theirs``, whose mesh is ``mesh``, into ``picture``, where its mesh is to be ``goal``.

        Pictures are uint8 (S, S, 3) RGB, meshes float32 (468, 3) in their pixels. The iris is moved by ``gaze``,
        float32 (2,) in eye widths; ``share`` is how much is shown.
        """
        points = goal[np.unique(self.triangles), :2]
        low = np.maximum(np.floor(points.min(axis=0)).astype(int) - 1, 0)
        size = int(np.ceil((points.max(axis=0) - low).max())) + 2
        part = picture[low[1] : low[1] + size, low[0] : low[0] + size]
        if size < 2 or not part.size:
            return
        height, width = part.shape[:2]
        here = goal - np.array((*low, 0), np.float32)
        raster = rasterise(here[:, :2], self.triangles, size, far_to_near(here, self.triangles))
        carried = np.column_stack([mesh[:, :2] - here[:, :2], self.zone]).astype(np.float32)
        *offsets, zone = (cv2.blur(each, (3, 3))[:height, :width] for each in raster.sheets(carried))
        rows, columns = np.mgrid[:height, :width].astype(np.float32)
        step = np.clip(ALONG * gaze, -MOST, MOST) @ np.stack(_axes(mesh, self.margin))
        free = self._between(here, columns, rows)
        x, y = (
            np.asarray(at + offset - free * way, np.float32)
            for at, offset, way in zip((columns, rows), offsets, step, strict=True)
        )
        seen = np.asarray(cv2.remap(theirs, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE), np.uint8)
        around = zone * (zone < SKIN)
        gains = np.clip(_mean(part, around) / _mean(seen, around), 1 / GAIN, GAIN)
        alpha = (np.clip(BOLD * zone, 0, 1) * np.float32(share))[..., None]
        part[:] = np.rint(part + (np.clip(seen * gains, 0, 255) - part) * alpha)

    def _between(self, goal: Floats, x: Floats, y: Floats) -> Floats:
        """How far each pixel between the lids goes with the iris: all the way in the middle, not at the corners."""
        inside = np.zeros(x.shape, np.uint8)
        cv2.fillPoly(inside, [np.rint(goal[self.margin, :2] * 2**BITS).astype(np.int32)], (255,), cv2.LINE_AA, BITS)
        along, _ = _axes(goal, self.margin)
        middle = (goal[self.margin[OUTER]] + goal[self.margin[INNER]]) / 2
        aside = ((x - middle[0]) * along[0] + (y - middle[1]) * along[1]) / max(float(along @ along) / 2, 1e-3)
        return np.asarray(np.sqrt(np.clip(1 - aside**2, 0, 1)) * (inside / 255), np.float32)


def _axes(mesh: Floats, margin: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """An eye's width to the right and as much downwards, float32 (2,) in pixels both."""
    along = mesh[margin[INNER], :2] - mesh[margin[OUTER], :2]
    along = along if along[0] > 0 else -along
    return along, np.array((-along[1], along[0]), np.float32)


def _mean(picture: Bytes, weight: Floats) -> Floats:
    """The mean colour where ``weight`` is, float32 (3,)."""
    return np.asarray((picture * weight[..., None]).sum((0, 1)) / max(float(weight.sum()), 1e-3) + 1, np.float32)


def _eyes() -> tuple[_Eye, ...]:
    return tuple(
        _Eye(np.array(margin), zone, TRIANGLES[zone[TRIANGLES].max(axis=1) > 0])
        for margin, zone in zip(EYES, LIDS, strict=True)
    )


_EYES: Final = _eyes()
