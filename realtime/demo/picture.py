"""The before/after picture: a few moments of a clip above the same moments of another."""

from pathlib import Path
from typing import Final

import av
import cv2
import numpy as np

from realtime.runtime.arrays import Bytes
from realtime.runtime.errors import InputError, OutputError
from realtime.runtime.files import whole_or_nothing

__all__ = ["write_before_after"]

#: Which moments are shown, as shares of the clip's length: the smile, turned either way, talking.
_MOMENTS: Final = (0.015, 0.21, 0.455, 0.66)
#: What is shown of each frame: a square, as shares of the frame's width (left) and height (side), from the
#: top.
_LEFT: Final = 0.195
_SIDE: Final = 0.83
_TILE: Final = 360  # pixels
_GAP: Final = 8
_STRIP: Final = 40  # for the words under each row
_PAPER: Final = 250
_INK: Final = (60, 60, 60)
_WORDS: Final = ("before", "after: a synthetic face")


def write_before_after(path: Path, before: Path, after: Path) -> None:
    """Write moments of the clip ``before`` above those of ``after`` to ``path``, a PNG.

    Both clips have the same number of frames. An existing file is replaced, and only by a whole one. Raises
    ``InputError`` for a clip that cannot be read, and ``OutputError`` where ``path`` cannot be written.
    """
    rows = [_row(clip, words) for clip, words in zip((before, after), _WORDS, strict=True)]
    sheet = np.concatenate(rows)
    framed = cv2.copyMakeBorder(sheet, _GAP, 0, _GAP, _GAP, cv2.BORDER_CONSTANT, value=(_PAPER,) * 3)
    encoded, data = cv2.imencode(".png", cv2.cvtColor(framed, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_PNG_COMPRESSION, 9])
    if not encoded:
        raise OutputError(f"{path}: OpenCV cannot encode PNG here")
    with whole_or_nothing(path) as part:
        part.write_bytes(data.tobytes())


def _row(clip: Path, words: str) -> Bytes:
    tiles = _tiles(clip)
    gap = np.full((_TILE, _GAP, 3), _PAPER, np.uint8)
    row = np.concatenate([part for tile in tiles for part in (gap, tile)][1:], axis=1)
    strip = np.full((_STRIP, row.shape[1], 3), _PAPER, np.uint8)
    cv2.putText(strip, words, (2, 25), cv2.FONT_HERSHEY_SIMPLEX, 0.6, _INK, 1, cv2.LINE_AA)
    return np.concatenate([row, strip])


def _tiles(clip: Path) -> list[Bytes]:
    """The moments, uint8 (``_TILE``, ``_TILE``, 3) RGB each."""
    try:
        with av.open(str(clip)) as container:
            video = container.streams.video[0]
            wanted = {min(round(share * video.frames), video.frames - 1) for share in _MOMENTS}
            return [
                _tile(np.asarray(frame.to_ndarray(format="rgb24"), np.uint8))
                for number, frame in enumerate(container.decode(video))
                if number in wanted
            ]
    except (OSError, av.FFmpegError) as error:
        raise InputError(f"{clip}: cannot be read: {error}") from error


def _tile(rgb: Bytes) -> Bytes:
    height, width = rgb.shape[:2]
    side, left = round(_SIDE * height), round(_LEFT * width)
    return np.asarray(
        cv2.resize(rgb[:side, left : left + side], (_TILE, _TILE), interpolation=cv2.INTER_AREA), np.uint8
    )
