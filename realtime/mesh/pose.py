"""Where a head is and how it is turned: the similarity in space between face axes and a picture."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from realtime.mesh.vertices import rigid
from realtime.runtime.arrays import Floats

__all__ = ["RIGID", "Pose", "fit_pose", "pose_of"]


@dataclass(frozen=True, slots=True, eq=False)
class Pose:
    """Face axes to picture: ``scale * points @ turn.T + shift``; ``turn`` float64 (3, 3) is a rotation."""

    scale: float
    turn: NDArray[np.float64]
    shift: NDArray[np.float64]

    def apply(self, points: Floats) -> Floats:
        """Face axes to picture, float32 (..., 3)."""
        return np.asarray(self.scale * points @ self.turn.T + self.shift, np.float32)

    def undo(self, points: Floats) -> Floats:
        """Picture to face axes, float32 (..., 3)."""
        return np.asarray((points - self.shift) @ self.turn / self.scale, np.float32)

    @property
    def yaw(self) -> float:
        """Turn to the side in degrees, 0 for a frontal face."""
        return float(np.degrees(np.arctan2(self.turn[0, 2], self.turn[2, 2])))

    @property
    def pitch(self) -> float:
        """Nod in degrees, 0 for a frontal face."""
        return float(np.degrees(np.arcsin(np.clip(self.turn[1, 2], -1, 1))))

    @property
    def roll(self) -> float:
        """Tilt to the shoulder in degrees, 0 for an upright face, positive clockwise."""
        return float(np.degrees(np.arctan2(self.turn[1, 0], self.turn[0, 0])))


def fit_pose(model: Floats, seen: Floats) -> Pose:
    """The similarity from ``model`` to ``seen``, float32 (N, 3) both, least squares (Umeyama 1991)."""
    m, s = model.astype(np.float64), seen.astype(np.float64)
    m_mean, s_mean = m.mean(axis=0), s.mean(axis=0)
    m, s = m - m_mean, s - s_mean
    u, d, vt = np.linalg.svd(s.T @ m)
    sign = np.ones(3)
    sign[2] = np.sign(np.linalg.det(u @ vt))
    turn = (u * sign) @ vt
    scale = float((d * sign).sum() / (m * m).sum())
    return Pose(scale, turn, s_mean - scale * turn @ m_mean)


def pose_of(mesh: Floats, rest: Floats) -> Pose:
    """The pose of ``mesh`` in its picture, float32 (468, 3), by the points that move with the skull.

    ``rest`` is the face at rest in face axes, float32 (468, 3).
    """
    return fit_pose(rest[RIGID], mesh[RIGID])


#: The points that move with the skull, int64 (K,).
RIGID = rigid()
