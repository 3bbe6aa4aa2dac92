"""The built-in net that tells faces from what looks like one: leaves, rocks, flowers, the fronts of cars."""

from pathlib import Path
from typing import Final

import numpy as np

from realtime.inference.session import open_session
from realtime.runtime.arrays import Floats

__all__ = ["Faceness"]

ASSET: Final = Path(__file__).parent.parent / "assets" / "faceness.onnx"


class Faceness:
    """A net of its own, for newcomers alone: whoever is followed was a face, and costs nothing more."""

    def __init__(self, device: str = "auto") -> None:
        self._session = open_session(ASSET, device)

    def __call__(self, fine: Floats, coarse: Floats) -> float:
        """How sure it is, 0..1, of looks at one face, from the landmark net's maps: the mean over the N looks.

        ``fine`` is float32 (N, 32, 28, 28), ``coarse`` float32 (N, 72, 14, 14).
        """
        answers: Floats = self._session.run(None, {"fine": fine, "coarse": coarse})[0]
        return float(np.mean(answers))
