"""Masks by a face parser that the user brings, as an ONNX file.

Two kinds are known, told apart by what they answer. 19 channels: the classes of CelebAMask-HQ (BiSeNet and its kin;
RGB in, scaled to the mean and deviation of ImageNet). One channel: the mask itself in 0..1 (XSeg and its kin; RGB
in 0..1).
"""

from pathlib import Path
from typing import Final

import cv2
import numpy as np

from realtime.inference.session import open_session
from realtime.runtime.arrays import Bytes, Floats
from realtime.runtime.errors import ModelError

__all__ = ["FaceParser"]

#: Skin, brows, eyes, glasses, nose, mouth and lips of CelebAMask-HQ; not ears, neck, hair, hat and cloth.
_FACE: Final = (1, 2, 3, 4, 5, 6, 10, 11, 12, 13)
CLASSES: Final = 19
_MEAN: Final = np.array([0.485, 0.456, 0.406], np.float32)
_DEVIATION: Final = np.array([0.229, 0.224, 0.225], np.float32)
#: The input's side where the file leaves it open.
SIDE: Final = 512


class FaceParser:
    """The network, as one callable thing. Raises ``ModelError`` where ``path`` is no face parser of a known kind."""

    def __init__(self, path: Path, device: str = "auto") -> None:
        self._session = open_session(path, device)
        first, *others = self._session.get_inputs()
        shape = first.shape
        if others or len(shape) != 4 or first.type != "tensor(float)" or 3 not in (shape[1], shape[3]):
            raise ModelError(f"{path}: not a face parser: it must take one RGB picture, float32 (1, 3, S, S)")
        self._name = first.name
        self._first = shape[1] == 3
        side = shape[2]
        self._side = side if isinstance(side, int) else SIDE
        self._path = path
        # Files often leave open what they answer, so it is tried out.
        self._channels = len(self._run(np.zeros((self._side, self._side, 3), np.float32)))
        if self._channels not in (1, CLASSES):
            raise ModelError(
                f"{path}: not a face parser that is known: it answers {self._channels} channels, not 1 (a mask) or"
                f" {CLASSES} (the classes of CelebAMask-HQ)"
            )

    def __call__(self, crop: Bytes) -> Bytes:
        """The mask, uint8 (S, S), of a crop, uint8 (S, S, 3) RGB."""
        side, size = self._side, crop.shape[0]
        resized = cv2.resize(crop, (side, side), interpolation=cv2.INTER_AREA)
        picture: Floats = np.asarray(resized, np.float32) / np.float32(255)
        if self._channels == CLASSES:
            planes = self._run((picture - _MEAN) / _DEVIATION)
            face = np.isin(planes.argmax(axis=0), _FACE).astype(np.float32)
        else:
            face = np.clip(self._run(picture)[0], 0, 1)
        mask = cv2.resize(face, (size, size), interpolation=cv2.INTER_LINEAR)
        return np.asarray(np.rint(mask * 255), np.uint8)

    def _run(self, picture: Floats) -> Floats:
        """The answer's planes, float32 (C, H, W), to a picture, float32 (S, S, 3)."""
        laid = picture.transpose(2, 0, 1) if self._first else picture
        answer: Floats = self._session.run(None, {self._name: np.ascontiguousarray(laid[None])})[0]
        if answer.ndim != 4:
            raise ModelError(f"{self._path}: not a face parser: it answers {answer.shape}, not (1, C, S, S)")
        planes: Floats = answer[0]
        return planes if planes.shape[0] <= planes.shape[-1] else planes.transpose(2, 0, 1)
