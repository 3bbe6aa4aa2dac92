"""Still pictures written: what the format can hold, and the bytes."""

import struct
import zlib
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from PIL import ExifTags, Image, PngImagePlugin, TiffImagePlugin, features

from realtime.media.colorspace import Codes
from realtime.media.photo_formats import PHOTOS, PhotoFormat
from realtime.media.photo_metadata import NO_METADATA
from realtime.media.still import Still
from realtime.runtime.errors import OutputError

__all__ = ["encode_still", "fitted", "is_lossless", "photo_format"]


#: Where a JPEG or a WebP was none before: hardly to be told from the original.
_QUALITY: Final = 95
_AVIF_QUALITY: Final = 90

_WHITE: Final = 1.0
_INCH: Final = 0.0254  # metres


def photo_format(path: Path) -> PhotoFormat:
    """The format for the suffix of ``path``. Raises ``OutputError`` where there is none, or this machine lacks it."""
    form = PHOTOS.get(path.suffix.lower())
    if form is None:
        raise OutputError(f"{path}: not a kind of picture that is written; use one of {' '.join(PHOTOS)}")
    if form.name == "AVIF" and not features.check("avif"):
        raise OutputError(f"{path}: Pillow was built without AVIF here; use .webp or .png")
    return form


def is_lossless(still: Still, form: PhotoFormat) -> bool:
    """Whether every sample comes back as it was written: WebP is lossless where the original was."""
    return form.name in ("PNG", "TIFF", "BMP") or (form.name == "WEBP" and still.lossless)


def fitted(still: Still, path: Path) -> Still:
    """``still`` as far as the format of ``path`` holds it, with warnings about what it does not.

    Raises ``OutputError`` where the picture is larger than the format can say.
    """
    form = photo_format(path)
    height, width = still.samples.shape[:2]
    if max(width, height) > form.side:
        raise OutputError(f"{path}: {width} x {height} is more than {form.name} holds; use .png or .tif")
    told = list(still.warnings)
    samples, alpha, metadata = still.samples, still.alpha, still.metadata
    if samples.dtype == np.uint16 and not form.deep:
        told.append(f"{form.name} holds 8 bits a sample: reduced from 16")
        samples, alpha = _shallow(samples), None if alpha is None else _shallow(alpha)
    if alpha is not None and not form.alpha:
        told.append(f"{form.name} holds no transparency: put on white")
        samples, alpha = _on_white(samples, alpha), None
    # Hardly a program reads grey with transparency of 16 bits.
    if samples.ndim == 2 and (not form.grey or (alpha is not None and samples.dtype == np.uint16)):
        samples = np.repeat(samples[:, :, None], 3, axis=2)
    # A profile for other components than these would be read as damage.
    if metadata.icc is not None and metadata.icc[16:20] != (b"GRAY" if samples.ndim == 2 else b"RGB "):
        metadata = replace(metadata, icc=None)
    if not form.metadata:
        if names := metadata.names():
            told.append(f"{form.name} holds no metadata: {', '.join(names)} left out")
        metadata = replace(NO_METADATA, dpi=metadata.dpi)
    return replace(still, samples=samples, alpha=alpha, metadata=metadata, warnings=told)


def encode_still(still: Still, path: Path) -> bytes:
    """The file of a picture that was ``fitted`` to ``path``. Raises ``OutputError``."""
    form = photo_format(path)
    still = _with_size(still)
    try:
        if form.name == "TIFF":
            return _tiff(still)
        if still.samples.dtype == np.uint16:
            return _deep_png(still)
        out = BytesIO()
        _image(still).save(out, form.name, **_settings(still, form))
    except (OSError, ValueError, struct.error, cv2.error) as error:
        raise OutputError(f"{path}: cannot be encoded as {form.name}: {error}") from error
    return out.getvalue()


def _with_size(still: Still) -> Still:
    """With the size in EXIF that the picture has (it may have been turned), and its resolution for want of another."""
    exif, dpi = still.metadata.exif or Image.Exif(), still.metadata.dpi
    if still.metadata.exif is None and dpi is None:
        return still
    details = exif.get_ifd(ExifTags.IFD.Exif)
    height, width = still.samples.shape[:2]
    for tag, size in ((ExifTags.Base.ExifImageWidth, width), (ExifTags.Base.ExifImageHeight, height)):
        if tag in details:
            details[tag] = size
    if dpi is not None:
        exif[ExifTags.Base.XResolution], exif[ExifTags.Base.YResolution] = dpi
        exif[ExifTags.Base.ResolutionUnit] = 2  # inches
    return replace(still, metadata=replace(still.metadata, exif=exif))


def _image(still: Still) -> Image.Image:
    if still.alpha is None:
        return Image.fromarray(still.samples)
    return Image.fromarray(np.dstack([still.samples, still.alpha]), "LA" if still.samples.ndim == 2 else "RGBA")


def _settings(still: Still, form: PhotoFormat) -> dict[str, Any]:
    """What Pillow is told for formats that it writes itself."""
    metadata = still.metadata
    given: dict[str, Any] = {
        "exif": metadata.exif, "icc_profile": metadata.icc, "xmp": metadata.xmp, "dpi": metadata.dpi,
    }  # fmt: skip
    settings = {name: value for name, value in given.items() if value is not None}
    if form.name == "JPEG":
        return settings | _jpeg(still)
    if form.name == "WEBP":
        return settings | {"lossless": still.lossless, "exact": True, "quality": 80 if still.lossless else _QUALITY}
    if form.name == "AVIF":
        return settings | {"quality": _AVIF_QUALITY, "subsampling": "4:4:4"}
    if form.name == "PNG" and metadata.xmp is not None:
        text = PngImagePlugin.PngInfo()
        text.add_itxt(_XMP_KEYWORD, metadata.xmp.decode())
        return settings | {"pnginfo": text}
    return settings


def _jpeg(still: Still) -> dict[str, Any]:
    """As coarse as the JPEG that it comes from: then what was not changed hardly changes once more."""
    coding = still.jpeg
    grey = still.samples.ndim == 2
    if coding is None or grey is not (len(coding.tables) == 1) or (coding.sampling < 0 and not grey):
        return {"quality": _QUALITY, "subsampling": 0, "optimize": True}
    sampling = {} if grey else {"subsampling": coding.sampling}
    return {"qtables": coding.tables, "progressive": coding.progressive} | sampling


def _shallow(samples: Codes) -> Codes:
    return ((samples.astype(np.uint32) + 128) // 257).astype(np.uint8)


def _on_white(samples: Codes, alpha: Codes) -> Codes:
    top = np.iinfo(samples.dtype).max
    share = (alpha.astype(np.float32) / top)[(...,) + (None,) * (samples.ndim - 2)]
    return np.rint(samples * share + top * (_WHITE - share)).astype(samples.dtype)


# PNG with 16 bits a sample: pixels by OpenCV, which writes no metadata, so its chunks are put in behind the header

_XMP_KEYWORD: Final = "XML:com.adobe.xmp"
_HEADER: Final = 33  # bytes of the signature and the first chunk


def _deep_png(still: Still) -> bytes:
    samples, alpha = still.samples, still.alpha
    if samples.ndim == 3:
        samples = samples[..., ::-1]  # OpenCV has blue first
    if alpha is not None:
        samples = np.dstack([samples, alpha])
    written, data = cv2.imencode(".png", np.ascontiguousarray(samples))
    if not written:
        raise ValueError("OpenCV cannot encode it")
    png, chunks, metadata = data.tobytes(), BytesIO(), still.metadata
    if metadata.icc is not None:
        PngImagePlugin.putchunk(chunks, b"iCCP", b"ICC Profile\0\0" + zlib.compress(metadata.icc))
    if metadata.dpi is not None:
        across, down = (round(value / _INCH) for value in metadata.dpi)
        PngImagePlugin.putchunk(chunks, b"pHYs", struct.pack(">IIB", across, down, 1))
    if metadata.exif is not None:
        PngImagePlugin.putchunk(chunks, b"eXIf", metadata.exif.tobytes().removeprefix(b"Exif\0\0"))
    if metadata.xmp is not None:
        PngImagePlugin.putchunk(chunks, b"iTXt", _XMP_KEYWORD.encode() + b"\0\0\0\0\0" + metadata.xmp)
    return png[:_HEADER] + chunks.getvalue() + png[_HEADER:]


# TIFF: Pillow writes no 16-bit RGB, but the directory (TIFF 6.0) around any samples

_DEFLATE, _DIFFERENCES, _STRAIGHT_ALPHA = 8, 2, 2


def _tiff(still: Still) -> bytes:
    planes = still.samples if still.alpha is None else np.dstack([still.samples, still.alpha])
    height, width = planes.shape[:2]
    planes = planes.reshape(height, width, -1)
    count, metadata, tags = planes.shape[2], still.metadata, TiffImagePlugin
    differences = np.diff(planes, axis=1, prepend=planes.dtype.type(0))  # modulo 2^8 or 2^16, as the format has it
    strip = zlib.compress(differences.astype(planes.dtype.newbyteorder("<")).tobytes())
    directory = tags.ImageFileDirectory_v2()
    if metadata.exif is not None:
        for tag, value in metadata.exif.items():
            directory[tag] = value
        for part in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo):
            if values := metadata.exif.get_ifd(part):
                directory[part] = dict(values)
    directory[tags.IMAGEWIDTH], directory[tags.IMAGELENGTH] = width, height
    directory[tags.BITSPERSAMPLE] = (8 * planes.itemsize,) * count
    directory[tags.COMPRESSION], directory[tags.PREDICTOR] = _DEFLATE, _DIFFERENCES
    directory[tags.PHOTOMETRIC_INTERPRETATION] = 1 if count < 3 else 2
    directory[tags.SAMPLESPERPIXEL], directory[tags.PLANAR_CONFIGURATION] = count, 1
    directory[tags.ROWSPERSTRIP], directory[tags.STRIPBYTECOUNTS] = height, len(strip)
    directory[tags.STRIPOFFSETS] = 0  # counted from the directory's end, where the library puts it
    if still.alpha is not None:
        directory[tags.EXTRASAMPLES] = _STRAIGHT_ALPHA
    for tag, kind, data in ((700, 1, metadata.xmp), (tags.ICCPROFILE, 7, metadata.icc)):
        if data is not None:
            directory[tag], directory.tagtype[tag] = data, kind
    out = BytesIO()
    directory.save(out)
    return out.getvalue() + strip
