"""Where a head looks, and how far its landmarks are from those of any face.

The landmarks are fitted with a generic face in space, seen from far away: two rows of a matrix by least squares (the
first step of DeMenthon and Davis, *Model-Based Object Pose in 25 Lines of Code*, 1995), made a rotation by its
nearest orthogonal one. What the fit leaves over says how little the points look like a face.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from realtime.runtime.arrays import Points

__all__ = ["Pose", "pose_of"]

# Centimetres of a generic face: x to the picture's right, y down, z away from the camera. The points that move least;
# tilted so that level is the median of how 295 people hold their heads before a camera.
_FACE: Final = {
    17: (-5.7, -3.8, -3.4), 21: (-1.4, -4.2, -6.0), 22: (1.4, -4.2, -6.0), 26: (5.7, -3.8, -3.4),
    27: (0.0, -2.5, -5.6), 28: (0.0, -0.8, -6.5), 29: (0.0, 0.6, -7.2), 30: (0.0, 1.6, -7.5),
    31: (-1.4, 2.4, -4.9), 33: (0.0, 2.9, -5.7), 35: (1.4, 2.4, -4.9),
    36: (-4.4, -2.2, -3.6), 39: (-1.9, -2.0, -4.1), 42: (1.9, -2.0, -4.1), 45: (4.4, -2.2, -3.6),
    48: (-2.5, 4.9, -3.6), 54: (2.5, 4.9, -3.6),
}  # fmt: skip
_CHOSEN: Final = np.array(list(_FACE))
_SHAPE: Final = np.array(list(_FACE.values())) - np.mean(list(_FACE.values()), axis=0)  # (17, 3)
_INVERSE: Final = np.linalg.pinv(_SHAPE)  # (3, 17)


@dataclass(frozen=True, slots=True)
class Pose:
    """Angles in degrees: ``yaw`` grows towards the picture's right, ``pitch`` upwards, ``roll`` clockwise.

    ``misfit`` is the distance (root mean square) of the landmarks from the fitted face, in outer-eye distances as
    they would be seen from the front: some 0.03 for a face.
    """

    yaw: float
    pitch: float
    roll: float
    misfit: float


def pose_of(landmarks: Points) -> Pose:
    """The pose that landmarks, float32 (68, 2) in frame pixels, show; all zero and a misfit of 1 for a single point."""
    chosen = landmarks[_CHOSEN].astype(np.float64)
    centred = chosen - chosen.mean(axis=0)
    fitted = (_INVERSE @ centred).T  # (2, 3)
    left, scales, right = np.linalg.svd(fitted, full_matrices=False)
    scale = float(scales.mean())
    if not scale > 0:
        return Pose(0.0, 0.0, 0.0, 1.0)
    across, down = left @ right  # unit rows of the rotation: the picture's x and y
    away = np.cross(across, down)
    yaw = np.arctan2(-across[2], away[2])
    pitch = np.arcsin(np.clip(down[2], -1, 1))
    roll = np.arctan2(-across[1], down[1])
    eyes = scale * float(np.linalg.norm(np.subtract(_FACE[45], _FACE[36])))
    misfit = float(np.sqrt(np.mean(np.sum((centred - _SHAPE @ fitted.T) ** 2, axis=1)))) / eyes
    return Pose(float(np.degrees(yaw)), float(np.degrees(pitch)), float(np.degrees(roll)), misfit)
