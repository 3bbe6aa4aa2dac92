"""One frame's way, from faces found to faces pasted back, with no thread in sight."""

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import cv2
import numpy as np

from realtime.composite.color import Transfer
from realtime.composite.mask import Blend
from realtime.composite.sharpen import sharpen
from realtime.finder import FaceFinder
from realtime.finder.face import Face
from realtime.marking.label import Label
from realtime.marking.watermark import Watermark
from realtime.media.frame import Frame
from realtime.runtime.arrays import Bytes, Matrix
from realtime.runtime.stages import Stages
from realtime.swap import SwapModel

__all__ = ["FrameSwapper", "WhichFaces"]

#: Every face, or the largest of each frame only.
WhichFaces: TypeAlias = Literal["all", "largest"]

#: A face fills a fifth of its crop or more. A mask with less than this share hides nobody.
LEAST_MASK: Final = 0.05


@dataclass
class FrameSwapper:
    """Everything that a frame meets on its way, in order. ``sharpness`` is 0..1."""

    finder: FaceFinder
    model: SwapModel
    color: Transfer
    sharpness: float
    blend: Blend
    label: Label | None
    watermark: Watermark | None
    faces: WhichFaces
    stages: Stages
    frames_swapped: int = 0
    faces_swapped: int = 0

    def process(self, frame: Frame) -> tuple[Face, ...]:
        """Swap the faces of ``frame`` in place and label it; returns the faces that were swapped."""
        faces = self.swap(frame)
        self.mark(frame)
        return faces

    def swap(self, frame: Frame) -> tuple[Face, ...]:
        """The first half of ``process``: find the faces and swap them."""
        with self.stages("find"):
            found = self._chosen(self.finder.find(frame))
        faces = self._swap(frame, found) if found else ()
        self.frames_swapped += bool(faces)
        self.faces_swapped += len(faces)
        return faces

    def mark(self, frame: Frame) -> None:
        """The other half: say on the picture what was done to it."""
        if self.watermark is not None:
            with self.stages("watermark"):
                self.watermark.draw(frame)
        if self.label is not None:
            with self.stages("label"):
                self.label.draw(frame)

    def _swap(self, frame: Frame, faces: tuple[Face, ...]) -> tuple[Face, ...]:
        """Swap ``faces``, all in one run of the model; returns them without those that its mask leaves as they were."""
        size = self.model.size
        matrices = [self.model.template.frame_to_crop(face.landmarks, size) for face in faces]
        with self.stages("warp"):
            crops = np.stack([frame.warp(matrix, size) for matrix in matrices])  # (N, S, S, 3)
        with self.stages("swap"):
            swapped, masks = self.model.swap(crops)  # (N, S, S, 3), (N, S, S)
        covered = [self._paste(frame, *each) for each in zip(swapped, crops, masks, matrices, strict=True)]
        return tuple(face for face, share in zip(faces, covered, strict=True) if share >= LEAST_MASK)

    def _paste(self, frame: Frame, swapped: Bytes, crop: Bytes, mask: Bytes, matrix: Matrix) -> float:
        """Put one swapped face back; returns the share of its crop that it covers."""
        with self.stages("color"):
            rgb = sharpen(self.color(swapped, crop, mask), self.sharpness)
        with self.stages("paste"):
            alpha = self.blend.alpha(mask)
            frame.paste(rgb, alpha, matrix)
        return cv2.mean(alpha)[0] / 255

    def _chosen(self, faces: tuple[Face, ...]) -> tuple[Face, ...]:
        if self.faces == "all" or len(faces) < 2:
            return faces
        return (max(faces, key=lambda face: face.eye_distance),)
