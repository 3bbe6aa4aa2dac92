"""A copy of a picture that nobody else holds."""

from typing import cast

import av
import numpy as np
from av.video.plane import VideoPlane

from realtime.media.color_tags import ColorTags
from realtime.runtime.arrays import Bytes

__all__ = ["copied"]


def copied(picture: av.VideoFrame) -> av.VideoFrame:
    """``picture`` with its colour tags, in memory of its own and without time."""
    copy = av.VideoFrame(picture.width, picture.height, picture.format.name)
    for ours, theirs in zip(copy.planes, picture.planes, strict=True):
        width = min(ours.line_size, theirs.line_size)
        _rows(ours)[:, :width] = _rows(theirs)[:, :width]
    ColorTags.of(picture).put_on(copy)
    return copy


def _rows(plane: VideoPlane) -> Bytes:
    """The plane's bytes, uint8 (H, line size)."""
    return np.frombuffer(cast(memoryview, plane), np.uint8).reshape(-1, plane.line_size)[: plane.height]
