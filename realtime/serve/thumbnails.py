"""What each model makes of one and the same drawn face, as a picture to choose it by."""

from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from realtime.live.sources.portrait import Portrait, Pose
from realtime.media.frame import Frame
from realtime.runtime.errors import ModelError
from realtime.runtime.stages import Stages
from realtime.settings import Look
from realtime.swap.library import list_models
from realtime.swapper import make_swapper

__all__ = ["Thumbnails"]

#: Side of a picture in pixels, and its JPEG quality, 0..100.
SIDE: Final = 256
QUALITY: Final = 88
#: Turned a little and with parted lips, so that one sees what follows the face.
POSE: Final = Pose(yaw=0.18, pitch=-0.04, mouth=0.35)


class Thumbnails:
    """Makes a model's picture when it is first asked for, and keeps it."""

    def __init__(self) -> None:
        self._made = lru_cache(maxsize=64)(_make)

    def picture(self, name: str) -> bytes:
        """The JPEG of the model called ``name``. Raises ``ModelError`` where it is not one of those at hand."""
        for path in list_models():
            if path.stem == name:
                return self._made(path, path.stat().st_mtime_ns)
        raise ModelError(f"no model {name!r} is at hand")


def _make(path: Path, _changed_ns: int) -> bytes:
    swapper = replace(make_swapper(Look(model=str(path), device="cpu"), Stages()), label=None, watermark=None)
    frame = Frame.from_rgb(Portrait(2 * SIDE, 2 * SIDE).draw(POSE))
    swapper.process(frame)
    # The middle of it, where the head is.
    rgb = frame.warp(np.array([[1.0, 0, -SIDE / 2], [0, 1.0, -0.42 * SIDE]]), SIDE)
    _, data = cv2.imencode(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return data.tobytes()
