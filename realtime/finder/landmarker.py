"""The built-in landmark net: a crop around a face in, 68 landmarks, the face's presence and its dense mesh out."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from realtime.align import TEMPLATES
from realtime.finder.eyes_net import EyesNet
from realtime.finder.face import Box
from realtime.finder.faceness import Faceness
from realtime.finder.mesh_net import MAPS, MeshNet
from realtime.inference.session import open_session
from realtime.media.affine import apply, invert
from realtime.media.frame import Frame
from realtime.runtime.arrays import Floats, Matrix, Points

__all__ = ["Landmarker", "Sighting"]

ASSET = Path(__file__).parent.parent / "assets" / "landmarks.onnx"
#: Side of the net's input in pixels.
SIZE = 112
#: Looks at a new face: boxes are loose, and each look starts nearer to the face than the one before.
LOOKS = 3
#: A first look with less presence than this is not followed up.
HOPELESS = 0.05
# Where a head box lies in the net's crop, in crop sides: mean over the training faces.
BOX_WIDTH, BOX_HEIGHT, BOX_BOTTOM = 0.675, 0.865, 0.377


class Sighting(NamedTuple):
    """What one crop shows: landmarks float32 (68, 2) in frame pixels, the presence in 0..1, and the mesh.

    ``mesh`` is float32 (468, 3), as of ``Face``, or None where nobody asked for it.
    """

    landmarks: Points
    presence: float
    mesh: Floats | None = None


class Landmarker:
    """Reads landmarks off a frame, given where the face is expected; with ``mesh`` also the dense mesh."""

    def __init__(self, device: str = "auto", mesh: bool = False) -> None:
        self._device = device
        self._session = open_session(ASSET, device)
        self._faceness: Faceness | None = None  # until there is a newcomer
        self._mesh_nets: tuple[MeshNet, EyesNet] | None = None
        self.mesh = mesh

    @property
    def mesh(self) -> bool:
        """Whether the mesh is asked for, from the next look on."""
        return self._mesh_nets is not None

    @mesh.setter
    def mesh(self, wanted: bool) -> None:
        self._mesh_nets = (self._mesh_nets or (MeshNet(self._device), EyesNet(self._device))) if wanted else None

    def look(self, frame: Frame, frame_to_crop: Matrix, *, last: bool = True) -> Sighting:
        """What is seen in one crop; the mesh only at the ``last`` look of several at one face."""
        crop = frame.warp(frame_to_crop, SIZE)
        nets = self._mesh_nets if last else None
        outputs = ["landmarks", "presence", *(MAPS if nets else ())]
        points, presence, *maps = self._session.run(outputs, {"face": crop[None]})
        back = invert(frame_to_crop)
        mesh = None
        if nets is not None:
            mesh_net, eyes_net = nets
            mesh = eyes_net(frame, mesh_net(maps, back, SIZE))
        return Sighting(apply(back, points[0] * SIZE - 0.5), float(presence[0]), mesh)

    def follow(self, frame: Frame, landmarks: Points, *, last: bool = True) -> Sighting:
        """Look where the landmarks, float32 (68, 2) in frame pixels, were a frame ago; ``last`` is as of ``look``."""
        return self.look(frame, TEMPLATES["landmarks"].frame_to_crop(landmarks, SIZE), last=last)

    def faceness(self, frame: Frame, landmarks: Points) -> float:
        """How sure it is, 0..1, that these are the landmarks of a face, and not of something that looks like one."""
        crop = frame.warp(TEMPLATES["landmarks"].frame_to_crop(landmarks, SIZE), SIZE)
        fine, coarse = self._session.run(list(MAPS), {"face": np.stack([crop, crop[:, ::-1]])})
        self._faceness = self._faceness or Faceness(self._device)
        return self._faceness(fine, coarse)

    def rehearse(self, frame: Frame) -> None:
        """Run all nets once on some part of ``frame``: the first run of each takes longer, and one is opened for it."""
        seen = self.look(frame, crop_of_box((0.0, 0.0, float(frame.width), float(frame.height))))
        self.faceness(frame, seen.landmarks)

    def glance(self, frame: Frame, box: Box) -> float:
        """The presence at the first look at a detected head box, 0..1."""
        return self.look(frame, crop_of_box(box), last=False).presence

    def settle(self, frame: Frame, box: Box) -> Sighting:
        """Look at a detected head box, then again at the crop which each answer gives."""
        seen = self.look(frame, crop_of_box(box), last=False)
        for number in range(2, LOOKS + 1):
            if seen.presence < HOPELESS:
                break
            seen = self.follow(frame, seen.landmarks, last=number == LOOKS)
        return seen


def crop_of_box(box: Box) -> Matrix:
    """The net's upright crop around a head box; float64 (2, 3)."""
    x0, y0, x1, y1 = box
    side = max(((x1 - x0) / BOX_WIDTH + (y1 - y0) / BOX_HEIGHT) / 2, 1.0)
    zoom = SIZE / side
    centre = ((x0 + x1) / 2, y1 - BOX_BOTTOM * side)
    middle = SIZE / 2 - 0.5
    return np.array([[zoom, 0, middle - zoom * centre[0]], [0, zoom, middle - zoom * centre[1]]])
