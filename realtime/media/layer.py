"""The pasted faces alone, transparent around them: a layer to be put over the old pictures by another program."""

from dataclasses import replace
from typing import Final

import av
import cv2
import numpy as np
from av.video.format import VideoFormat
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from realtime.media.affine import compose
from realtime.media.colorspace import Codes
from realtime.media.containers import Container
from realtime.media.encoding import Encoding, find_encoder
from realtime.media.frame import Frame
from realtime.media.pixel_formats import Family
from realtime.media.video_encoder import choose_pixels
from realtime.runtime.arrays import Bytes
from realtime.runtime.errors import OutputError

__all__ = ["PIXELS", "layer_encoding", "layer_of"]

#: FFmpeg's name of the pixel format of a layer: RGB and alpha, straight, each a plane of 8 bits.
PIXELS: Final = "gbrap"
#: The encoder and its profile by FFmpeg's muxer, where nobody names one.
_ENCODERS: Final = {"mov": ("prores_ks", "4444"), "matroska": ("ffv1", None), "avi": ("png", None)}

#: float32 (H, W).
_Plane = NDArray[np.float32]


def layer_encoding(encoding: Encoding, kind: Container, name: str) -> Encoding:
    """``encoding`` with an encoder that holds transparency. Raises ``OutputError``, naming ``name``, without one."""
    if encoding.codec is None:
        encoder, profile = _ENCODERS.get(kind.muxer, (None, None))
        if encoder is None:
            raise OutputError(f"{name}: a layer needs a container for transparency; use .mov or .mkv")
        return replace(encoding, codec=encoder, profile=profile)
    pixels, _ = choose_pixels(find_encoder(encoding.codec), PIXELS)
    if not any(component.is_alpha for component in VideoFormat(pixels).components):
        raise OutputError(f"{name}: {encoding.codec} holds no transparency; use prores_ks, qtrle, png or ffv1")
    return replace(encoding, profile="4444") if encoding.codec == "prores_ks" else encoding


def layer_of(frame: Frame) -> Frame:
    """What was pasted into ``frame``, as it is shown: RGB with alpha, at the same time."""
    kind = frame.kind
    size = frame.width, frame.height
    codes: list[_Plane] = [np.zeros(0, np.float32)] * kind.pixels.family.components
    alpha = np.zeros(size[::-1], np.float32)
    for number, layout in enumerate(kind.pixels.planes):
        parts = _gathered(frame, number)
        to_shown = compose(layout.to_frame(kind.siting), kind.turn.to_shown(kind.width, kind.height))
        *colors, cover = (cv2.warpAffine(part, to_shown, size, flags=cv2.INTER_LINEAR) for part in parts)
        straight = np.maximum(cover, 1 / 1024)
        for component, color in zip(layout.components, colors, strict=True):
            codes[component] = np.asarray(color / straight, np.float32)
        alpha = np.asarray(cover, np.float32) if number == 0 else alpha
    top = kind.coding.top
    stored: Codes = np.dstack([np.clip(np.rint(plane), 0, top) for plane in codes]).astype(kind.pixels.dtype)
    rgb = kind.coding.to_rgb(stored[..., 0] if kind.pixels.family is Family.GRAY else stored)
    rgb[alpha < 1 / 512] = 0
    return _frame(rgb, np.rint(alpha * 255).astype(np.uint8), frame.picture)


def _gathered(frame: Frame, plane: int) -> list[_Plane]:
    """The channels of one plane, times their cover, and the cover, 0..1; what was pasted later lies above."""
    kind = frame.kind
    layout = kind.pixels.planes[plane]
    width, height = layout.size(kind.width, kind.height)
    colors = np.zeros((height, width, len(layout.components)), np.float32)
    cover = np.zeros((height, width), np.float32)
    for patch in frame.pasted:
        if patch.plane == plane:
            rows, columns = patch.add.shape[:2]
            here = np.s_[patch.y : patch.y + rows, patch.x : patch.x + columns]
            keep = patch.keep.reshape(rows, columns, -1).astype(np.float32) / np.iinfo(patch.keep.dtype).max
            colors[here] = colors[here] * keep + patch.add.reshape(rows, columns, -1)
            cover[here] = 1 - (1 - cover[here]) * keep[..., 0]
    return [*(np.ascontiguousarray(colors[..., channel]) for channel in range(colors.shape[2])), cover]


def _frame(rgb: Bytes, alpha: Bytes, like: VideoFrame) -> Frame:
    height, width = alpha.shape
    picture = av.VideoFrame(width, height, PIXELS)
    for plane, values in zip(picture.planes, (rgb[..., 1], rgb[..., 2], rgb[..., 0], alpha), strict=True):
        rows: Bytes = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
        rows[:height, :width] = values
    if like.time_base is not None:
        picture.pts, picture.time_base, picture.duration = like.pts, like.time_base, like.duration
    return Frame(picture)
