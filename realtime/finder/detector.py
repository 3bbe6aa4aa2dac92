"""The built-in detector: a small picture of the whole frame in, head boxes out."""

from math import ceil
from pathlib import Path

import cv2
import numpy as np

from realtime.finder.face import Box
from realtime.inference.session import open_session
from realtime.media.frame import Frame
from realtime.runtime.arrays import Floats

__all__ = ["CLOSE", "CLOSER", "FAINT", "SURE", "WEAK", "Detector", "longest_for", "zoom_of"]

ASSET = Path(__file__).parent.parent / "assets" / "detector.onnx"
#: Longest side of the picture that the net sees. A lone face of 30 px in a 1080p frame is 6 px there, and raises at
#: least a suspicion; in a crowd the faces around it lower the score of each.
LONGEST = 384
#: Longest side of the picture of a close look: faces of 12 px in a 1600 px frame are found in it, and crowds. And of a
#: closer look before it, which shows whether that is worth its time.
CLOSE = 4 * LONGEST
CLOSER = 2 * LONGEST
#: Heads of so many pixels across in the net's picture are found, among others like them.
SEEN = 12
#: Scores of a head, of a suspicion, and of what may be a head in the dark, among many.
SURE, WEAK, FAINT = 0.6, 0.3, 0.15
#: The net's grid, and what its strides want the picture's sides to be multiples of.
STRIDE, MULTIPLE = 8, 32
#: Boxes that share more than this part of their union are the same face.
NMS_IOU = 0.4


class Detector:
    """Finds head boxes in whole frames. Some 2 ms for a 720p frame on one core, four times as much for a
    closer look, and 13 times for a close one.

    ``threshold`` is the least score, 0..1, of the boxes that it gives.
    """

    def __init__(self, device: str = "auto", threshold: float = SURE) -> None:
        self._session = open_session(ASSET, device)
        self._least_logit = logit(threshold)

    def detect(self, frame: Frame, longest: int = LONGEST, threshold: float | None = None) -> list[tuple[Box, float]]:
        """Boxes in frame pixels with their scores in 0..1, the surest first.

        ``longest`` is the longer side in pixels of the picture that the net sees: ``LONGEST``, ``CLOSER`` or ``CLOSE``.
        ``threshold`` takes the place of the detector's own.
        """
        least = self._least_logit if threshold is None else logit(threshold)
        zoom = zoom_of(frame, longest)
        width = -(-round(frame.width * zoom) // MULTIPLE) * MULTIPLE
        height = -(-round(frame.height * zoom) // MULTIPLE) * MULTIPLE
        shift = zoom / 2 - 0.5  # pixel centres: the corner of a pixel goes to the corner of a pixel
        frame_to_small = np.array([[zoom, 0, shift], [0, zoom, shift]])
        small = frame.warp(frame_to_small, (width, height))
        grid: Floats = self._session.run(None, {"picture": small[None]})[0][0]  # (5, H/8, W/8)

        y, x = np.nonzero(grid[0] > least)
        if len(x) == 0:
            return []
        centre = (np.stack([x, y, x, y], axis=1) + 0.5) * STRIDE - 0.5
        reach = np.exp(grid[1:, y, x].T) * STRIDE * (-1, -1, 1, 1)  # left, top, right, bottom
        boxes = (centre + reach - shift) / zoom
        scores = 1 / (1 + np.exp(-grid[0, y, x]))
        sizes = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)
        kept = cv2.dnn.NMSBoxes(sizes.tolist(), scores.tolist(), 0.0, NMS_IOU)
        return [(_box(boxes[i]), float(scores[i])) for i in np.asarray(kept).ravel()]


def logit(score: float) -> float:
    """What the net says where its score is ``score``, 0..1: sigmoid(logit) > score, asked of the logit itself."""
    return float(np.log(score / (1 - score)))


def zoom_of(frame: Frame, longest: int = LONGEST) -> float:
    """How large the net sees ``frame``, 1 being pixel for pixel; it is never enlarged."""
    return min(1.0, longest / max(frame.width, frame.height))


def longest_for(frame: Frame, smallest: float) -> int:
    """The longest side of the picture in which heads of ``smallest`` pixels of ``frame`` across are found."""
    return max(LONGEST, ceil(max(frame.width, frame.height) * SEEN / smallest))


def _box(row: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Box:
    x0, y0, x1, y1 = row.tolist()
    return (x0, y0, x1, y1)
