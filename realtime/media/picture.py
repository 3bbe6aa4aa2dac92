"""Still pictures from disk."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,
)

from realtime.media.pixel_limit import MAX_PIXELS, PixelLimitError, check_pixels, too_many_pixels
from realtime.runtime.arrays import Bytes
from realtime.runtime.errors import InputError, reason

__all__ = [
    "PICTURES", "NotAPictureError", "decode_picture", "is_picture", "opened", "quiet", "read_bytes", "read_picture",
]  # fmt: skip

#: Suffixes of still pictures; everything else is opened as a video.
PICTURES: Final = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"})

#: What is opened at all; everything else is no picture to us. Pillow's other readers, some forty, are not even loaded.
_FORMATS: Final = {
    "JPEG": JpegImagePlugin, "PNG": PngImagePlugin, "WEBP": WebPImagePlugin, "TIFF": TiffImagePlugin,
    "AVIF": AvifImagePlugin, "BMP": BmpImagePlugin, "GIF": GifImagePlugin,
}  # fmt: skip

#: What Pillow raises about files that are damaged or hostile.
_REFUSED: Final = (
    OSError, SyntaxError, ValueError, EOFError, KeyError, IndexError, TypeError, OverflowError, MemoryError,
)  # fmt: skip


def read_picture(path: Path, max_pixels: int = MAX_PIXELS) -> Bytes:
    """A picture, uint8 (H, W, 3) RGB, upright as its EXIF data says. Raises ``InputError``."""
    return decode_picture(path, read_bytes(path), max_pixels)


def read_bytes(path: Path) -> bytes:
    """A file's bytes. Raises ``InputError``."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {reason(error)}") from error


def decode_picture(path: Path, data: bytes, max_pixels: int = MAX_PIXELS) -> Bytes:
    """The picture in ``data``, uint8 (H, W, 3) RGB. Raises ``InputError`` naming ``path``.

    Pictures of more than ``max_pixels`` are refused by their header, before anything is decoded.
    """
    try:
        with opened(path, data, max_pixels):
            picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
    except (NotAPictureError, cv2.error):
        picture = None
    if picture is None:
        raise InputError(
            f"{path}: not a picture that can be read (damaged, empty or of another kind); delete or replace it"
        )
    return np.asarray(picture, np.uint8)


def is_picture(path: Path) -> bool:
    """Whether ``path`` is a picture by its first bytes, of a kind that is read here."""
    try:
        with opened(path):
            return True
    except PixelLimitError:
        return True
    except InputError:
        return False


class NotAPictureError(InputError):
    """Pillow knows no picture in it."""


@contextmanager
def opened(path: Path, data: bytes | None = None, max_pixels: int = MAX_PIXELS) -> Iterator[Image.Image]:
    """``path``, or ``data`` out of it, opened by Pillow, which has read no more than the header.

    Whatever Pillow raises or warns of is an ``InputError``: ``NotAPictureError`` for something else,
    ``PixelLimitError`` for a picture of more than ``max_pixels``.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path if data is None else BytesIO(data), formats=tuple(_FORMATS)) as image:
                check_pixels(path, *image.size, max_pixels)
                yield image
    except Image.DecompressionBombError as error:
        most = 2 * (Image.MAX_IMAGE_PIXELS or 0)
        raise too_many_pixels(path, f"more than {most:,}", min(most, max_pixels)) from error
    except UnidentifiedImageError as error:
        raise NotAPictureError(f"{path}: not a picture that can be read (another kind of file, or damaged)") from error
    except _REFUSED as error:
        raise InputError(f"{path}: the picture is damaged or cut short: {error}") from error


@contextmanager
def quiet() -> Iterator[None]:
    """Keep OpenCV from saying on stderr what our errors say better; for the whole process, so once around a job."""
    before = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(before)
