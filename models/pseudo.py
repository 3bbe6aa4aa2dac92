"""Pseudo-pairs: to a face of one side, the face of another side that comes nearest to it, bent to its landmarks.

Sides that were filmed apart share no picture, so nothing tells a classic autoencoder what A's smile looks like on B:
where light, poses or expressions of the two differ, their codes drift apart and the swap is a blur. A pseudo-pair
shows it roughly. The nearest face is the one with the most similar pose and expression, and the better B's footage
covers A's, the less it has to be bent. A closed mouth that is to open would only stretch; there A lends the inside.
"""

from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator

from models.faceset.pose import pose_of
from realtime.finder.landmarks68 import BROWS, EYE_CORNERS, INNER_LIPS, MIRRORED, OUTER_EYE_CORNERS
from realtime.runtime.arrays import Floats, Points

__all__ = ["Drawn", "LandmarkedFaces", "Partners", "lent_mouths", "mirrored", "mouth_gaps", "partners"]

#: How far to the right landmarks are placed, in distances of the outer eye corners; see the face finder's model card.
#: Measured: 0.026 on persons it never saw, 0.016 to 0.033 on three films.
LEAN: Final = 0.026
#: Of so many nearest faces one is drawn at random.
NEAREST: Final = 2
#: So many degrees count as much as landmarks that are off by the crop's width.
DEGREES: Final = 200.0
#: Closing the eyes counts as much as landmarks that are off by this share of the crop's width: a head can be bent to
#: another pose, but not to closed eyes.
CLOSING: Final = 0.35
#: Faces that differ by up to the first do the same, and from the second on something else.
NEAR: Final = (0.02, 0.06)
#: Eyes (``measure.openness``) are shut up to the first, and open from the second on, a share of how far the person
#: usually opens them: smiles narrow them in between.
SHUT: Final = 0.12
OPEN: Final = 0.8
#: Irises that are off by an eye's width count as much as landmarks that are off by this share of the crop's width.
GAZE: Final = 0.35
#: A mouth is lent where it is further open than the partner's: not at all up to the first, wholly from the second on.
#: Shares of the distance of the outer eye corners.
LENT: Final = (0.02, 0.08)
#: The outline, which belongs to where a swap is pasted.
JAW: Final = slice(0, 17)
#: Side of a mouth's mask, and fractional bits of its corners.
MOUTH: Final = 128
BITS: Final = 4
#: Faces that are compared with all others at once.
BLOCK: Final = 1024


def mirrored(landmarks: Points) -> Points:
    """What the built-in face finder would find of the same faces in a mirror: float32 (..., 68, 2) in -1..1, as given.

    It places landmarks a little to the right, whatever it is shown, and so it would in the mirror too.
    """
    turned = (landmarks * np.array([-1, 1], np.float32))[..., MIRRORED, :]
    left, right = OUTER_EYE_CORNERS
    eyes = np.linalg.norm(turned[..., right, :] - turned[..., left, :], axis=-1)
    turned[..., 0] += 2 * LEAN * eyes[..., None]
    return np.asarray(turned, np.float32)


@dataclass(frozen=True, slots=True)
class LandmarkedFaces:
    """What is known of a side's faces.

    ``landmarks`` is float32 (N, 68, 2) in -1..1 from edge to edge of the crop, ``eyes`` float32 (N,), how far they are
    open (``models.faceset.measure.openness``), ``gazes`` float32 (N, 2), where they look (``models.faceset.gaze``).
    """

    landmarks: Points
    eyes: Floats
    gazes: Floats


@dataclass(frozen=True, slots=True)
class Drawn:
    """Partners for K faces.

    ``faces`` is int64 (K,), their indices, and ``mirrored`` bool (K,), which of them are to be mirrored. ``source`` are
    their landmarks, ``wanted`` those of the input faces, to which they are to be bent; both float32 (K, 68, 2).
    """

    faces: NDArray[np.int64]
    mirrored: NDArray[np.bool_]
    source: Points
    wanted: Points


@dataclass(frozen=True, slots=True)
class Partners:
    """For each face of one side the nearest ones of another.

    ``ours`` is float32 (N, 68, 2), the input side's landmarks in -1..1, and ``nearest`` int64 (N, K), rows of
    ``theirs``, float32 (M, 68, 2); from row ``count`` on these are the same faces in a mirror. ``likeness`` is
    float32 (N,), 1 where the nearest has the pose and expression asked for, 0 where others. ``build``, float32 (68, 2),
    is added to the landmarks asked for.
    """

    ours: Points
    theirs: Points
    nearest: NDArray[np.int64]
    count: int
    likeness: Floats
    build: Points

    def with_own_build(self) -> "Partners":
        """The same, whose features keep the distances that the other person has; the outline stays that of ``ours``.

        How the two differ is the median over all pairs, whose poses and expressions are nearly the same.
        """
        build = np.median(self.theirs[self.nearest[:, 0]] - self.ours, axis=0).astype(np.float32)
        build[JAW] = 0
        return replace(self, build=build)

    def draw(self, inputs: NDArray[np.int64], generator: Generator) -> Drawn:
        """One of the nearest for each of ``inputs``, int64 (K,), indices of ``ours``."""
        choice = torch.randint(self.nearest.shape[1], (len(inputs),), generator=generator).numpy()
        return self._at(self.nearest[inputs, choice], inputs)

    def nearest_of(self, inputs: NDArray[np.int64]) -> Drawn:
        """The nearest for each of ``inputs``, int64 (K,), indices of ``ours``."""
        return self._at(self.nearest[inputs, 0], inputs)

    def _at(self, rows: NDArray[np.int64], inputs: NDArray[np.int64]) -> Drawn:
        return Drawn(rows % self.count, rows >= self.count, self.theirs[rows], self.ours[inputs] + self.build)


def lent_mouths(drawn: Drawn) -> Floats:
    """Where, and how much, the input faces show the inside of a mouth that their partners do not.

    float32 (K, MOUTH, MOUTH) in 0..1, on the input faces' crops.
    """
    low, high = LENT
    share = np.clip((mouth_gaps(drawn.wanted) - mouth_gaps(drawn.source) - low) / (high - low), 0, 1)
    masks = np.zeros((len(share), MOUTH, MOUTH), np.uint8)
    corners = ((drawn.wanted[:, INNER_LIPS] + 1) * (MOUTH / 2) - 0.5) * 2**BITS
    for mask, lips in zip(masks, np.rint(corners).astype(np.int32), strict=True):
        cv2.fillPoly(mask, [lips], (255,), cv2.LINE_AA, BITS)
        cv2.GaussianBlur(mask, (5, 5), 0, dst=mask)
    return np.asarray(masks * (share[:, None, None] / 255), np.float32)


def mouth_gaps(landmarks: Points) -> Floats:
    """How far mouths are open, in distances of the outer eye corners: float32 (N,)."""
    apart = np.linalg.norm(landmarks[:, 66] - landmarks[:, 62], axis=1)
    left, right = OUTER_EYE_CORNERS
    return np.asarray(apart / np.linalg.norm(landmarks[:, right] - landmarks[:, left], axis=1), np.float32)


def partners(ours: LandmarkedFaces, theirs: LandmarkedFaces, mirror: bool) -> Partners:
    """Partners for the faces of ``ours`` among those of ``theirs``; ``mirror`` says whether a mirrored one will do."""
    rows, eyes, gazes = theirs.landmarks, theirs.eyes, theirs.gazes
    if mirror:
        rows, eyes = np.concatenate([rows, mirrored(rows)]), np.concatenate([eyes, eyes])
        gazes = np.concatenate([gazes, gazes * np.array([-1, 1], np.float32)])
    wanted, offered = (torch.from_numpy(_features(known)) for known in (ours, LandmarkedFaces(rows, eyes, gazes)))
    count = min(NEAREST, len(theirs.landmarks))
    found = [torch.cdist(block, offered).topk(count, largest=False) for block in torch.split(wanted, BLOCK)]
    nearest, apart = torch.cat([each.indices for each in found]), torch.cat([each.values[:, 0] for each in found])
    same, other = NEAR
    likeness = ((other - apart) / (other - same)).clamp(0, 1)
    as_asked = np.zeros(ours.landmarks.shape[1:], np.float32)
    return Partners(ours.landmarks, rows, nearest.numpy(), len(theirs.landmarks), likeness.numpy(), as_asked)


def _features(known: LandmarkedFaces) -> Floats:
    """Pose and expression of a side's faces, so that distances compare them across people: float32 (N, 24).

    Poses, gazes and the shape of the inner lips are compared as they are, and lids and how high brows are, as they
    differ from what is usual for the person.
    """
    poses = np.array([(pose.yaw, pose.pitch, pose.roll) for pose in map(pose_of, known.landmarks)], np.float32)
    crop = known.landmarks / 2  # in its widths
    lips = crop[:, INNER_LIPS] - crop[:, INNER_LIPS].mean(axis=1, keepdims=True)
    wide = max(OPEN * float(np.percentile(known.eyes, 75)), SHUT + 0.08)
    opened = np.clip((known.eyes - SHUT) / (wide - SHUT), 0, 1)
    looking = GAZE * known.gazes * opened[:, None]
    shapes = 2 * lips.reshape(len(lips), -1) / np.sqrt(lips.shape[1])
    features = [poses / DEGREES, shapes, CLOSING * opened[:, None], looking]
    for corners, brow in zip(EYE_CORNERS, BROWS, strict=True):
        height = np.linalg.norm(crop[:, brow].mean(axis=1) - crop[:, corners].mean(axis=1), axis=1)
        features.append((height - np.median(height))[:, None])
    return np.asarray(np.concatenate(features, axis=1), np.float32)
