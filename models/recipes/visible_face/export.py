"""Write the trained net as the ONNX file that the swapper loads.

    python -m models.recipes.visible_face.export --run RUN --out realtime/assets

The file appears only where ONNX Runtime answers as torch does.
"""

from pathlib import Path
from typing import Annotated, Final

import torch
import typer
from torch import Tensor, nn

from models.recipes.command import run as run_recipe
from models.recipes.face_finder.export import write_graph
from models.recipes.face_finder.loop import load_weights
from models.recipes.visible_face.data import SIZE
from models.recipes.visible_face.net import WEIGHTS, VisibleNet

__all__ = ["NAME", "main", "write_visible"]

NAME: Final = "visible.onnx"


class VisibleGraph(nn.Module):
    """Crops as they lie in memory to two maps in 0..1."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, face: Tensor) -> tuple[Tensor, Tensor]:
        """(N, 128, 128, 3) uint8 -> within the face's outline, and covered: (N, 128, 128) each."""
        maps = torch.sigmoid(self.net(face.permute(0, 3, 1, 2).float() / 255))
        return maps[:, 0], maps[:, 1]


def write_visible(net: VisibleNet, path: Path) -> None:
    """The net as a file for any number of crops. Raises as ``write_graph``."""
    example = torch.randint(0, 256, (2, SIZE, SIZE, 3), dtype=torch.uint8)
    write_graph(VisibleGraph(net), example, {0: torch.export.Dim.DYNAMIC}, "face", ["within", "covered"], path)


def main(
    run: Annotated[Path, typer.Option(help="Folder with visible.pt.")],
    out: Annotated[Path, typer.Option(help="Where the ONNX file goes.")],
) -> None:
    """Export what the run folder holds."""
    torch.manual_seed(0)
    net = VisibleNet()
    load_weights(net, run / WEIGHTS)
    write_visible(net, out / NAME)


if __name__ == "__main__":
    run_recipe(main)
