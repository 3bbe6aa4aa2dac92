"""Still pictures from disk."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from realtime.runtime.arrays import Bytes
from realtime.runtime.errors import InputError, reason

__all__ = ["PICTURES", "decode_picture", "quiet", "read_bytes", "read_picture"]

#: Suffixes of still pictures; everything else is opened as a video.
PICTURES: Final = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"})


def read_picture(path: Path) -> Bytes:
    """A picture, uint8 (H, W, 3) RGB, upright as its EXIF data says. Raises ``InputError``."""
    return decode_picture(path, read_bytes(path))


def read_bytes(path: Path) -> bytes:
    """A file's bytes. Raises ``InputError``."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {reason(error)}") from error


def decode_picture(path: Path, data: bytes) -> Bytes:
    """The picture in ``data``, uint8 (H, W, 3) RGB. Raises ``InputError`` naming ``path``."""
    try:
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB) if data else None
    except cv2.error:  # a picture of absurd size
        picture = None
    if picture is None:
        raise InputError(
            f"{path}: not a picture that can be read (damaged, empty or of another kind); delete or replace it"
        )
    return np.asarray(picture, np.uint8)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep OpenCV from saying on stderr what our errors say better; for the whole process, so once around a job."""
    before = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(before)
