"""Write the two trained nets as the ONNX files that the face finder loads, checked against torch.

python -m models.recipes.face_finder.export --run RUN --out realtime/assets
"""

import logging
from pathlib import Path
from typing import Annotated

import numpy as np
import onnxruntime as ort
import torch
import typer
from torch import Tensor, nn

from models.recipes.face_finder.nets import LANDMARK_SIZE, DetectorNet, LandmarkNet

__all__ = ["main"]

OPSET = 18
#: Largest difference from torch that is accepted, in crop sides or logits.
TOLERANCE = 1e-3


class FromBytes(nn.Module):
    """Pictures as they lie in memory, uint8 (N, H, W, 3) RGB, to what a net wants."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, picture: Tensor) -> Tensor:
        """(N, H, W, 3) uint8 -> the detector's grid."""
        out: Tensor = self.net(picture.permute(0, 3, 1, 2).float() / 255)
        return out


class Landmarks(FromBytes):
    """Landmarks in the unit square and presence in 0..1; the mesh was for training only."""

    def forward(self, face: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        """(N, 112, 112, 3) uint8 -> (N, 68, 2), (N,)."""
        points, presence, _ = self.net(face.permute(0, 3, 1, 2).float() / 255)
        return points, torch.sigmoid(presence)


def write(net: nn.Module, example: Tensor, free: dict[int, str], inputs: str, outputs: list[str], path: Path) -> None:
    """Export, compare with torch on noise, and only then put the file in place."""
    dims = dict.fromkeys(free, torch.export.Dim.DYNAMIC)
    program = torch.onnx.export(
        net.eval(), (example,), dynamo=True, opset_version=OPSET, input_names=[inputs], output_names=outputs,
        dynamic_shapes=(dims,), verbose=False,
    )  # fmt: skip
    if program is None:
        raise RuntimeError("the exporter returned nothing")
    temporary = path.with_suffix(".tmp.onnx")
    program.save(str(temporary), external_data=False)
    session = ort.InferenceSession(str(temporary), providers=["CPUExecutionProvider"])
    with torch.no_grad():
        wanted = net(example)
    wanted = wanted if isinstance(wanted, tuple) else (wanted,)
    for a, b in zip(session.run(None, {inputs: example.numpy()}), wanted, strict=True):
        worst = float(np.abs(a - b.numpy()).max())
        if worst > TOLERANCE:
            temporary.unlink()
            raise RuntimeError(f"{path}: differs from torch by {worst:.5f}")
    temporary.replace(path)
    print(f"{path}: {path.stat().st_size / 1e6:.2f} MB")


def main(
    run: Annotated[Path, typer.Option(help="Folder with landmarks.pt and/or detector.pt.")],
    out: Annotated[Path, typer.Option(help="Where the ONNX files go.")],
) -> None:
    """Export what the run folder holds."""
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    torch.manual_seed(0)
    if (run / "landmarks.pt").exists():
        landmarks = LandmarkNet()
        landmarks.load_state_dict(torch.load(run / "landmarks.pt", weights_only=True))
        example = torch.randint(0, 256, (2, LANDMARK_SIZE, LANDMARK_SIZE, 3), dtype=torch.uint8)
        write(Landmarks(landmarks), example, {0: "n"}, "face", ["landmarks", "presence"], out / "landmarks.onnx")
    if (run / "detector.pt").exists():
        detector = DetectorNet()
        detector.load_state_dict(torch.load(run / "detector.pt", weights_only=True))
        example = torch.randint(0, 256, (1, 256, 448, 3), dtype=torch.uint8)
        write(FromBytes(detector), example, {1: "h", 2: "w"}, "picture", ["grid"], out / "detector.onnx")


if __name__ == "__main__":
    typer.run(main)
