"""Write the two trained nets as the ONNX files that the face finder loads.

    python -m models.recipes.face_finder.export --run RUN --out realtime/assets

A file appears only where ONNX Runtime answers as torch does.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Final

import numpy as np
import torch
import typer
from torch import Tensor, nn

from models.graph import to_graph
from models.recipes.command import run as run_recipe
from models.recipes.face_finder.loop import load_weights
from models.recipes.face_finder.nets import (
    DETECTOR_WEIGHTS,
    LANDMARK_SIZE,
    LANDMARK_WEIGHTS,
    DetectorNet,
    LandmarkNet,
)
from realtime.inference.session import open_session
from realtime.runtime.errors import InputError, ModelError
from realtime.runtime.files import write_whole

__all__ = ["main", "write_detector", "write_landmarks"]

#: Largest difference from torch that is accepted, in crop sides or logits.
TOLERANCE: Final = 1e-3


class DetectorGraph(nn.Module):
    """Pictures as they lie in memory, uint8 (N, H, W, 3) RGB, to the detector's grid."""

    def __init__(self, net: DetectorNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, picture: Tensor) -> Tensor:
        """(N, H, W, 3) uint8 -> (N, 5, H/8, W/8)."""
        grid: Tensor = self.net(picture.permute(0, 3, 1, 2).float() / 255)
        return grid


class LandmarkGraph(nn.Module):
    """Crops as they lie in memory to landmarks and presence in 0..1; the mesh was for training only."""

    def __init__(self, net: LandmarkNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, face: Tensor) -> tuple[Tensor, Tensor]:
        """(N, 112, 112, 3) uint8 -> (N, 68, 2) in the unit square, (N,)."""
        points, presence, _ = self.net(face.permute(0, 3, 1, 2).float() / 255)
        return points, torch.sigmoid(presence)


def write_detector(net: DetectorNet, path: Path) -> None:
    """The detector as a file for frames of any size, multiples of 32. Raises as ``_write``."""
    example = torch.randint(0, 256, (1, 256, 448, 3), dtype=torch.uint8)
    free = {1: torch.export.Dim.DYNAMIC, 2: torch.export.Dim.DYNAMIC}
    _write(DetectorGraph(net), example, free, "picture", ["grid"], path)


def write_landmarks(net: LandmarkNet, path: Path) -> None:
    """The landmark net as a file for any number of crops. Raises as ``_write``."""
    example = torch.randint(0, 256, (2, LANDMARK_SIZE, LANDMARK_SIZE, 3), dtype=torch.uint8)
    _write(LandmarkGraph(net), example, {0: torch.export.Dim.DYNAMIC}, "face", ["landmarks", "presence"], path)


def _write(
    graph: nn.Module, example: Tensor, free: Mapping[int, object], name: str, outputs: Sequence[str], path: Path
) -> None:
    """Export, compare with torch on the example, and only then put the file in place.

    Raises ``ModelError`` where the two differ, ``OutputError`` where the file cannot be written.
    """
    data = to_graph(graph, example, free, name, outputs).SerializeToString()
    with torch.inference_mode():
        answer = graph(example)
    wanted = answer if isinstance(answer, tuple) else (answer,)
    for ours, theirs in zip(open_session(data, "cpu").run(None, {name: example.numpy()}), wanted, strict=True):
        worst = float(np.abs(ours - theirs.numpy()).max())
        if not worst <= TOLERANCE:
            raise ModelError(f"{path}: torch and ONNX Runtime differ by {worst:.2g}; not written")
    write_whole(path, data)
    print(f"{path}: {len(data) / 1e6:.2f} MB")


def main(
    run: Annotated[Path, typer.Option(help="Folder with landmarks.pt, detector.pt or both.")],
    out: Annotated[Path, typer.Option(help="Where the ONNX files go.")],
) -> None:
    """Export what the run folder holds."""
    torch.manual_seed(0)
    landmarks, detector = run / LANDMARK_WEIGHTS, run / DETECTOR_WEIGHTS
    if not landmarks.exists() and not detector.exists():
        raise InputError(f"{run}: neither {landmarks.name} nor {detector.name} in it; give the folder of a run")
    if landmarks.exists():
        landmark_net = LandmarkNet()
        load_weights(landmark_net, landmarks)
        write_landmarks(landmark_net, out / "landmarks.onnx")
    if detector.exists():
        detector_net = DetectorNet()
        load_weights(detector_net, detector)
        write_detector(detector_net, out / "detector.onnx")


if __name__ == "__main__":
    run_recipe(main)
