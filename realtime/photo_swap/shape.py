"""The shape that is drawn: the photographed person's, with the performer's pose and expression.

The performer's own shape is a running mean over what is seen of them; whatever differs from it is expression. The
outline goes only part of the way, and what it lacks spreads into the face.
"""

from dataclasses import dataclass
from typing import Final

from realtime.mesh.expression import NEUTRAL, expression_of
from realtime.mesh.outline import AROUND, SPREAD
from realtime.mesh.pose import Pose, pose_of
from realtime.runtime.arrays import Floats

__all__ = ["OUTLINE", "Person", "identity_of"]

#: How far the outline goes to the photographed person's, by default.
OUTLINE: Final = 0.6
#: The mean's memory: a frame counts for no less than this share, and a new one for no more.
SLOWEST: Final = 0.02


def identity_of(mesh: Floats) -> Floats:
    """The shape of a person at rest, float32 (468, 3) in face axes, estimated from one mesh of a picture."""
    shape = pose_of(mesh, NEUTRAL).undo(mesh)
    return shape - expression_of(shape)


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
        own = shape - expression_of(shape)
        self.count += 1
        self.identity = (
            own if self.identity is None else self.identity + max(1 / self.count, SLOWEST) * (own - self.identity)
        )
        wanted = shape + share * (identity - self.identity)
        wanted = wanted + SPREAD @ ((1 - outline) * (shape[AROUND] - wanted[AROUND]))
        return pose.apply(wanted), pose
