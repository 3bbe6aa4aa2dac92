"""Pseudo-pairs: to a face of one side, the face of another side that comes nearest to it, bent to its landmarks.

Sides that were filmed apart share no picture, so nothing tells a classic autoencoder what A's smile looks like on B:
where light, poses or expressions of the two differ, their codes drift apart and the swap is a blur. A pseudo-pair
shows it roughly. The nearest face is the one with the most similar pose and expression, and the better B's footage
covers A's, the less it has to be bent. A closed mouth that is to open would only stretch; there A lends the inside.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator

from models.faceset.pose import pose_of
from models.mirror import MIRRORED
from realtime.arrays import Floats, Points

__all__ = ["Drawn", "Partners", "lent_mouths", "mirrored", "partners"]

#: Of so many nearest faces one is drawn at random.
NEAREST: Final = 4
#: So many degrees count as much as landmarks that are off by the crop's width.
DEGREES: Final = 200.0
#: Closing an eye counts as much as landmarks that are off by this share of the crop's width: a head can be bent to
#: another pose, but not to closed eyes.
CLOSING: Final = 0.25
#: Face finders see lids move less than they do. The least of a film is taken for shut, if it is this much below the
#: usual.
SHUT: Final = 0.15
#: Lids that are closed by less of that way are open, or smiling.
QUIVER: Final = 0.75
LIPS: Final = slice(60, 68)
#: Of each eye: its corners, upper lid, lower lid, and the brow above it.
EYES: Final = (
    ((36, 39), (37, 38), (41, 40), slice(17, 22)),
    ((42, 45), (43, 44), (47, 46), slice(22, 27)),
)
#: A mouth is lent where it is further open than the partner's: not at all up to the first, wholly from the second on.
#: Shares of the distance of the outer eye corners.
LENT: Final = (0.02, 0.08)
#: Side of a mouth's mask, and fractional bits of its corners.
MOUTH: Final = 128
BITS: Final = 4
#: Faces that are compared with all others at once.
BLOCK: Final = 1024


def mirrored(landmarks: Points) -> Points:
    """Landmarks, float32 (..., 68, 2) in -1..1, of the same faces in a mirror."""
    return np.asarray((landmarks * np.array([-1, 1], np.float32))[..., MIRRORED, :], np.float32)


@dataclass(frozen=True, slots=True)
class Drawn:
    """Partners for K faces.

    ``faces`` is int64 (K,), who they are, and ``mirrored`` bool (K,), who of them in a mirror. They have their
    landmarks at ``source``, and are wanted with those of the faces that ask, ``wanted``; both float32 (K, 68, 2).
    """

    faces: NDArray[np.int64]
    mirrored: NDArray[np.bool_]
    source: Points
    wanted: Points


@dataclass(frozen=True, slots=True)
class Partners:
    """For each face of one side the nearest ones of another.

    ``ours`` is float32 (N, 68, 2), the asking side's landmarks in -1..1, and ``nearest`` int64 (N, K), rows of
    ``theirs``, float32 (M, 68, 2); from row ``count`` on these are the same faces in a mirror.
    """

    ours: Points
    theirs: Points
    nearest: NDArray[np.int64]
    count: int

    def draw(self, asking: NDArray[np.int64], generator: Generator) -> Drawn:
        """One of the nearest for each of ``asking``, int64 (K,)."""
        choice = torch.randint(self.nearest.shape[1], (len(asking),), generator=generator).numpy()
        rows = self.nearest[asking, choice]
        return Drawn(rows % self.count, rows >= self.count, self.theirs[rows], self.ours[asking])


def lent_mouths(drawn: Drawn) -> Floats:
    """Where, and how much, the asking faces show the inside of a mouth that their partners do not.

    float32 (K, MOUTH, MOUTH) in 0..1, on the asking faces' crops.
    """
    low, high = LENT
    share = np.clip((_opening(drawn.wanted) - _opening(drawn.source) - low) / (high - low), 0, 1)
    masks = np.zeros((len(share), MOUTH, MOUTH), np.uint8)
    corners = ((drawn.wanted[:, LIPS] + 1) * (MOUTH / 2) - 0.5) * 2**BITS
    for mask, lips in zip(masks, np.rint(corners).astype(np.int32), strict=True):
        cv2.fillPoly(mask, [lips], (255,), cv2.LINE_AA, BITS)
        cv2.GaussianBlur(mask, (5, 5), 0, dst=mask)
    return np.asarray(masks * (share[:, None, None] / 255), np.float32)


def _opening(landmarks: Points) -> Floats:
    """How far mouths are open, in distances of the outer eye corners: float32 (N,)."""
    apart = np.linalg.norm(landmarks[:, 66] - landmarks[:, 62], axis=1)
    return np.asarray(apart / np.linalg.norm(landmarks[:, 45] - landmarks[:, 36], axis=1), np.float32)


def partners(ours: Points, theirs: Points, mirror: bool) -> Partners:
    """Partners for faces with landmarks ``ours`` among those with ``theirs``, both float32 (N, 68, 2) in -1..1.

    ``mirror`` says whether a mirrored face will do.
    """
    rows = np.concatenate([theirs, mirrored(theirs)]) if mirror else theirs
    wanted, offered = torch.from_numpy(_features(ours)), torch.from_numpy(_features(rows))
    count = min(NEAREST, len(theirs))
    nearest = [torch.cdist(block, offered).topk(count, largest=False).indices for block in torch.split(wanted, BLOCK)]
    return Partners(ours, rows, torch.cat(nearest).numpy(), len(theirs))


def _features(landmarks: Points) -> Floats:
    """Pose and expression of a side's faces, so that distances compare them across people: float32 (N, 23).

    Poses and the shape of the inner lips are compared as they are; how far eyes are open, and how high brows are, as
    they differ from what is usual for the person.
    """
    poses = np.array([(pose.yaw, pose.pitch, pose.roll) for pose in map(pose_of, landmarks)], np.float32) / DEGREES
    crop = landmarks / 2  # in its widths
    lips = crop[:, LIPS] - crop[:, LIPS].mean(axis=1, keepdims=True)
    features = [poses, 2 * lips.reshape(len(lips), -1) / np.sqrt(lips.shape[1])]
    for corners, upper, lower, brow in EYES:
        wide = np.linalg.norm(crop[:, corners[1]] - crop[:, corners[0]], axis=1)
        gap = np.linalg.norm(crop[:, upper] - crop[:, lower], axis=2).mean(axis=1) / wide
        shut, usual = np.percentile(gap, (2, 80))
        closed = np.clip((usual - gap) / max(usual - shut, SHUT * usual), QUIVER, 1)
        height = np.linalg.norm(crop[:, brow].mean(axis=1) - crop[:, corners].mean(axis=1), axis=1)
        features += [CLOSING * closed[:, None], (height - np.median(height))[:, None]]
    return np.asarray(np.concatenate(features, axis=1), np.float32)
