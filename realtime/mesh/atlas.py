"""The face unrolled: where each point of the mesh lies in a texture wrapped round the head like a label round a tin.

A photograph has its detail where the face looks at the camera, and so has this layout: cheeks and temples keep their
width, which the canonical UVs squeeze. The middle line is the middle column, and a mirrored texture is a mirrored face.
"""

from typing import Final

import numpy as np

from realtime.mesh.expression import NEUTRAL
from realtime.runtime.arrays import Points

__all__ = ["ATLAS"]

#: The head as a cylinder: its radius in units of the face axes, about centimetres, and the point it touches in front.
#: Wider than a head, so that the front, which photographs show, has most of the texture.
RADIUS: Final = 20.0
TIP: Final = 4
#: Free space round the face, as a share of its extent.
MARGIN: Final = 0.04


def _unroll() -> Points:
    behind = NEUTRAL[TIP, 2] + RADIUS - NEUTRAL[:, 2]
    flat = np.stack([RADIUS * np.arctan2(NEUTRAL[:, 0], behind), NEUTRAL[:, 1]], axis=1)
    low, high = flat.min(axis=0), flat.max(axis=0)
    side = (high - low).max() * (1 + MARGIN)
    return np.asarray((flat - (low + high) / 2) / side + 0.5, np.float32)


#: Places in a square texture, float32 (468, 2) in 0..1; ``ATLAS * size - 0.5`` are pixels.
ATLAS: Final = _unroll()
