"""Soft limits: motion is followed as it is up to a point, and beyond less and less, so that the photo does not tear."""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["Rotation", "angle_of", "limited_turn", "softly", "turned"]

#: float64 (3, 3).
Rotation = NDArray[np.float64]

#: Degrees by which the head turns from where the photo holds it: as asked up to the first, never beyond the second.
FREE_TURN, MOST_TURN = 26.0, 42.0
#: The same of the angle between where the face looks and the viewer: beyond that the photo knows too little of it.
FREE_AWAY, MOST_AWAY = 34.0, 50.0
_TOWARDS: Final = np.array([0.0, 0.0, -1.0])


def softly(value: float, free: float, most: float) -> float:
    """``value`` (0 or more) as it is up to ``free``, and beyond ever nearer to ``most``, which it never passes."""
    if value <= free:
        return value
    room = most - free
    return free + room * float(np.tanh((value - free) / room))


def angle_of(rotation: Rotation) -> float:
    """How far ``rotation`` turns, in degrees."""
    return float(np.degrees(np.linalg.norm(cv2.Rodrigues(rotation)[0])))


def turned(rotation: Rotation, share: float) -> Rotation:
    """``rotation`` about its own axis, by ``share`` of its angle."""
    return np.asarray(cv2.Rodrigues(cv2.Rodrigues(rotation)[0] * share)[0], np.float64)


def limited_turn(rotation: Rotation, start: Rotation) -> Rotation:
    """``rotation``, limited, of a head that ``start`` holds in the photo."""
    angle = angle_of(rotation)
    if angle < 1e-3:
        return rotation
    rotation = turned(rotation, softly(angle, FREE_TURN, MOST_TURN) / angle)
    before, after = _away(start), _away(rotation @ start)
    free = max(FREE_AWAY, before)  # a photo that is turned already may turn back
    most = max(MOST_AWAY, before + 1)
    if after <= free:
        return rotation
    return turned(rotation, float(np.clip((softly(after, free, most) - before) / (after - before), 0, 1)))


def _away(rotation: Rotation) -> float:
    """The angle between where a face looks and the viewer, in degrees."""
    return float(np.degrees(np.arccos(np.clip((rotation @ _TOWARDS) @ _TOWARDS, -1, 1))))
