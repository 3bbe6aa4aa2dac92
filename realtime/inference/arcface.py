"""Who a face shows, as a vector: networks of the ArcFace kind (Deng et al., CVPR 2019), as ONNX files of the user's."""

from pathlib import Path
from typing import Final

import numpy as np

from realtime.align import TEMPLATES
from realtime.inference.guarded_session import open_guarded
from realtime.inference.modelfile import ModelFile
from realtime.runtime.arrays import Bytes, Floats, Matrix, Points
from realtime.runtime.errors import ModelError

__all__ = ["ArcFace", "unit_vector"]

#: Side of the crop in pixels, and where the face is in it.
SIZE: Final = 112
TEMPLATE: Final = TEMPLATES["arcface-112"]
FLOAT: Final = "tensor(float)"


class ArcFace:
    """A face embedding: float32 (N, 3, 112, 112) or (N, 112, 112, 3) RGB in -1..1 in, float32 (N, D) out.

    Raises ``ModelError`` where ``path`` is no such file, here or at the first face that it is asked about.
    """

    size = SIZE

    def __init__(self, path: Path, device: str = "auto", threads: int = 1) -> None:
        self._path = path
        with ModelFile(path) as file:
            self._run = open_guarded(file, device, threads)
        first, *others = self._run.inputs
        self._channels_first = _fits(first.shape, (1, 3, SIZE, SIZE))
        fits = self._channels_first or _fits(first.shape, (1, SIZE, SIZE, 3))
        if others or first.type != FLOAT or not fits:
            raise self._refusal(f"it does not take float32 (N, 3, {SIZE}, {SIZE}) alone")
        self._input, self._output = first.name, self._run.outputs[0].name

    @staticmethod
    def frame_to_crop(landmarks: Points) -> Matrix:
        """The similarity, float64 (2, 3), from the frame of ``landmarks``, float32 (68, 2), to a crop."""
        return TEMPLATE.frame_to_crop(landmarks, SIZE)

    def __call__(self, crop: Bytes) -> Floats:
        """The vector, float32 (D,), of whatever length, of a crop, uint8 (112, 112, 3) RGB."""
        picture = (crop.astype(np.float32) - 127.5) / 127.5
        laid = picture.transpose(2, 0, 1) if self._channels_first else picture
        (answer,) = self._run([self._output], {self._input: np.ascontiguousarray(laid[None])})
        if answer.ndim != 2 or len(answer) != 1 or answer.dtype != np.float32:
            raise self._refusal(f"it answers with {answer.dtype} {list(answer.shape)}, not with one float32 vector")
        return np.asarray(answer[0], np.float32)

    def _refusal(self, why: str) -> ModelError:
        return ModelError(f"{self._path}: not an ArcFace network: {why}")


def _fits(shape: tuple[int | str | None, ...], wanted: tuple[int, ...]) -> bool:
    """Whether a picture of the ``wanted`` shape goes into an input of ``shape``, which may leave lengths open."""
    return len(shape) == len(wanted) and all(
        have == want or not isinstance(have, int) for have, want in zip(shape, wanted, strict=True)
    )


def unit_vector(vector: Floats) -> Floats:
    """``vector``, float32 of any shape, as float32 (D,) of length one; zeros stay zeros."""
    flat = vector.ravel()
    return np.asarray(flat / max(float(np.linalg.norm(flat)), 1e-9), np.float32)
