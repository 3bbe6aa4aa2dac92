"""Pictures beyond a stated size are refused before memory is taken for them: a header costs nothing to write."""

from typing import TYPE_CHECKING, Final

from realtime.runtime.errors import InputError
from realtime.settings import LARGEST_PICTURE

if TYPE_CHECKING:
    from pathlib import Path

    from av.video.stream import VideoStream

__all__ = ["MAX_PIXELS", "PixelLimitError", "check_pixels", "decoder_options", "limit_pixels", "too_many_pixels"]

#: What a picture may have where nothing else is asked for.
MAX_PIXELS: Final = LARGEST_PICTURE


class PixelLimitError(InputError):
    """A picture is larger than what is decoded."""


def too_many_pixels(name: "Path | str", what: str, max_pixels: int) -> PixelLimitError:
    """The error for pictures of ``name`` that have ``what``, as in "16000x16000", and so more than ``max_pixels``."""
    return PixelLimitError(
        f"{name}: a picture of {what} pixels, and no more than {max_pixels:,} are decoded;"
        " scale it down, or allow more (convert, faces: --max-pixels)"
    )


def check_pixels(name: "Path | str", width: int, height: int, max_pixels: int = MAX_PIXELS) -> None:
    """Raise ``PixelLimitError`` where pictures of this size are not to be decoded."""
    if width * height > max_pixels:
        raise too_many_pixels(name, f"{width}x{height}", max_pixels)


def limit_pixels(name: "Path | str", video: "VideoStream", max_pixels: int = MAX_PIXELS) -> None:
    """Let the decoder of ``video``, which is not open yet, refuse larger pictures, whenever they come.

    Raises ``PixelLimitError`` where the stream says already that they are larger.
    """
    context = video.codec_context
    check_pixels(name, context.width, context.height, max_pixels)
    context.options = {**context.options, **decoder_options(max_pixels)}


def decoder_options(max_pixels: int = MAX_PIXELS) -> dict[str, str]:
    """FFmpeg's option for the same, a little above: it counts what decoders pad. It is for the opening of files too."""
    return {"max_pixels": str(min(max_pixels + _PADDING, 2**31 - 1))}


#: Pixels that blocks of up to 128 add to the width and to the height of pictures, of which neither is above 65536.
_PADDING: Final = 2 * 128 * 65536
