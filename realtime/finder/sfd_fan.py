"""The accurate face finder on ONNX Runtime: S3FD's boxes and FAN's landmarks, from ``mummer export --face-finder``.

Two files in a folder, ``detector.onnx`` and ``landmarks.onnx``. Crops are cut as the library that the nets come from
cuts them (face-alignment, Bulat and Tzimiropoulos, ICCV 2017); unlike there, landmarks keep their fractions of a
pixel.
"""

from pathlib import Path
from typing import Final, Literal

import cv2
import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from realtime.inference.onnx_runtime import onnxruntime
from realtime.inference.session import open_session
from realtime.runtime.arrays import Bytes, Floats, Points
from realtime.runtime.errors import DetectorError, ModelError

__all__ = ["CROP", "DETECTOR", "KEY", "LANDMARKS", "Note", "SfdFan"]

DETECTOR, LANDMARKS = "detector.onnx", "landmarks.onnx"
#: The key of the note in the files' metadata.
KEY: Final = "mummer.finder"
#: Side of FAN's crop in pixels, and how many of them go through it at once.
CROP: Final = 256
BATCH: Final = 8
#: Boxes with a lower score are no faces; boxes that share more than this part of their union are the same one.
THRESHOLD, NMS_IOU = 0.5, 0.3
#: A box's width and height together, in crop sides, and how far above its middle the crop's lies, in heights.
REFERENCE, RISE = 195 / 200, 0.12


class Note(BaseModel):
    """What each of the two files says of itself."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    finder: Literal["sfd+fan"] = "sfd+fan"
    net: Literal["detector", "landmarks"]


class SfdFan:
    """Finds all faces of a picture, with no memory of the last."""

    def __init__(self, folder: Path, device: str = "auto") -> None:
        """Open the two files in ``folder``. Raises ``DetectorError`` where one is missing or is something else."""
        self._detector = _open(folder / DETECTOR, "detector", device)
        self._landmarks = _open(folder / LANDMARKS, "landmarks", device)

    def find(self, rgb: Bytes) -> list[tuple[Points, float]]:
        """Landmarks float32 (68, 2) in pixels and score 0..1 of each face of ``rgb``, uint8 (H, W, 3)."""
        boxes, scores = self._boxes(rgb)
        if len(boxes) == 0:
            return []
        centres = (boxes[:, :2] + boxes[:, 2:]) / 2
        sizes = boxes[:, 2:] - boxes[:, :2]  # width, height
        centres[:, 1] -= RISE * sizes[:, 1]
        sides = sizes.sum(axis=1) / REFERENCE
        crops = [_cut(rgb, centre, side) for centre, side in zip(centres, sides, strict=True)]
        batches = [np.stack(crops[start : start + BATCH]) for start in range(0, len(crops), BATCH)]
        # 0..1, from edge to edge
        points = np.concatenate([self._landmarks.run(["points"], {"face": batch})[0] for batch in batches])
        frame = centres[:, None] + (points - 0.5) * sides[:, None, None] - 0.5
        return [(face.astype(np.float32), float(score)) for face, score in zip(frame, scores, strict=True)]

    def _boxes(self, rgb: Bytes) -> tuple[Floats, Floats]:
        """Boxes (K, 4), x0, y0, x1, y1 in pixels, and their scores (K,), the surest first."""
        boxes: Floats
        scores: Floats
        boxes, scores = self._detector.run(["boxes", "scores"], {"picture": rgb[None]})
        sure = (scores > THRESHOLD) & (boxes[:, 2:] - boxes[:, :2] >= 1).all(axis=1)
        boxes, scores = boxes[sure], scores[sure]
        # The library counts pixels: a box from 3 to 5 is 3 wide.
        rectangles = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2] + 1], axis=1)
        kept = np.asarray(cv2.dnn.NMSBoxes(rectangles.tolist(), scores.tolist(), 0.0, NMS_IOU), np.int64).ravel()
        return boxes[kept], scores[kept]


def _cut(rgb: Bytes, centre: Floats, side: float) -> Bytes:
    """The square of ``side`` pixels around ``centre`` at FAN's size; black where it goes beyond the picture."""
    # The corners fall on whole pixels, as in the library.
    x0, y0 = (int(at - side / 2 + side / CROP) for at in centre)
    x1, y1 = (int(at + side / 2) for at in centre)
    cut = np.zeros((max(y1 - y0, 1), max(x1 - x0, 1), 3), np.uint8)
    inside = rgb[max(y0, 0) : max(y1, 0), max(x0, 0) : max(x1, 0)]
    top, left = max(-y0, 0), max(-x0, 0)
    cut[top : top + inside.shape[0], left : left + inside.shape[1]] = inside
    return np.asarray(cv2.resize(cut, (CROP, CROP), interpolation=cv2.INTER_LINEAR), np.uint8)


def _open(path: Path, net: str, device: str) -> onnxruntime.InferenceSession:
    """The session of one of the files. Raises ``DetectorError``."""
    try:
        session = open_session(path, device)
    except ModelError as error:
        raise DetectorError(
            f"{error}; a face finder is made by `mummer export --face-finder sfd+fan FOLDER`"
        ) from error
    text = session.get_modelmeta().custom_metadata_map.get(KEY, "")
    try:
        note = Note.model_validate_json(text)
    except ValidationError as error:
        raise DetectorError(
            f"{path}: not a face finder's file; make one with `mummer export --face-finder sfd+fan FOLDER`"
        ) from error
    if note.net != net:
        raise DetectorError(f"{path}: holds the {note.net} net, not the {net} net; the two files are mixed up")
    return session
