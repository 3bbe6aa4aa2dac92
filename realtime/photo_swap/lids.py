"""Whether the performer's eyes are shut: then the lids are the performer's, too, not only what is between them."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from realtime.mesh.vertices import EYES
from realtime.runtime.arrays import Floats

__all__ = ["Lids"]

#: Positions in a lid margin: the outer and the inner corner, the middle of the lower and of the upper lid.
OUTER, INNER, BELOW, ABOVE = 0, 8, 4, 12
#: Openings are measured against the widest one seen, which fades by this share a frame and is no less than that.
FADE: Final = 0.001
LEAST: Final = 0.15
#: An eye begins to count as shut at this share of its widest opening, and is shut this much further down.
SHUT, RANGE = 0.82, 0.12


@dataclass(slots=True)
class Lids:
    """How wide one performer's eyes open: ``widest`` float32 (2,), heights in widths."""

    widest: Floats | None = None

    def shut(self, mesh: Floats) -> Floats:
        """How far each eye is shut, float32 (2,) in 0..1; ``mesh`` is float32 (468, 3) in pixels."""
        ends = mesh[np.array(EYES)[:, [OUTER, INNER, BELOW, ABOVE]], :2]  # (2, 4, 2)
        height = np.linalg.norm(ends[:, 3] - ends[:, 2], axis=1)
        opening = height / np.maximum(np.linalg.norm(ends[:, 1] - ends[:, 0], axis=1), 1e-3)
        widest = np.maximum(opening, LEAST) if self.widest is None else self.widest
        self.widest = np.maximum(widest + FADE * (opening - widest), opening).astype(np.float32)
        return np.asarray(np.clip((SHUT - opening / self.widest) / RANGE, 0, 1), np.float32)
