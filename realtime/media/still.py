"""Still pictures, read with all that belongs to them: samples as deep as they are, transparency, metadata."""

from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import cast

import cv2
import numpy as np
from PIL import Image, ImageCms, JpegImagePlugin, TiffImagePlugin

from realtime.media.colorspace import Codes
from realtime.media.photo_metadata import NO_METADATA, PhotoMetadata, orientation_of, read_metadata
from realtime.media.picture import opened, quiet, read_bytes
from realtime.media.pixel_limit import MAX_PIXELS
from realtime.runtime.errors import InputError

__all__ = ["JpegCoding", "Still", "read_still"]


@dataclass(frozen=True, slots=True)
class JpegCoding:
    """How coarse a JPEG is: its quantisation tables, its chroma sampling (Pillow's number), and its order."""

    tables: dict[int, list[int]]
    sampling: int
    progressive: bool


@dataclass(frozen=True, slots=True)
class Still:
    """A picture as shown.

    ``samples`` are uint8 or uint16, (H, W) grey or (H, W, 3) RGB; ``alpha`` is (H, W) of the same dtype, None where
    all is opaque. ``format`` is Pillow's name, ``lossless`` whether it was stored so, ``jpeg`` how a JPEG was coded.
    ``warnings`` say what of the file is not in here.
    """

    samples: Codes
    alpha: Codes | None
    format: str
    lossless: bool
    metadata: PhotoMetadata = NO_METADATA
    jpeg: JpegCoding | None = None
    warnings: list[str] = field(default_factory=list)


def read_still(path: Path, max_pixels: int = MAX_PIXELS) -> Still:
    """The picture in ``path``, or the first one. Raises ``InputError``."""
    data = read_bytes(path)
    with opened(path, data, max_pixels) as image:
        return _read(path, image, data)


def _read(path: Path, image: Image.Image, data: bytes) -> Still:
    told: list[str] = []
    form = "JPEG" if image.format == "MPO" else str(image.format)
    if (others := getattr(image, "n_frames", 1) - 1) > 0:
        told.append(f"only the first of its {others + 1} pictures was converted, the rest is left out")
    # Of a TIFF both libraries give the pixels turned.
    orientation = 1 if form == "TIFF" else orientation_of(image)
    jpeg = _jpeg_coding(image)
    deep = _is_deep(image, data)
    image.load()
    metadata = read_metadata(image, told)
    lossless = form in ("PNG", "BMP", "GIF", "TIFF") or (form == "WEBP" and data[12:16] == b"VP8L")
    if deep:
        samples, alpha = _deep(path, image, data)
    else:
        samples, alpha = _shallow(path, image, metadata.icc, told)
    turned = None if alpha is None else _turned(alpha, orientation)
    return Still(_turned(samples, orientation), turned, form, lossless, metadata, jpeg, told)


def _jpeg_coding(image: Image.Image) -> JpegCoding | None:
    if not isinstance(image, JpegImagePlugin.JpegImageFile):
        return None
    sampling = JpegImagePlugin.get_sampling(image)
    progressive = bool(image.info.get("progressive"))
    return JpegCoding({key: list(table) for key, table in image.quantization.items()}, sampling, progressive)


# 8 bits a sample


def _shallow(path: Path, image: Image.Image, icc: bytes | None, told: list[str]) -> tuple[Codes, Codes | None]:
    image = _plain(path, image, icc, told)
    samples = np.array(image, np.uint8)
    bands = image.getbands()
    if bands[-1] != "A":
        return samples, None
    colour = samples[..., 0] if bands == ("L", "A") else samples[..., :3]
    return colour, samples[..., -1]


def _plain(path: Path, image: Image.Image, icc: bytes | None, told: list[str]) -> Image.Image:
    """``image`` in one of the modes L, LA, RGB, RGBA. Raises ``InputError`` where that would lose what it says."""
    keyed = "transparency" in image.info  # one colour of it, or some of its palette, is see-through
    if image.mode in ("LA", "RGBA") or (image.mode in ("L", "RGB") and not keyed):
        return image
    if image.mode == "CMYK":
        told.append("CMYK was converted to sRGB")
        return _from_cmyk(image, icc)
    into = {
        "1": "L", "L": "LA", "RGB": "RGBA", "RGBX": "RGB", "La": "LA", "RGBa": "RGBA", "PA": "RGBA", "YCbCr": "RGB",
        "P": "RGBA" if keyed else "RGB",
    }.get(image.mode)  # fmt: skip
    if into is None:
        raise InputError(f"{path}: pictures of the kind {image.mode} are not taken; convert it to RGB or grey first")
    return image.convert(into)


def _from_cmyk(image: Image.Image, icc: bytes | None) -> Image.Image:
    if icc is not None:
        try:
            # Perceptual, as browsers do.
            made = ImageCms.profileToProfile(
                image, ImageCms.ImageCmsProfile(BytesIO(icc)), ImageCms.createProfile("sRGB"), outputMode="RGB"
            )
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            made = None  # a profile that is damaged or none for CMYK: then as if there were none
        if made is not None:
            return made
    return image.convert("RGB")


# 16 bits a sample: Pillow reads the upper eight only, OpenCV all of them


def _is_deep(image: Image.Image, data: bytes) -> bool:
    if image.format == "PNG":
        return data[24] == 16  # the bit depth in the header (ISO/IEC 15948, 11.2.1)
    if not isinstance(image, TiffImagePlugin.TiffImageFile):
        return False
    tags = image.tag_v2
    whole = set(np.atleast_1d(tags.get(TiffImagePlugin.SAMPLEFORMAT, 1)).tolist()) == {1}
    deep = set(np.atleast_1d(tags.get(TiffImagePlugin.BITSPERSAMPLE, 1)).tolist()) == {16}
    return deep and whole and tags.get(TiffImagePlugin.PHOTOMETRIC_INTERPRETATION) in (1, 2)


def _deep(path: Path, image: Image.Image, data: bytes) -> tuple[Codes, Codes | None]:
    with quiet():
        try:
            read = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        except cv2.error:
            read = None
    if read is None or read.dtype != np.uint16:
        raise InputError(f"{path}: its 16-bit samples cannot be read; convert it to a plain 16-bit PNG first")
    samples = cast(Codes, read)
    if samples.ndim == 2:
        return samples, None
    alpha = samples[..., 3] if samples.shape[2] == 4 else None
    grey = image.mode in ("I;16", "LA") or (image.format == "PNG" and data[25] in (0, 4))
    colour = samples[..., 0] if grey else samples[..., 2::-1]  # OpenCV has blue first
    return colour, alpha


def _turned(stored: Codes, orientation: int) -> Codes:
    """A picture (H, W, ...) as EXIF's ``orientation`` (1 to 8) wants it shown."""
    if orientation >= 5:
        stored = stored.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        stored = stored[::-1]
    if orientation in (2, 3, 6, 7):
        stored = stored[:, ::-1]
    return np.ascontiguousarray(stored)
