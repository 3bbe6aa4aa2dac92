"""The canonical face: where the 468 points lie at rest, which make up triangles, and where they lie in a texture.

It is MediaPipe Face Mesh's, which many tools know; ``realtime/assets/README.md`` has its origin and licence. Axes are
a picture's: x to the right, y down, z away from the viewer, so that smaller is nearer. The unit is about a centimetre.
"""

from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from realtime.runtime.arrays import Floats, Points

__all__ = ["ASSET", "POINTS", "TRIANGLES", "UV", "VERTICES", "Triangles"]

#: int32 (T, 3), vertex numbers; every triangle runs the same way round.
Triangles: TypeAlias = NDArray[np.int32]

#: Written by ``models/recipes/face_finder/canonical.py``.
ASSET: Final = Path(__file__).parent.parent / "assets" / "canonical_face.npz"
#: Points of a face mesh.
VERTICES: Final = 468


with np.load(ASSET) as _arrays:
    #: The face at rest, float32 (468, 3).
    POINTS: Final[Floats] = _arrays["points"]
    #: int32 (898, 3): one sheet that covers eyes and mouth, too; anticlockwise where the picture shows the outside.
    TRIANGLES: Final[Triangles] = _arrays["triangles"]
    #: Places in a square texture, float32 (468, 2): (0, 0) is its top left corner, (1, 1) its bottom right one, so that
    #: ``uv * size - 0.5`` are pixels.
    UV: Final[Points] = _arrays["uv"]
for _array in (POINTS, TRIANGLES, UV):
    _array.setflags(write=False)  # everybody shares them
