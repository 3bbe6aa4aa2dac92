"""The built-in net that looks at one aligned face, and says what lies within its outline and what a thing covers."""

from pathlib import Path
from typing import Final

from realtime.align import TEMPLATES
from realtime.inference.session import open_session
from realtime.runtime.arrays import Bytes, Floats

__all__ = ["ASSET", "SIZE", "TEMPLATE", "VisibleNet"]

ASSET: Final = Path(__file__).parent.parent / "assets" / "visible.onnx"
#: The net's crop, and its side in pixels.
TEMPLATE: Final = TEMPLATES["whole-face"]
SIZE: Final = 128


class VisibleNet:
    """The network (``models/recipes/visible_face``). Any number of threads may ask it at once."""

    def __init__(self, device: str = "auto") -> None:
        self._session = open_session(ASSET, device)

    def covered(self, crop: Bytes) -> Floats:
        """Where a thing is in front, float32 (128, 128) in 0..1, of a crop, uint8 (128, 128, 3) RGB."""
        found: Floats = self._session.run(["covered"], {"face": crop[None]})[0][0]
        return found

    def visible(self, crop: Bytes) -> Floats:
        """Where the face itself is seen, as ``covered``."""
        within, covered = self._session.run(["within", "covered"], {"face": crop[None]})
        found: Floats = within[0] * (1 - covered[0])
        return found
