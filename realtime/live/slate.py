"""The picture that is sent while there is none to send."""

import av
import cv2
import numpy as np

from realtime.live.reformatter import Reformatter
from realtime.live.sink import StreamFormat
from realtime.marking.label import Label
from realtime.media.duplicate import copied
from realtime.media.frame import Frame
from realtime.runtime.arrays import Bytes

__all__ = ["Slate", "SlateFrame", "duplicate", "render"]


class SlateFrame(Frame):
    """A frame of a slate: it was never captured, so it has no latency."""

    __slots__ = ()


class Slate:
    """A still picture in the output's format: what is missing in large letters, on a dark ground."""

    def __init__(self, shape: StreamFormat, label: Label | None, words: str = "no signal") -> None:
        frame = Frame(av.VideoFrame.from_ndarray(render(words, shape.width, shape.height), format="rgb24"))
        fitted = Reformatter(shape)(frame)
        if label is not None:
            label.draw(fitted)
        self.label = label
        self._picture = fitted.picture

    def frame(self, captured_ns: int) -> Frame:
        """A frame of it, with planes of its own."""
        return SlateFrame(copied(self._picture), captured_ns)


def duplicate(picture: av.VideoFrame, captured_ns: int) -> Frame:
    """A frame with a copy of ``picture``: sinks may still hold the other one, with its own time."""
    return Frame(copied(picture), captured_ns)


def render(words: str, width: int, height: int) -> Bytes:
    """The slate as uint8 (height, width, 3) RGB."""
    # It may be the first one while frames come: rows and columns meet as late as can be, which holds nobody up.
    x, y = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)[:, None]
    centre = np.hypot((x / width - 0.5) * 1.2, y / height - 0.5)
    shade = np.rint(46 - 34 * np.clip(centre / 0.8, 0, 1)).astype(np.uint8)
    slate = np.asarray(cv2.merge([shade, shade + np.uint8(2), shade + np.uint8(8)]), np.uint8)
    font, thickness = cv2.FONT_HERSHEY_DUPLEX, max(1, round(height / 360))
    scale = cv2.getFontScaleFromHeight(font, round(height / 16), thickness)
    (ink, rise), _ = cv2.getTextSize(words, font, scale, thickness)
    scale *= min(1.0, 0.8 * width / ink)
    (ink, rise), _ = cv2.getTextSize(words, font, scale, thickness)
    place = (width - ink) // 2, (height + rise) // 2
    cv2.putText(slate, words, place, font, scale, (214.0, 218.0, 224.0), thickness, cv2.LINE_AA)
    return slate
