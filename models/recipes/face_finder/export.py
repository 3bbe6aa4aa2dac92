"""Write the trained nets as the ONNX files that the face finder loads.

    python -m models.recipes.face_finder.export --run RUN --out realtime/assets

A file appears only where ONNX Runtime answers as torch does.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Final

import numpy as np
import torch
import typer
from torch import Tensor, nn

from models.graph import store_in_half, to_graph
from models.recipes.command import run as run_recipe
from models.recipes.face_finder.loop import load_weights
from models.recipes.face_finder.nets import (
    DETECTOR_WEIGHTS,
    EYES_WEIGHTS,
    FACENESS_WEIGHTS,
    LANDMARK_SIZE,
    LANDMARK_WEIGHTS,
    MESH_WEIGHTS,
    DetectorNet,
    EyesNet,
    FacenessNet,
    LandmarkNet,
    MeshNet,
)
from realtime.finder.eyes_net import SIDE as EYE_SIDE
from realtime.finder.mesh_net import MAPS
from realtime.inference.session import open_session
from realtime.runtime.errors import InputError, ModelError
from realtime.runtime.files import write_whole

__all__ = ["main", "write_detector", "write_eyes", "write_faceness", "write_graph", "write_landmarks", "write_mesh"]

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
    """Crops as they lie in memory to landmarks, presence in 0..1 and the mesh net's maps."""

    def __init__(self, net: LandmarkNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, face: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """(N, 112, 112, 3) uint8 -> (N, 68, 2) in the unit square, (N,), (N, 32, 28, 28), (N, 72, 14, 14)."""
        fine, coarse = self.net.maps(face.permute(0, 3, 1, 2).float() / 255)
        points, presence, _ = self.net.heads(coarse)  # its mesh was for training only
        return points, torch.sigmoid(presence), fine, coarse


class EyesGraph(nn.Module):
    """Pictures of eyes as they lie in memory to the places of the points around them."""

    def __init__(self, net: EyesNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, eyes: Tensor) -> Tensor:
        """(N, 48, 48, 3) uint8 -> (N, K, 2) in sides of the picture."""
        points: Tensor = self.net(eyes.permute(0, 3, 1, 2).float() / 255)
        return points


class FacenessGraph(nn.Module):
    """The landmark net's maps to how sure it is that they show a face, 0..1."""

    def __init__(self, net: FacenessNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, fine: Tensor, coarse: Tensor) -> Tensor:
        """(N, 32, 28, 28) and (N, 72, 14, 14) -> (N,)."""
        return torch.sigmoid(self.net(fine, coarse))


def write_detector(net: DetectorNet, path: Path) -> None:
    """The detector as a file for frames of any size, multiples of 32. Raises as ``write_graph``."""
    example = torch.randint(0, 256, (1, 256, 448, 3), dtype=torch.uint8)
    free = {axis: 32 * torch.export.Dim(side) for axis, side in ((1, "height"), (2, "width"))}
    write_graph(DetectorGraph(net), example, free, "picture", ["grid"], path)


def write_landmarks(net: LandmarkNet, path: Path) -> None:
    """The landmark net as a file for any number of crops. Raises as ``write_graph``."""
    example = torch.randint(0, 256, (2, LANDMARK_SIZE, LANDMARK_SIZE, 3), dtype=torch.uint8)
    outputs = ["landmarks", "presence", *MAPS]
    write_graph(LandmarkGraph(net), example, {0: torch.export.Dim.DYNAMIC}, "face", outputs, path)


def write_mesh(net: MeshNet, path: Path) -> None:
    """The mesh net as a file for the landmark net's maps of any number of crops. Raises as ``write_graph``."""
    example = torch.randn(2, 32, 28, 28), torch.randn(2, 72, 14, 14)
    write_graph(net, example, {0: torch.export.Dim.DYNAMIC}, MAPS, ["mesh"], path, half=True)


def write_eyes(net: EyesNet, path: Path) -> None:
    """The eyes net as a file for any number of eyes. Raises as ``write_graph``."""
    example = torch.randint(0, 256, (2, EYE_SIDE, EYE_SIDE, 3), dtype=torch.uint8)
    write_graph(EyesGraph(net), example, {0: torch.export.Dim.DYNAMIC}, "eyes", ["points"], path, half=True)


def write_faceness(net: FacenessNet, path: Path) -> None:
    """The net that tells faces from lookalikes, as ``write_mesh``."""
    example = torch.randn(2, 32, 28, 28), torch.randn(2, 72, 14, 14)
    write_graph(FacenessGraph(net), example, {0: torch.export.Dim.DYNAMIC}, MAPS, ["faceness"], path, half=True)


def write_graph(
    graph: nn.Module,
    example: Tensor | tuple[Tensor, ...],
    free: Mapping[int, object],
    name: str | Sequence[str],
    outputs: Sequence[str],
    path: Path,
    half: bool = False,
) -> None:
    """Export, compare with torch on the example, and only then put the file in place.

    With ``half`` the file is half as large, its weights a little rounded. Raises ``ModelError`` where the two differ,
    ``OutputError`` where the file cannot be written.
    """
    model = to_graph(graph, example, free, name, outputs)
    if half:
        store_in_half(model)
    data = model.SerializeToString()
    examples, names = ((example,), (name,)) if isinstance(example, Tensor) else (example, name)
    with torch.inference_mode():
        answer = graph(*examples)
    wanted = answer if isinstance(answer, tuple) else (answer,)
    given = {each: tensor.numpy() for each, tensor in zip(names, examples, strict=True)}
    for ours, theirs in zip(open_session(data, "cpu").run(None, given), wanted, strict=True):
        worst = float(np.abs(ours - theirs.numpy()).max())
        if not worst <= TOLERANCE:
            raise ModelError(f"{path}: torch and ONNX Runtime differ by {worst:.2g}; not written")
    write_whole(path, data)
    print(f"{path}: {len(data) / 1e6:.2f} MB")


def _detector(weights: Path, path: Path) -> None:
    net = DetectorNet()
    load_weights(net, weights)
    write_detector(net, path)


def _landmarks(weights: Path, path: Path) -> None:
    net = LandmarkNet()
    load_weights(net, weights)
    write_landmarks(net, path)


def _mesh(weights: Path, path: Path) -> None:
    net = MeshNet()
    load_weights(net, weights)
    write_mesh(net, path)


def _eyes(weights: Path, path: Path) -> None:
    net = EyesNet()
    load_weights(net, weights)
    write_eyes(net.eval(), path)


def _faceness(weights: Path, path: Path) -> None:
    net = FacenessNet()
    load_weights(net, weights)
    write_faceness(net, path)


#: What makes a file of each kind of weights.
WRITERS: Final[Mapping[str, Callable[[Path, Path], None]]] = {
    LANDMARK_WEIGHTS: _landmarks,
    MESH_WEIGHTS: _mesh,
    EYES_WEIGHTS: _eyes,
    FACENESS_WEIGHTS: _faceness,
    DETECTOR_WEIGHTS: _detector,
}


def main(
    run: Annotated[Path, typer.Option(help="Folder with landmarks.pt, mesh.pt, detector.pt, ... or some of them.")],
    out: Annotated[Path, typer.Option(help="Where the ONNX files go.")],
) -> None:
    """Export what the run folder holds."""
    torch.manual_seed(0)
    found = [name for name in WRITERS if (run / name).exists()]
    if not found:
        raise InputError(f"{run}: none of {', '.join(WRITERS)} in it; give the folder of a run")
    for name in found:
        WRITERS[name](run / name, out / name.replace(".pt", ".onnx"))


if __name__ == "__main__":
    run_recipe(main)
