"""The picture as a mirror shows it."""

from typing import cast

import av
import cv2
import numpy as np
from av.video.plane import VideoPlane

from realtime.media.color_tags import ColorTags
from realtime.media.frame import Frame
from realtime.runtime.arrays import Bytes

__all__ = ["mirrored"]


def mirrored(frame: Frame) -> Frame:
    """``frame`` (yuv420p or nv12) with left and right exchanged, in planes of its own, with its ``captured_ns``."""
    picture = frame.picture
    other = av.VideoFrame(picture.width, picture.height, picture.format.name)
    for ours, theirs in zip(other.planes, picture.planes, strict=True):
        # In nv12 the two kinds of chroma take turns: pairs stay together.
        depth = 2 if picture.format.name == "nv12" and theirs.height < picture.height else 1
        cv2.flip(_pixels(theirs, depth), 1, dst=_pixels(ours, depth))
    ColorTags.of(picture).put_on(other)
    return Frame(other, frame.captured_ns)


def _pixels(plane: VideoPlane, depth: int) -> Bytes:
    """The plane's pixels, uint8 (H, W) or (H, W, 2), in the plane's memory."""
    rows = np.frombuffer(cast(memoryview, plane), np.uint8).reshape(-1, plane.line_size)[: plane.height]
    samples = rows[:, : plane.width * depth]
    return samples if depth == 1 else samples.reshape(plane.height, plane.width, depth)
