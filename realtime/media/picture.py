"""Still pictures from disk."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import cv2
import numpy as np

from realtime.media.pixel_limit import MAX_PIXELS, PixelLimitError, check_pixels, too_many_pixels
from realtime.runtime.arrays import Bytes
from realtime.runtime.errors import InputError, reason

if TYPE_CHECKING:
    from PIL import Image

__all__ = [
    "PICTURES", "Kind", "NotAPictureError", "decode_picture", "is_picture", "kind_of", "opened", "quiet", "read_bytes",
    "read_picture",
]  # fmt: skip

#: Suffixes of still pictures; everything else is opened as a video.
PICTURES: Final = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"})

#: A picture alone, one that moves, or something else (a video, or nothing known).
Kind: TypeAlias = Literal["still", "animated", "other"]

#: What is opened at all, by Pillow's names; everything else is no picture to us.
_FORMATS: Final = ("JPEG", "PNG", "WEBP", "TIFF", "AVIF", "BMP", "GIF")
#: How files of these begin, and at which byte: Pillow is not even loaded for others.
_BEGINNINGS: Final = {
    0: (b"\xff\xd8\xff", b"\x89PNG", b"II", b"MM", b"BM", b"GIF8"),
    8: (b"WEBP", b"avif", b"avis", b"mif1", b"msf1"),
}
_BEGINNING: Final = 16  # bytes
#: Formats whose further pictures are shown after each other; those of the others stand beside the first one.
_MOVING: Final = frozenset({"GIF", "WEBP", "PNG", "AVIF"})

_ANOTHER: Final = "not a picture that can be read (another kind of file, or damaged)"
_DAMAGED: Final = "the picture is damaged or cut short"

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


def kind_of(path: Path, max_pixels: int = MAX_PIXELS) -> Kind:
    """What ``path`` holds, by its first bytes and not by its name. Raises ``InputError`` where it cannot be read."""
    try:
        with opened(path, max_pixels=max_pixels) as image:
            frames = getattr(image, "n_frames", 1)
            return "animated" if frames > 1 and image.format in _MOVING else "still"
    except NotAPictureError:
        return "other"


class NotAPictureError(InputError):
    """Pillow knows no picture in it."""


@contextmanager
def opened(path: Path, data: bytes | None = None, max_pixels: int = MAX_PIXELS) -> Iterator["Image.Image"]:
    """``path``, or ``data`` out of it, opened by Pillow, which has read no more than the header.

    Whatever Pillow raises or warns of is an ``InputError``: ``NotAPictureError`` for something else,
    ``PixelLimitError`` for a picture of more than ``max_pixels``.
    """
    if not _begins_like_one(path, data):
        raise NotAPictureError(f"{path}: {_ANOTHER}")
    from PIL import Image, UnidentifiedImageError

    _load_readers()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path if data is None else BytesIO(data), formats=_FORMATS) as image:
                check_pixels(path, *image.size, max_pixels)
                yield image
    except Image.DecompressionBombError as error:
        most = 2 * (Image.MAX_IMAGE_PIXELS or 0)
        raise too_many_pixels(path, f"more than {most:,}", min(most, max_pixels)) from error
    except UnidentifiedImageError as error:
        raise NotAPictureError(f"{path}: {_ANOTHER}") from error
    except _REFUSED as error:
        raise InputError(f"{path}: {_DAMAGED}: {error}") from error


def _begins_like_one(path: Path, data: bytes | None) -> bool:
    try:
        with path.open("rb") if data is None else BytesIO(data) as file:
            head = file.read(_BEGINNING)
    except OSError as error:
        raise InputError(f"{path}: {_DAMAGED}: {error}") from error
    return any(head.startswith(beginnings, at) for at, beginnings in _BEGINNINGS.items())


def _load_readers() -> None:
    """Only those for ``_FORMATS``: Pillow's others, some forty, are not even loaded."""
    from PIL import (  # noqa: F401  # each says to Pillow what it reads
        AvifImagePlugin,
        BmpImagePlugin,
        GifImagePlugin,
        JpegImagePlugin,
        PngImagePlugin,
        TiffImagePlugin,
        WebPImagePlugin,
    )


@contextmanager
def quiet() -> Iterator[None]:
    """Keep OpenCV from saying on stderr what our errors say better; for the whole process, so once around a job."""
    before = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(before)
