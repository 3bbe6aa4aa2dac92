"""One frame's way, from faces found to faces pasted back, with no thread in sight."""

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from realtime.color import Transfer
from realtime.face import Face
from realtime.finder import FaceFinder
from realtime.frame import Frame
from realtime.label import Label
from realtime.mask import Blend
from realtime.sharpen import sharpen
from realtime.stages import Stages
from realtime.swap import SwapModel
from realtime.watermark import Watermark

__all__ = ["Performer", "WhichFaces"]

#: Every face, or the largest of each frame only.
WhichFaces: TypeAlias = Literal["all", "largest"]

#: A face fills a fifth of its crop or more. A mask with less than this share hides nobody.
LEAST_MASK: Final = 0.05


@dataclass
class Performer:
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

    def perform(self, frame: Frame) -> tuple[Face, ...]:
        """Swap the faces of ``frame`` in place and label it; returns the faces that were swapped."""
        faces = self.swap(frame)
        self.mark(frame)
        return faces

    def swap(self, frame: Frame) -> tuple[Face, ...]:
        """The first half of ``perform``: find the faces and swap them."""
        with self.stages("find"):
            found = self._chosen(self.finder.find(frame))
        faces = tuple(face for face in found if self._swap(frame, face))
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

    def _swap(self, frame: Frame, face: Face) -> bool:
        """Swap one face; false where the model's mask leaves next to all of it as it was."""
        matrix = self.model.template.frame_to_crop(face.landmarks, self.model.size)
        with self.stages("warp"):
            crop = frame.warp(matrix, self.model.size)  # (S, S, 3)
        with self.stages("swap"):
            swapped, masks = self.model.swap(crop[None])  # (1, S, S, 3), (1, S, S)
        with self.stages("color"):
            rgb = sharpen(self.color(swapped[0], crop, masks[0]), self.sharpness)
        with self.stages("paste"):
            alpha = self.blend.alpha(masks[0])
            frame.paste(rgb, alpha, matrix)
        return float(alpha.mean()) >= LEAST_MASK * 255

    def _chosen(self, faces: tuple[Face, ...]) -> tuple[Face, ...]:
        if self.faces == "all" or len(faces) < 2:
            return faces
        return (max(faces, key=lambda face: face.eye_distance),)
