"""The built-in mesh net: what the landmark net saw of a face in, its dense mesh out."""

from pathlib import Path
from typing import Final

import numpy as np

from realtime.inference.session import open_session
from realtime.media.affine import apply, scale_of
from realtime.runtime.arrays import Floats, Matrix

__all__ = ["MAPS", "MeshNet"]

ASSET: Final = Path(__file__).parent.parent / "assets" / "mesh.onnx"
#: Outputs of the landmark net that are inputs of this one: its inner maps.
MAPS: Final = ("fine", "coarse")


class MeshNet:
    """A net of its own, so that it costs nothing where nobody asks for meshes."""

    def __init__(self, device: str = "auto") -> None:
        self._session = open_session(ASSET, device)

    def __call__(self, maps: list[Floats], crop_to_frame: Matrix, size: int) -> Floats:
        """The mesh, float32 (468, 3), as of ``Face``, of a crop of ``size`` pixels with the landmark net's ``maps``."""
        mesh: Floats = self._session.run(None, dict(zip(MAPS, maps, strict=True)))[0][0]  # in sides of the crop
        pixels = mesh * np.float32(size)
        flat = apply(crop_to_frame, pixels[:, :2] - np.float32(0.5))
        return np.column_stack([flat, pixels[:, 2] * np.float32(scale_of(crop_to_frame))])
