"""What stands in front of a face, and so in front of the one that is put in: hands, microphones, cups, hair.

A small net (``models/recipes/visible_face``) looks at the aligned face and says what of it is covered. Doubt counts as
face: where the net is unsure, in specks and in threads, and where nearly all would be covered, the new face stays,
since what is left out of it shows the performer's own.
"""

from dataclasses import dataclass, field
from typing import Final

import cv2
import numpy as np

from realtime.composite.tracked import Tracks
from realtime.composite.visible_net import SIZE, TEMPLATE, VisibleNet
from realtime.media.affine import compose, invert
from realtime.media.frame import Frame
from realtime.runtime.arrays import Bytes, Floats, Matrix, Points

__all__ = ["Cover", "Occlusion", "open_occlusion"]

#: The net's answer counts from the first on, and from the second on fully.
DOUBT: Final = 0.55
SURE: Final = 0.95
#: What has fewer pixels of the net's crop that are rather covered than not is a speck, and face.
SPECK: Final = 60
#: Narrower than so many pixels, nothing counts as covered.
THREAD: Final = 3
#: A change of the net's answer by this much is taken over at once; a smaller one by its share, squared, or ``CALM``.
SUDDEN: Final = 0.5
CALM: Final = 0.06
#: From the first share of the face on that would be covered, less of it is believed; from the second on, nothing.
MUCH: Final = 0.75
MOST: Final = 0.9


@dataclass(frozen=True, slots=True, eq=False)
class Cover:
    """What covers one face: ``map`` uint8 (128, 128), 255 where a thing is, in a crop of the frame."""

    map: Bytes
    frame_to_map: Matrix

    def leave_out(self, alpha: Bytes, frame_to_crop: Matrix) -> Bytes:
        """``alpha``, uint8 (S, S), of a face that is pasted through ``frame_to_crop``, without what is covered."""
        if not self.map.any():
            return alpha
        size = alpha.shape[::-1]
        crop_to_map = compose(invert(frame_to_crop), self.frame_to_map)
        here = cv2.warpAffine(self.map, crop_to_map, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
        share = cv2.multiply(here, alpha, scale=1 / 255).sum() / max(int(alpha.sum()), 1)
        belief = float(np.clip((MOST - share) / (MOST - MUCH), 0, 1))
        visible = cv2.convertScaleAbs(here, alpha=-belief, beta=255)
        return np.asarray(cv2.multiply(alpha, visible, scale=1 / 255), np.uint8)


@dataclass
class Steady:
    """The net's answers for one face, steadied: small changes come slowly, large ones at once."""

    last: Floats | None = field(default=None, repr=False)

    def __call__(self, seen: Floats) -> Floats:
        """float32 (128, 128) in 0..1, in and out."""
        if self.last is None:
            self.last = seen
            return seen
        change = seen - self.last
        share = np.clip(np.square(change * np.float32(1 / SUDDEN)), np.float32(CALM), np.float32(1))
        self.last = np.asarray(self.last + share * change, np.float32)
        return self.last


class Occlusion:
    """Looks at faces, frame after frame."""

    def __init__(self, device: str = "auto") -> None:
        self._net = VisibleNet(device)
        self._faces = Tracks[Steady](Steady)

    def look(self, frame: Frame, landmarks: Points, track: int) -> Cover:
        """What covers the face with these ``landmarks``, float32 (68, 2) in frame pixels; before it is swapped."""
        matrix = TEMPLATE.frame_to_crop(landmarks, SIZE)
        crop = frame.warp(matrix, SIZE)
        return Cover(certain(self._faces[track](self._net.covered(crop))), matrix)

    def forget(self) -> None:
        """Another source, or another part of it."""
        self._faces.clear()


def open_occlusion(choice: str, device: str) -> Occlusion | None:
    """What looks for things in front of faces where ``choice`` is ``on``, and nothing where it is ``off``."""
    return Occlusion(device) if choice == "on" else None


def certain(covered: Floats) -> Bytes:
    """What is surely covered, uint8 (128, 128) with soft edges, of the net's answer, float32 (128, 128) in 0..1."""
    gain = 255 / (SURE - DOUBT)
    levels: Bytes = np.clip(covered * np.float32(gain) - np.float32(DOUBT * gain), 0, 255).astype(np.uint8)
    if not levels.any():
        return levels
    levels = np.asarray(cv2.morphologyEx(levels, cv2.MORPH_OPEN, np.ones((THREAD, THREAD), np.uint8)), np.uint8)
    count, labels = cv2.connectedComponents((levels > 0).view(np.uint8), connectivity=4)
    rather = np.bincount(labels.ravel(), weights=(levels > 127).ravel(), minlength=count)
    return np.asarray(np.where((rather < SPECK)[labels], 0, levels), np.uint8)
