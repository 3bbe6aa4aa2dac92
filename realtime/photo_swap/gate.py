"""Which photographs make a good face, and what is wrong with the others: told before anybody waits for a swap."""

from pathlib import Path
from typing import Final

import cv2
import numpy as np

from realtime.mesh.expression import NEUTRAL
from realtime.mesh.outline import AROUND
from realtime.mesh.pose import Pose, pose_of
from realtime.mesh.vertices import EYES, INNER_LIPS, OUTER_EYE_CORNERS, OUTER_LIPS
from realtime.photo_swap.zones import SKIN
from realtime.runtime.arrays import Bytes, Floats
from realtime.runtime.errors import InputError

__all__ = ["SMALLEST", "inspect"]

#: A face of fewer pixels, over the longer side of its outline, is refused; with eyes nearer together it is soft.
SMALLEST: Final = 64
EYES_APART: Final = 60.0
#: Degrees by which a face may be turned to the side before it is warned of, and before it is a profile; and nodding.
TURNED, PROFILE, NODDING = 15.0, 42.0, 22.0
#: Brightness of the skin, 0..255, and of one half of the face against the other.
DARK, BRIGHT, ONE_SIDED = 60.0, 225.0, 1.45


def inspect(path: Path, picture: Bytes, mesh: Floats, as_found: Floats) -> tuple[str, ...]:
    """What is wrong with the face in ``picture``, uint8 (H, W, 3) RGB, each in a few words with what to do.

    ``mesh`` is float32 (468, 3) in its pixels, ``as_found`` the same in those of the photograph. Raises ``InputError``
    for a face that is too small, or turned too far.
    """
    outline = as_found[AROUND, :2]
    extent = float((outline.max(axis=0) - outline.min(axis=0)).max())
    if extent < SMALLEST:
        raise InputError(f"{path}: the face is {int(extent)} px high; at least {SMALLEST} px are needed, better 300")
    pose = pose_of(mesh, NEUTRAL)
    if abs(pose.yaw) > PROFILE:
        raise InputError(f"{path}: a profile, turned by {abs(pose.yaw):.0f} degrees; take one that looks at the camera")
    apart = float(np.linalg.norm(np.subtract(*as_found[list(OUTER_EYE_CORNERS), :2])))
    checks = (_size(apart), _turn(pose), _light(picture, mesh), _mouth(mesh), _sharpness(picture, mesh))
    return tuple(words for each in checks for words in each)


def _size(apart: float) -> list[str]:
    if apart >= EYES_APART:
        return []
    return [f"the face is small (eyes {apart:.0f} px apart): the swap will be soft; take a larger photograph"]


def _turn(pose: Pose) -> list[str]:
    words = []
    if abs(pose.yaw) > TURNED:
        words.append(
            f"the face is turned by {abs(pose.yaw):.0f} degrees: the far side is made up from the near one; better"
            " look at the camera, or add a second --photo from the other side"
        )
    if abs(pose.pitch) > NODDING:
        words.append(f"the face nods by {abs(pose.pitch):.0f} degrees; better hold the camera at eye height")
    return words


def _light(picture: Bytes, mesh: Floats) -> list[str]:
    """How bright the skin is, read at its points, and how it differs from side to side."""
    grey = cv2.GaussianBlur(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), (0, 0), max(picture.shape[0] / 150, 0.8))
    height, width = grey.shape
    x, y = np.clip(np.rint(mesh[:, :2]).astype(int), 0, (width - 1, height - 1)).T
    levels = grey[y, x].astype(np.float32)
    cheeks = (SKIN > 0.9) & (NEUTRAL[:, 1] > -2.5) & (np.abs(NEUTRAL[:, 0]) > 1.5) & (np.abs(NEUTRAL[:, 0]) < 5.5)
    sides = [float(np.median(levels[cheeks & ((NEUTRAL[:, 0] * side) > 0)])) for side in (-1, 1)]
    level = float(np.median(levels[cheeks]))
    words = []
    if level < DARK:
        words.append(f"the face is dark ({level:.0f} of 255): it will be noisy; take one with more light")
    if level > BRIGHT:
        words.append(f"the face is overexposed ({level:.0f} of 255): its colours are lost; take one with less light")
    if max(sides) > ONE_SIDED * max(min(sides), 1):
        words.append(
            f"one side of the face is {max(sides) / max(min(sides), 1):.1f} times as bright as the other: its shadow"
            " stays in the swap; take one in even light"
        )
    return words


#: The mouth counts as open, and as smiling, where lips are this far apart and its corners this far, in outer-eye
#: distances; at rest the corners are 0.56 apart. In a smile that shows teeth the upper lip rises as they do.
OPEN: Final = 0.045
SMILE: Final = 0.61


def _mouth(mesh: Floats) -> list[str]:
    shape = pose_of(mesh, NEUTRAL).undo(mesh)
    apart = float(np.linalg.norm(np.subtract(*shape[list(OUTER_EYE_CORNERS)])))
    gap = float(shape[14, 1] - shape[13, 1]) / apart
    words = []
    if gap > OPEN:
        words.append("the mouth is open: its teeth stay in the lips; take one with closed lips")
    if abs(float(shape[OUTER_LIPS[10], 0] - shape[OUTER_LIPS[0], 0])) / apart > SMILE:
        words.append("the face smiles: the swap cannot look earnest; take one at rest")
    heights = [float(np.linalg.norm(shape[eye[12]] - shape[eye[4]])) for eye in EYES]
    widths = [float(np.linalg.norm(shape[eye[8]] - shape[eye[0]])) for eye in EYES]
    if max(height / width for height, width in zip(heights, widths, strict=True)) < SHUT:
        words.append("the eyes seem shut; take one with open eyes")
    return words


#: Lids nearer together than this share of the eye's width.
SHUT: Final = 0.16
#: The strongest of the finest edges of a face brought to 256 px, in grey levels, are no less than this.
BLURRED: Final = 4.5


def _sharpness(picture: Bytes, mesh: Floats) -> list[str]:
    """Whether brows, lashes and lips have edges: the Laplacian around the eyes and the mouth."""
    outline = mesh[AROUND, :2]
    low, high = outline.min(axis=0), outline.max(axis=0)
    scale = min(1.0, 256 / float((high - low).max()))
    size = (max(round(picture.shape[1] * scale), 2), max(round(picture.shape[0] * scale), 2))
    small = cv2.resize(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), size, interpolation=cv2.INTER_AREA)
    edges = np.abs(cv2.Laplacian(small.astype(np.float32), cv2.CV_32F))
    points = mesh[[*EYES[0], *EYES[1], *INNER_LIPS], :2] * scale
    (x0, y0), (x1, y1) = np.clip(points.min(axis=0), 0, None).astype(int), points.max(axis=0).astype(int) + 1
    region = edges[y0:y1, x0:x1]
    if region.size and float(np.percentile(region, 97)) < BLURRED:
        return ["the photograph is blurred: so will be the swap; take a sharper one"]
    return []
