"""The photo as frames of a video: all but the moving part is made once, and stays the same to the bit."""

from fractions import Fraction

import av
import numpy as np

from realtime.media.affine import translation
from realtime.media.color_tags import BT709, ColorTags
from realtime.media.duplicate import copied
from realtime.media.frame import Frame
from realtime.puppet.part import Part
from realtime.runtime.arrays import Bytes

__all__ = ["Canvas"]


class Canvas:
    """Frames of the photo's size; ``first`` is the photo itself."""

    def __init__(self, photo: Bytes, part: Part, alpha: Bytes, like: Frame | None = None) -> None:
        """``photo`` is uint8 (H, W, 3) RGB of even sides; ``alpha`` uint8 (h, w) is 255 where its ``part`` may move.

        The frames have the pixels and colours of ``like``; without it they are ``yuv420p`` tagged BT.709.
        """
        height, width = photo.shape[:2]
        picture = av.VideoFrame(width, height, "yuv420p" if like is None else like.picture.format.name)
        (BT709 if like is None else ColorTags.of(like.picture)).put_on(picture)
        self.first = Frame(picture)
        self.first.paste(photo, np.full((height, width), 255, np.uint8), translation(0, 0))
        self._alpha, self._to_part = alpha, translation(-part.x, -part.y)

    def frame(self, moving: Bytes, like: Frame) -> Frame:
        """The photo with its moving part as ``moving``, uint8 (h, w, 3) RGB, at the time of ``like``."""
        picture = copied(self.first.picture)
        picture.pts = like.picture.pts
        if like.picture.time_base is not None:
            picture.time_base = Fraction(like.picture.time_base)
        frame = Frame(picture, like.captured_ns)
        frame.paste(moving, self._alpha, self._to_part)
        return frame
