"""What is taken for a picture: an array, a PIL image, or the path of a picture file."""

import sys
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np

from realtime.media.picture import read_picture
from realtime.runtime.arrays import Bytes
from realtime.runtime.errors import InputError

if TYPE_CHECKING:
    from PIL.Image import Image

    Picture: TypeAlias = Bytes | Image | str | PathLike[str]

__all__ = ["as_rgb"]

#: PIL's modes whose samples are 0..255, so that their way to RGB loses no light.
_MODES: Final = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "HSV"})


def as_rgb(picture: "Picture") -> Bytes:
    """``picture`` as uint8 (H, W, 3) RGB, upright as its EXIF data says; alpha is left out.

    An array is passed on as it is. Raises ``InputError`` for a file that is no picture, and for what is none of these.
    """
    if isinstance(picture, np.ndarray):
        return picture
    if isinstance(picture, str | PathLike):
        return read_picture(Path(picture))
    image = sys.modules.get("PIL.Image")  # whoever has a PIL image has loaded this
    if image is not None and isinstance(picture, image.Image):
        if picture.mode not in _MODES:
            raise InputError(f"a PIL image of mode {picture.mode}: convert it to RGB with 8 bits a channel first")
        from PIL import ImageOps

        return np.asarray(ImageOps.exif_transpose(picture).convert("RGB"), np.uint8)
    raise InputError(
        f"{type(picture).__name__} is no picture: give an array of uint8 (height, width, 3) RGB, a PIL image, or a path"
    )
