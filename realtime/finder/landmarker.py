"""The built-in landmark net: a crop around a face in, 68 landmarks and the face's presence out."""

from pathlib import Path

import numpy as np

from realtime.align import TEMPLATES
from realtime.finder.face import Box
from realtime.inference.session import open_session
from realtime.media.affine import apply, invert
from realtime.media.frame import Frame
from realtime.runtime.arrays import Matrix, Points

__all__ = ["Landmarker"]

ASSET = Path(__file__).parent.parent / "assets" / "landmarks.onnx"
#: Side of the net's input in pixels.
SIZE = 112
#: Looks at a new face: boxes are loose, and each look starts nearer to the face than the one before.
LOOKS = 3
#: A first look with less presence than this is not followed up.
HOPELESS = 0.05
# Where a head box lies in the net's crop, in crop sides: mean over the training faces.
BOX_WIDTH, BOX_HEIGHT, BOX_BOTTOM = 0.675, 0.865, 0.377


class Landmarker:
    """Reads landmarks off a frame, given where the face is expected."""

    def __init__(self, device: str = "auto") -> None:
        self._session = open_session(ASSET, device)

    def look(self, frame: Frame, frame_to_crop: Matrix) -> tuple[Points, float]:
        """Landmarks float32 (68, 2) in frame pixels, and the presence in 0..1, as seen in one crop."""
        crop = frame.warp(frame_to_crop, SIZE)
        points, presence = self._session.run(None, {"face": crop[None]})
        return apply(invert(frame_to_crop), points[0] * SIZE - 0.5), float(presence[0])

    def follow(self, frame: Frame, landmarks: Points) -> tuple[Points, float]:
        """Look where the landmarks, float32 (68, 2) in frame pixels, were a frame ago."""
        return self.look(frame, TEMPLATES["landmarks"].frame_to_crop(landmarks, SIZE))

    def settle(self, frame: Frame, box: Box) -> tuple[Points, float]:
        """Look at a detected head box, then again at the crop which each answer gives."""
        points, presence = self.look(frame, crop_of_box(box))
        for _ in range(LOOKS - 1):
            if presence < HOPELESS:
                break
            points, presence = self.follow(frame, points)
        return points, presence


def crop_of_box(box: Box) -> Matrix:
    """The net's upright crop around a head box; float64 (2, 3)."""
    x0, y0, x1, y1 = box
    side = max(((x1 - x0) / BOX_WIDTH + (y1 - y0) / BOX_HEIGHT) / 2, 1.0)
    zoom = SIZE / side
    centre = ((x0 + x1) / 2, y1 - BOX_BOTTOM * side)
    middle = SIZE / 2 - 0.5
    return np.array([[zoom, 0, middle - zoom * centre[0]], [0, zoom, middle - zoom * centre[1]]])
