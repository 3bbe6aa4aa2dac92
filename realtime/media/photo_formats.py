"""Which formats there are for still pictures that are written, and what each can hold."""

from dataclasses import dataclass
from typing import Final

__all__ = ["PHOTOS", "PhotoFormat"]


@dataclass(frozen=True, slots=True)
class PhotoFormat:
    """A file format and what it can hold. ``name`` is Pillow's; ``side`` is the longest side in pixels."""

    name: str
    deep: bool = False
    alpha: bool = True
    grey: bool = True
    metadata: bool = True
    side: int = 65535


#: By suffix.
PHOTOS: Final = {
    ".jpg": (_JPEG := PhotoFormat("JPEG", alpha=False)),
    ".jpeg": _JPEG,
    ".png": PhotoFormat("PNG", deep=True),
    ".webp": PhotoFormat("WEBP", grey=False, side=16383),
    ".tif": (_TIFF := PhotoFormat("TIFF", deep=True)),
    ".tiff": _TIFF,
    ".avif": PhotoFormat("AVIF", grey=False),
    ".bmp": PhotoFormat("BMP", alpha=False, metadata=False),
}
