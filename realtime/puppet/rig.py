"""The photo's points, and where a motion puts them: the face's mesh, and rings around it that carry hair and neck.

The rings lie on the skull, behind the face, so that they turn with it in space. How firmly a ring moves with the head
falls from the face to the last ring, which never moves: soon below the chin, where the neck bends, late in the hair.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from realtime.mesh.canonical import POINTS, TRIANGLES, VERTICES, Triangles
from realtime.mesh.outline import AROUND, ring_triangles
from realtime.mesh.pose import Pose, pose_of
from realtime.mesh.vertices import FOLDS, LID_PAIRS
from realtime.puppet.limits import limited_turn, softly
from realtime.puppet.motion import Motion
from realtime.runtime.arrays import Floats, Points

__all__ = ["ALL_TRIANGLES", "Rig"]

#: Sizes of the rings, in those of the outline.
SIZES: Final = (1.12, 1.30, 1.55, 1.90, 2.40)
#: How firmly each moves with the head above the face, and below it.
UP: Final = (1.0, 0.98, 0.88, 0.45, 0.0)
DOWN: Final = (0.95, 0.75, 0.50, 0.25, 0.0)
#: How much of the outline's bending (a jaw that drops) each takes along.
BENDS: Final = (0.72, 0.36, 0.10, 0.0, 0.0)
#: Hair needs more room than cheeks: above, the rings reach further by that share.
HAIR: Final = 0.35
#: Where the skull's middle lies behind the tip of the nose, in face units, and the size at which the rings are there.
SKULL, AT_SKULL = 10.5, 1.45
#: The performer's expression is shown a little larger than it is.
EXPRESSION: Final = 1.2
#: In face heights and as a ratio of sizes: what the head moves as asked, and what it never passes.
FREE_SHIFT, MOST_SHIFT = 0.10, 0.22
FREE_ZOOM, MOST_ZOOM = 0.08, 0.18
#: What is left between shut lids: a line of lashes, not nothing.
LASHES: Final = 0.06
#: Below that opening the skin above the lashes comes down, by that share of the way to the fold, and the skin below the
#: eye comes up, by that share of the eye's height.
SHUTS, SKIN_DOWN, SKIN_UP = 0.75, 0.60, 0.18
#: Lids that open wider than at rest do so by no more than this.
WIDEST: Final = 1.3

#: The face's triangles, and those of the rings after them: int32 (T, 3).
ALL_TRIANGLES: Final[Triangles] = np.concatenate([TRIANGLES, ring_triangles(len(SIZES))]).astype(np.int32)

_LIDS: Final = np.array(LID_PAIRS)  # (2, 7, 2): upper, lower
_TOP, _CHIN = 10, 152


def _ramp(x: NDArray[np.float64]) -> NDArray[np.float64]:
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)


class Rig:
    """The points of one photo. ``still`` float32 (N, 2) are where they lie in it, the mesh's before the rings'."""

    def __init__(self, mesh: Floats) -> None:
        """``mesh`` is float32 (468, 3) in pixels of the photo."""
        self.pose = pose_of(mesh, POINTS)
        self.shape = self.pose.undo(mesh)
        rim = mesh[AROUND].astype(np.float64)  # (36, 3)
        middle = rim[:, :2].mean(axis=0)
        above = np.clip((-POINTS[AROUND, 1] + 1) / 7, 0, 1).astype(np.float64)
        below = np.clip((POINTS[AROUND, 1] - 3) / 5, 0, 1).astype(np.float64)
        skull = float(POINTS[4, 2]) + SKULL
        places, depths, grip, bends = [], [], [], []
        for size, up, down, bend in zip(SIZES, UP, DOWN, BENDS, strict=True):
            reach = 1 + (size - 1) * (1 + HAIR * above)[:, None]
            places.append(middle + reach * (rim[:, :2] - middle))
            there = float(_ramp(np.array((size - 1) / (AT_SKULL - 1))))
            depths.append(self.shape[AROUND, 2] + (skull - self.shape[AROUND, 2]) * there)
            grip.append(up * (1 - below) + down * below)
            bends.append(np.full(len(AROUND), bend))
        rings = np.concatenate(places)
        self.still: Points = np.concatenate([mesh[:, :2], rings]).astype(np.float32)
        self._grip, self._bends = np.concatenate(grip)[:, None], np.concatenate(bends)[:, None]
        self._rings = self._behind(rings, np.concatenate(depths))
        self._rings_still = self.pose.apply(self._rings)
        self._height = float(np.linalg.norm(self.shape[_TOP] - self.shape[_CHIN]))

    def moved(self, motion: Motion) -> Floats:
        """Where ``motion`` puts the points, float32 (N, 3) in pixels of the photo; what is far has the larger third."""
        pose = self._pose(motion)
        bend = motion.bend * np.float32(EXPRESSION)
        face = pose.apply(self._with_lids(self.shape + bend, motion))
        dragged = np.tile((pose.scale * bend[AROUND] @ pose.turn.T)[:, :2], (len(SIZES), 1))
        moved = pose.apply(self._rings) - self._rings_still
        rings = self.still[VERTICES:] + self._grip * moved[:, :2] + self._bends * self._grip * dragged
        behind = float(face[:, 2].max()) + 40 + 10 * np.repeat(np.arange(len(SIZES)), len(AROUND))
        return np.concatenate([face, np.column_stack([rings, behind])]).astype(np.float32)

    def sources(self, motion: Motion) -> Points:
        """Where in the photo the points find what they show, float32 (N, 2): where they lie, but for lids that shut.

        The edge of an upper lid is all lashes there, which would be drawn out over the eye, and that of a lower one is
        white. So the skin beyond them comes to the edge, and the lashes go with the slit.
        """
        if (motion.lids >= SHUTS).all():
            return self.still
        sources = self.still.copy()
        for pairs, fold, share in zip(_LIDS, FOLDS, motion.lids, strict=True):
            upper, lower = pairs[:, 0], pairs[:, 1]
            shut = np.float32(np.clip((SHUTS - share) / SHUTS, 0, 1))
            sources[upper] += np.float32(SKIN_DOWN) * shut * (self.still[list(fold)] - self.still[upper])
            sources[lower] += np.float32(SKIN_UP) * shut * (self.still[lower] - self.still[upper])
        return sources

    def _pose(self, motion: Motion) -> Pose:
        """The pose in the photo that ``motion`` asks for, limited."""
        turn = limited_turn(motion.rotation, self.pose.turn) @ self.pose.turn
        way = float(np.linalg.norm(motion.shift[:2]))
        free, most = FREE_SHIFT * self._height, MOST_SHIFT * self._height
        shift = motion.shift * (softly(way, free, most) / way if way > 1e-6 else 1.0)
        log = float(np.log(motion.zoom))
        zoom = float(np.exp(np.sign(log) * softly(abs(log), FREE_ZOOM, MOST_ZOOM)))
        return Pose(self.pose.scale * zoom, turn, self.pose.shift + shift * self.pose.scale)

    def _with_lids(self, shape: Floats, motion: Motion) -> Floats:
        """``shape``, float32 (468, 3) in face axes, with the photo's lids as far open as the performer's."""
        shape = shape.copy()
        for pairs, fold, share in zip(_LIDS, FOLDS, motion.lids, strict=True):
            upper, lower = pairs[:, 0], pairs[:, 1]
            rest = self.shape[upper, 1] - self.shape[lower, 1]  # negative: the upper one is higher
            wanted = rest * float(np.clip(share, LASHES, WIDEST))
            down = (wanted - (shape[upper, 1] - shape[lower, 1])).astype(np.float32)
            shape[upper, 1] += 0.9 * down
            shape[lower, 1] -= 0.1 * down
            # The skin between lid and brow is drawn along.
            shape[list(fold), 1] += 0.3 * down
        return shape

    def _behind(self, places: NDArray[np.float64], depths: NDArray[np.float64]) -> Floats:
        """What is seen at ``places`` (N, 2) of the photo and lies at ``depths`` (N,), in face axes: float32 (N, 3)."""
        axes = self.pose.scale * self.pose.turn
        flat = places - self.pose.shift[:2] - np.outer(depths, axes[:2, 2])
        return np.column_stack([np.linalg.solve(axes[:2, :2], flat.T).T, depths]).astype(np.float32)
