"""Frames of a video as pictures: as they are shown, in RGB, as deep as they are."""

import cv2
import numpy as np
from av.video.reformatter import ColorRange, Colorspace

from realtime.media.colorspace import Codes, ColorMatrix
from realtime.media.frame import Frame
from realtime.media.layer import PIXELS
from realtime.runtime.arrays import Bytes

__all__ = ["is_deep", "layer_samples", "shown_samples"]


def is_deep(frame: Frame) -> bool:
    """Whether a picture of ``frame`` needs 16 bits a sample: not where it is HDR, of which SDR is made."""
    return frame.kind.pixels.depth > 8 and not frame.kind.curve


def shown_samples(frame: Frame) -> Codes:
    """``frame`` as it is shown: uint8 or uint16, (H, W, 3) RGB; uint16 where it ``is_deep``, 0..65535."""
    size = frame.width, frame.height
    if not is_deep(frame):
        return frame.warp(np.eye(2, 3), size)
    kind = frame.kind
    matrix = Colorspace.ITU709 if kind.matrix == ColorMatrix.BT709 else int(kind.matrix)
    rgb = frame.picture.reformat(
        format="rgb48le",
        src_colorspace=matrix,
        src_color_range=ColorRange.JPEG if kind.full_range else ColorRange.MPEG,
        dst_color_range=ColorRange.JPEG,
    )
    stored: Codes = np.asarray(rgb.to_ndarray(), np.uint16)
    if size == (kind.width, kind.height) and kind.turn.xx == 1 and kind.turn.yy == 1:
        return stored
    turned = cv2.warpAffine(stored, kind.turn.to_shown(kind.width, kind.height), size, flags=cv2.INTER_NEAREST)
    return np.asarray(turned, np.uint16)


def layer_samples(layer: Frame) -> tuple[Bytes, Bytes]:
    """The picture of a layer: uint8 (H, W, 3) RGB, and alpha (H, W), 0 where nothing was pasted."""
    picture = layer.picture
    assert picture.format.name == PIXELS  # noqa: S101  # what layers are made in
    green, blue, red, alpha = (
        np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[: picture.height, : picture.width]
        for plane in picture.planes
    )
    return np.dstack([red, green, blue]), alpha.copy()
