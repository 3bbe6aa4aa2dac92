"""The shape that is drawn: the photographed person's, with the performer's pose and expression.

Lips and lids are as far apart as the performer's: what would open or close them is not the photograph's to say.

The performer's own shape is a running mean over what is seen of them; whatever differs from it is expression. The
outline goes only part of the way, and what it lacks spreads into the face.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from realtime.mesh.expression import NEUTRAL, expression_of
from realtime.mesh.outline import AROUND, spread
from realtime.mesh.pose import Pose, pose_of
from realtime.mesh.vertices import INNER_LIP_PAIRS, LID_PAIRS, MIRRORED
from realtime.runtime.arrays import Floats

__all__ = ["OUTLINE", "Person", "identity_of"]

#: How far the outline goes to the photographed person's, by default.
OUTLINE: Final = 0.6
#: The mean's memory: a frame counts for no less than this share, and a new one for no more.
SLOWEST: Final = 0.02


def _apart(shape: Floats) -> Floats:
    """From each upper lip or lid to the lower one, float32 (P, 3)."""
    return np.asarray(shape[_PAIRS[:, 1]] - shape[_PAIRS[:, 0]], np.float32)


def _opening() -> Floats:
    """How all points move where pairs of lips and lids move apart, float32 (468, P): half the way each, and around."""
    moves: Floats = np.zeros((len(NEUTRAL), len(_PAIRS)), np.float32)
    for pairs, reach in ((_LIPS, LIPS_REACH), (_LIDS[0], LIDS_REACH), (_LIDS[1], LIDS_REACH)):
        chosen = [_PAIRS.tolist().index(list(pair)) for pair in pairs]
        for side, sign in ((0, -0.5), (1, 0.5)):
            rim = NEUTRAL[_PAIRS[chosen, side]]
            away = np.linalg.norm(NEUTRAL[:, None, :2] - rim[None, :, :2], axis=2)  # (468, P)
            near = np.exp(-((away / 0.35) ** 2)) + 1e-9
            fade = np.clip(1 - away.min(axis=1) / reach, 0, 1) ** 2
            middle = np.interp(NEUTRAL[:, 0], *_line(pairs))
            here = (NEUTRAL[:, 1] >= middle) if side else (NEUTRAL[:, 1] <= middle)
            moves[:, chosen] += np.float32(sign) * (near / near.sum(axis=1, keepdims=True)) * (fade * here)[:, None]
    for column, (upper, lower) in enumerate(_PAIRS):  # the rims themselves, exactly
        moves[[upper, lower]] = 0
        moves[upper, column], moves[lower, column] = -0.5, 0.5
    return moves


def _line(pairs: tuple[tuple[int, int], ...]) -> tuple[Floats, Floats]:
    """Where the rims meet: x, growing, and y."""
    middle = (NEUTRAL[[upper for upper, _ in pairs]] + NEUTRAL[[lower for _, lower in pairs]]) / 2
    order = np.argsort(middle[:, 0])
    return middle[order, 0], middle[order, 1]


_LIPS: Final = INNER_LIP_PAIRS
_LIDS: Final = LID_PAIRS
_PAIRS: Final = np.array([*_LIPS, *_LIDS[0], *_LIDS[1]])
#: How far from the rims of lips and lids what is around them goes along, in units of the face axes.
LIPS_REACH, LIDS_REACH = 1.8, 0.8
OPENING: Final = _opening()


def identity_of(mesh: Floats) -> Floats:
    """The shape of a person at rest, float32 (468, 3) in face axes, estimated from one mesh of a picture."""
    return _at_rest(pose_of(mesh, NEUTRAL).undo(mesh))


def _at_rest(shape: Floats) -> Floats:
    """A shape without its expression; what is left of a smirk or a raised brow goes, for faces are symmetric."""
    rest = shape - expression_of(shape)
    return np.asarray((rest + rest[MIRRORED] * np.array((-1, 1, 1), np.float32)) / 2, np.float32)


@dataclass(slots=True)
class Person:
    """What is known of a performer's own shape, from ``count`` frames."""

    identity: Floats | None = None
    count: int = 0

    def target(self, mesh: Floats, identity: Floats, outline: float, share: float) -> tuple[Floats, Pose]:
        """The mesh to draw for the performer's ``mesh``, float32 (468, 3) in pixels both, and the pose.

        ``identity`` is the shape of the photographed person, float32 (468, 3) in face axes; ``outline`` is how far the
        outline goes there, ``share`` how far everything does, 0..1 both.
        """
        pose = pose_of(mesh, NEUTRAL)
        shape = pose.undo(mesh)
        own = _at_rest(shape)
        self.count += 1
        self.identity = (
            own if self.identity is None else self.identity + max(1 / self.count, SLOWEST) * (own - self.identity)
        )
        wanted = shape + share * (identity - self.identity)
        wanted = wanted + spread() @ ((1 - outline) * (shape[AROUND] - wanted[AROUND]))
        wanted = wanted + OPENING @ _apart(shape - wanted)
        return pose.apply(wanted), pose
