"""The faces of one side, some of them held out."""

from typing import Final

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Generator, Tensor

from models.batches import CPU, Example, all_true, to_floats
from models.faceset.gaze import gaze
from models.faceset.measure import openness
from models.faceset.reading import AlignedFaces
from models.loss_weights import priority_maps
from models.pairs import WEIGHT_ONE
from models.pseudo import LandmarkedFaces

__all__ = ["Side", "held_out"]

#: Neighbours in film order that are held out together: a face beside one that was learnt is no test.
STRETCH: Final = 8


class Side:
    """The faces of one side.

    ``flip`` is how often one of them is mirrored, ``hold_out`` the share that is kept out of training, ``priority`` how
    often a pixel of eyes and mouth counts. ``held`` and ``used`` are int64 indices of ``faces``. ``landmarked`` is what
    is known of the used ones, None where their landmarks are not.
    """

    def __init__(self, faces: AlignedFaces, flip: float = 0.0, hold_out: float = 0.0, priority: float = 1.0) -> None:
        self.flip = flip
        self.faces = faces
        order = np.argsort(np.array(faces.names)) if faces.names else np.arange(len(faces))  # film order
        out = held_out(len(faces), hold_out)
        self.held, self.used = order[out], order[~out]
        size = faces.faces.shape[1]
        self.landmarked: LandmarkedFaces | None = None
        self._weights = np.full((1, 1, 1), WEIGHT_ONE, np.uint8)
        if faces.landmarks is not None:
            eyes = [openness(faces.faces[index], faces.landmarks[index]) for index in self.used]
            landmarks = (faces.landmarks[self.used] + 0.5) * (2 / size) - 1
            gazes = [gaze(faces.faces[index], faces.landmarks[index]) for index in self.used]
            self.landmarked = LandmarkedFaces(
                landmarks.astype(np.float32), np.array(eyes, np.float32), np.array(gazes, np.float32)
            )
            if priority != 1:
                self._weights = priority_maps(faces.landmarks, size, priority)

    def choose(self, count: int, generator: Generator) -> NDArray[np.int64]:
        """Random rows of ``used``: int64 (count,)."""
        return torch.randint(len(self.used), (count,), generator=generator).numpy()

    def rows_of(self, index: NDArray[np.int64]) -> NDArray[np.int64]:
        """The rows of ``used`` in which the faces at ``index``, all of them used, stand: int64, as many."""
        rows = np.full(len(self.faces), -1, np.int64)
        rows[self.used] = np.arange(len(self.used))
        return rows[index]

    def take(self, index: NDArray[np.int64], device: torch.device) -> list[Tensor]:
        """Faces, masks and weight maps at ``index``: float (B, C, S, S) in 0..1, with sides S of their own.

        A weight of 1 is ``WEIGHT_ONE`` / 255.
        """
        weights = self._weights[index] if len(self._weights) > 1 else self._weights.repeat(len(index), 0)
        parts = self.faces.faces[index], self.faces.masks[index], weights
        return [to_floats(part, device) for part in parts]

    def still(self, index: NDArray[np.int64], side: int) -> Example:
        """The faces at ``index`` as they are, as an example of side number ``side``."""
        face, mask, _ = self.take(index, CPU)
        mask = F.interpolate(mask, face.shape[-2:], mode="bilinear", align_corners=False)
        return Example(face, face, mask, mask.new_ones(1).expand_as(mask), all_true(face), side)

    def sample(self, count: int) -> NDArray[np.int64]:
        """``count`` indices of faces from all over the set, up to half of them held out."""
        return np.resize(np.concatenate([_spread(self.held, count // 2), _spread(self.used, count)]), count)


def held_out(count: int, share: float) -> NDArray[np.bool_]:
    """Which of ``count`` faces in film order are held out: evenly spaced stretches, ``share`` of all.

    Never all: at least half of the faces are left, and a set too small for one stretch keeps them all.
    """
    out = np.zeros(count, bool)
    stretches = round(count * share / STRETCH) or int(count * share >= STRETCH / 4)
    length = min(STRETCH, round(count * share))
    for middle in (np.arange(stretches) + 0.5) * (count / max(stretches, 1)):
        out[int(middle) - length // 2 :][:length] = True
    return out


def _spread(index: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Up to ``count`` of ``index``, evenly spaced."""
    return index[np.linspace(0, len(index) - 1, min(count, len(index))).astype(np.int64)]
