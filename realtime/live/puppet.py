"""The puppet live: a photo in place of the camera's picture, which is never shown, whatever fails."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from realtime.finder.builtin import BuiltinFinder
from realtime.finder.tracks import Clock
from realtime.live.slate import duplicate
from realtime.marking.watermark import Watermark, payload_of
from realtime.media.frame import Frame, PictureFormat
from realtime.puppet.canvas import Canvas
from realtime.puppet.follower import Follower
from realtime.puppet.part import Part
from realtime.puppet.puppet import Puppet
from realtime.puppet.sitter import Sitter, read_sitter
from realtime.runtime.arrays import Bytes
from realtime.runtime.stages import Stages

__all__ = ["LivePuppet"]

#: Photos are kept at most so large: no output is larger.
LONGEST: Final = 2160
#: How dark the blurred photo is beside the photo, where the output is of another shape.
BESIDE: Final = 0.45


class LivePuppet:
    """Draws what is sent in place of live frames.

    ``process`` and ``reset`` belong to the swapping thread; ``calibrate`` takes effect between two frames. ``frames``
    counts those that were sent. ``watermark`` is the photo's.
    """

    def __init__(self, photo: Path, consent: Path | None, device: str, stages: Stages, face: str | None = None) -> None:
        """Open ``photo``, of which ``face`` is meant where there are several; raises what ``read_sitter`` raises."""
        self.sitter = read_sitter(photo, consent, device, face, longest=LONGEST)
        self.watermark = Watermark(payload_of(self.sitter.sha256))
        self.follower = Follower()
        self.frames = 0
        self._finder = BuiltinFinder(device, mesh=True)
        self._stages = stages
        self._clock = Clock()
        self._kind: PictureFormat | None = None
        self._last: Frame | None = None

    def calibrate(self) -> None:
        """Take how the performer looks now as the rest."""
        self.follower.calibrate()

    def reset(self) -> None:
        """Another source: nothing is known of who is in it."""
        self._finder.reset()
        self.follower.reset()
        self._clock = Clock()

    def process(self, frame: Frame, complain: Callable[[Exception], None]) -> Frame:
        """What is sent for ``frame``: the photo as the performer moves it, or as it was last where that fails."""
        if frame.kind != self._kind:
            self._build(frame)
        try:
            shown = self._moved(frame)
        except Exception as error:  # noqa: BLE001  # whatever failed, the camera's picture must not be shown
            complain(error)
            shown = self._last or self._canvas.first
        self._last = shown
        self.frames += 1
        # Labels change; what is kept has none.
        sent = duplicate(shown.picture, frame.captured_ns or 0)
        sent.pasted = shown.pasted
        with self._stages("watermark"):
            self.watermark.draw(sent)
        return sent

    def _moved(self, frame: Frame) -> Frame:
        with self._stages("find"):
            faces = self._finder.find(frame)
        with self._stages("follow"):
            motion, performer = self.follower.follow(frame, faces, max(self._clock.gap(frame), 0.0))
        with self._stages("draw"):
            moving = self._puppet.draw(motion, performer)
        with self._stages("paste"):
            return self._canvas.frame(moving, frame)

    def _build(self, frame: Frame) -> None:
        """Fit the photo into frames like ``frame``, which keep their shape from now on."""
        fitted, corner = fit(self.sitter, frame.width, frame.height)
        self._puppet = Puppet(fitted.picture, fitted.mesh)
        part = self._puppet.part
        there = Part(part.x + corner[0], part.y + corner[1], part.width, part.height)
        picture = framed(fitted.picture, frame.width, frame.height, corner)
        self._canvas = Canvas(picture, there, self._puppet.alpha, like=frame)
        self._kind, self._last = frame.kind, None


def fit(sitter: Sitter, width: int, height: int) -> tuple[Sitter, tuple[int, int]]:
    """``sitter`` as large as fits into ``width`` x ``height``, and its left top corner there, in pixels."""
    tall, wide = sitter.picture.shape[:2]
    zoom = min(width / wide, height / tall)
    size = min(round(wide * zoom), width), min(round(tall * zoom), height)
    way = cv2.INTER_AREA if zoom < 1 else cv2.INTER_CUBIC
    picture = np.asarray(cv2.resize(sitter.picture, size, interpolation=way), np.uint8)
    mesh = sitter.mesh * np.float32(zoom)
    mesh[:, :2] += np.float32(0.5 * zoom - 0.5)
    corner = (width - size[0]) // 2, (height - size[1]) // 2
    return replace(sitter, picture=picture, mesh=mesh), corner


def framed(picture: Bytes, width: int, height: int, corner: tuple[int, int]) -> Bytes:
    """``picture`` in one of ``width`` x ``height`` at ``corner``, with itself beside it, large, blurred and dark."""
    tall, wide = picture.shape[:2]
    if (wide, tall) == (width, height):
        return picture
    zoom = max(width / wide, height / tall)
    small = cv2.resize(picture, (max(wide // 8, 1), max(tall // 8, 1)), interpolation=cv2.INTER_AREA)
    large = cv2.resize(
        cv2.GaussianBlur(small, (0, 0), 4), (max(round(wide * zoom), width), max(round(tall * zoom), height))
    )
    top, left = (large.shape[0] - height) // 2, (large.shape[1] - width) // 2
    ground = np.asarray(large[top : top + height, left : left + width] * np.float32(BESIDE), np.uint8)
    ground[corner[1] : corner[1] + tall, corner[0] : corner[0] + wide] = picture
    return ground
