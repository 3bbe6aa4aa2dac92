"""What a performer does: a face at one moment taken apart, and how it differs from the performer's own rest."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from realtime.mesh.canonical import POINTS
from realtime.mesh.pose import Pose, pose_of
from realtime.mesh.vertices import INNER_LIPS, LID_PAIRS
from realtime.puppet.limits import Rotation, turned
from realtime.runtime.arrays import Floats

__all__ = ["STILL", "Held", "Motion", "hold", "lid_openings", "mouth_opening", "relative"]


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """How a face is held at one moment.

    ``shape`` is float32 (468, 3) in face axes, ``lids`` float64 (2,) how far each eye is open, in shares of its width,
    ``eyes`` float64 (2,) the same as ``seen_open`` sees it, ``gaze`` float64 (2,) where the irises are, in eye widths
    from the middle, along and across the eye.
    """

    pose: Pose
    shape: Floats
    lids: NDArray[np.float64]
    eyes: NDArray[np.float64]
    gaze: NDArray[np.float64]

    @property
    def mouth(self) -> float:
        """How far the lips are apart, in shares of the mouth's width."""
        return mouth_opening(self.shape)


@dataclass(frozen=True, slots=True, eq=False)
class Motion:
    """How a face differs from its rest.

    ``rotation`` turns the head, ``shift`` float64 (3,) moves it in face units, ``zoom`` is the ratio of sizes, ``bend``
    float32 (468, 3) moves the face's points in face axes, ``lids`` float64 (2,) are the openings as ratios to those at
    rest (0 shut), ``gaze`` float64 (2,) is in eye widths, ``mouth`` 0..1 how much of the performer's mouth is in sight.
    """

    rotation: Rotation
    shift: NDArray[np.float64]
    zoom: float
    bend: Floats
    lids: NDArray[np.float64]
    gaze: NDArray[np.float64]
    mouth: float

    def eased(self, share: float) -> "Motion":
        """As much of it as ``share`` says, 0 (at rest) .. 1."""
        if share >= 1:
            return self
        return replace(
            self,
            rotation=turned(self.rotation, share),
            shift=self.shift * share,
            zoom=self.zoom**share,
            bend=self.bend * np.float32(share),
            lids=1 + (self.lids - 1) * share,
            gaze=self.gaze * share,
            mouth=self.mouth * share,
        )


STILL: Final = Motion(np.eye(3), np.zeros(3), 1.0, np.zeros(POINTS.shape, np.float32), np.ones(2), np.zeros(2), 0.0)

#: Between these openings, in shares of the mouth's width, the inside of the performer's mouth comes into sight.
SHUT, OPEN = 0.05, 0.12
#: A mesh's lids go so much of the way when they close: what is shut in the picture is a third open there.
CLOSES: Final = 1.6
#: What is seen of an eye, against its rest, where it is shut, and from where on it says nothing of the lids.
EYES_SHUT, EYES_OPEN = 0.3, 0.6
_LIDS: Final = np.array(LID_PAIRS)  # (2, 7, 2)
_CORNERS: Final = np.array(((33, 133), (263, 362)))


def hold(mesh: Floats, eyes: NDArray[np.float64], gaze: NDArray[np.float64]) -> Held:
    """Take apart ``mesh``, float32 (468, 3) in pixels of a picture in which ``eyes`` and ``gaze`` were seen."""
    pose = pose_of(mesh, POINTS)
    return Held(pose, pose.undo(mesh), lid_openings(mesh), eyes, gaze)


def relative(now: Held, rest: Held) -> Motion:
    """How ``now`` differs from ``rest``, both of one face."""
    return Motion(
        rotation=now.pose.turn @ rest.pose.turn.T,
        shift=(now.pose.shift - rest.pose.shift) / rest.pose.scale,
        zoom=now.pose.scale / rest.pose.scale,
        bend=now.shape - rest.shape,
        lids=_lids(now, rest),
        gaze=now.gaze - rest.gaze,
        mouth=float(np.clip((now.mouth - SHUT) / (OPEN - SHUT), 0, 1)),
    )


def _lids(now: Held, rest: Held) -> NDArray[np.float64]:
    """How far the eyes are open against their rest: what the mesh says, and shut where the picture says so."""
    by_mesh = now.lids / np.maximum(rest.lids, 1e-3)
    by_mesh -= (CLOSES - 1) * np.maximum(1 - by_mesh, 0)
    seen = (now.eyes / np.maximum(rest.eyes, 1e-3) - EYES_SHUT) / (EYES_OPEN - EYES_SHUT)
    return np.asarray(np.where(seen < 1, np.minimum(by_mesh, seen), by_mesh).clip(0), np.float64)


def lid_openings(points: Floats) -> NDArray[np.float64]:
    """How far the eyes of ``points``, float32 (468, 3), are open, in shares of their widths: float64 (2,)."""
    gaps = np.linalg.norm(points[_LIDS[..., 0]] - points[_LIDS[..., 1]], axis=2)[:, 2:5].mean(axis=1)
    widths = np.linalg.norm(points[_CORNERS[:, 0]] - points[_CORNERS[:, 1]], axis=1)
    return np.asarray(gaps / np.maximum(widths, 1e-6), np.float64)


def mouth_opening(points: Floats) -> float:
    """How far the lips of ``points``, float32 (468, 3), are apart, in shares of the mouth's width."""
    left, lower, right, upper = (points[INNER_LIPS[place]] for place in (0, 5, 10, 15))
    return float(np.linalg.norm(upper - lower) / max(float(np.linalg.norm(left - right)), 1e-6))
