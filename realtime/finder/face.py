"""A face as the face finder reports it."""

from dataclasses import dataclass

import numpy as np

from realtime.runtime.arrays import Floats, Points

__all__ = ["Box", "Face", "eye_distance"]

#: x0, y0, x1, y1 in frame pixels.
Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Face:
    """One face in one frame.

    ``landmarks`` is float32 (68, 2) in iBUG order and frame pixels, ``score`` the presence in 0..1, and ``track``
    a number that stays with a face from frame to frame. ``mesh`` is float32 (468, 3), the points of
    ``realtime.mesh`` as x, y in frame pixels and z in the same unit, smaller is nearer; None where the finder was not
    asked for it, or has none.
    """

    landmarks: Points
    score: float
    track: int
    mesh: Floats | None = None

    @property
    def box(self) -> Box:
        """The head box that a detector would draw: the landmarks' extent, raised to take in the forehead."""
        x0, y0 = self.landmarks.min(axis=0).tolist()
        x1, y1 = self.landmarks.max(axis=0).tolist()
        return (x0, y0 - FOREHEAD * (y1 - y0), x1, y1)

    @property
    def eye_distance(self) -> float:
        """See ``eye_distance``."""
        return eye_distance(self.landmarks)


#: Share of the landmarks' height by which a detector's box reaches above the brows (YuNet's median: 0.33).
FOREHEAD = 0.33


def eye_distance(landmarks: Points) -> float:
    """Distance of the outer eye corners in pixels, the usual yardstick of landmark errors; float32 (68, 2) in."""
    return float(np.linalg.norm(landmarks[36] - landmarks[45]))
