"""How the masks of a faceset are made."""

from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal, TypeAlias

import cv2
import numpy as np

from models.faceset.hull import hull_mask
from models.faceset.parser import FaceParser
from realtime.composite.visible_net import SIZE, TEMPLATE, VisibleNet
from realtime.media.resample import sample
from realtime.runtime.arrays import Bytes, Points

__all__ = ["MaskChoice", "Masker", "VisibleMask", "open_masker"]

MaskChoice: TypeAlias = Literal["visible", "hull", "parser"]

#: From a crop, uint8 (S, S, 3) RGB, and its landmarks, float32 (68, 2) in its pixels, to a mask, uint8 (S, S).
Masker: TypeAlias = Callable[[Bytes, Points], Bytes]

#: What is left out and narrower than so many pixels of the net's crop is a speck.
SPECK: Final = 5
#: Less than this share of the landmarks' hull cannot be right: then the hull is the mask.
LEAST: Final = 0.5


class VisibleMask:
    """Masks of what is seen of a face, 255 there, without hair, hands and background: by the built-in net.

    Any number of threads may use it at once.
    """

    def __init__(self, device: str = "auto") -> None:
        self._net = VisibleNet(device)

    def __call__(self, crop: Bytes, landmarks: Points) -> Bytes:
        """See ``Masker``."""
        size, matrix = crop.shape[0], TEMPLATE.frame_to_crop(landmarks, SIZE)
        seen = self._net.visible(np.ascontiguousarray(sample(crop, matrix, (SIZE, SIZE))))
        seen = np.asarray(cv2.morphologyEx(seen, cv2.MORPH_CLOSE, np.ones((SPECK, SPECK), np.uint8)), np.float32)
        large = cv2.warpAffine(seen, matrix, (size, size), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
        mask = np.where(large > 0.5, np.uint8(255), np.uint8(0))
        hull = hull_mask(landmarks, size)
        return mask if cv2.countNonZero(mask) >= LEAST * cv2.countNonZero(hull) else hull


def open_masker(kind: MaskChoice, parser: Path | None = None, device: str = "auto") -> Masker:
    """What makes masks of a ``kind``; ``parser`` is the file of a face parser. Raises ``ModelError`` for another."""
    if kind == "hull":
        return lambda crop, landmarks: hull_mask(landmarks, crop.shape[0])
    if kind == "visible":
        return VisibleMask(device)
    assert parser is not None  # noqa: S101  # the caller's promise
    parse = FaceParser(parser, device)
    return lambda crop, landmarks: parse(crop)
