"""What a photograph says of itself: EXIF, ICC profile, XMP and resolution, without anything that shows it as it was.

A camera keeps small copies of the picture in many places: the second EXIF directory, the maker's notes, XMP. They show
the face that was there, so nothing of them goes into an output; nor does what tells how to turn a picture that is
stored upright.
"""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from PIL import ExifTags, Image

from realtime.media import xmp

__all__ = ["NO_METADATA", "PhotoMetadata", "orientation_of", "read_metadata"]

_Base, _IFD = ExifTags.Base, ExifTags.IFD

#: What is kept of the first EXIF directory; in a TIFF the rest of it is the picture's own layout.
_KEPT: Final = frozenset({
    _Base.ImageDescription, _Base.Make, _Base.Model, _Base.XResolution, _Base.YResolution, _Base.ResolutionUnit,
    _Base.Software, _Base.DateTime, _Base.Artist, _Base.HostComputer, _Base.Rating, _Base.RatingPercent,
    _Base.Copyright, _Base.XPTitle, _Base.XPComment, _Base.XPAuthor, _Base.XPKeywords, _Base.XPSubject,
})  # fmt: skip

#: What is left out of the others: the maker's notes hold previews, and the last points to a directory of its own.
_LEFT_OUT: Final = frozenset({_Base.MakerNote, _Base.ExifInteroperabilityOffset})

#: Bytes of binary data that may be a picture; no value of EXIF that is not one needs more.
_PICTURE: Final = 1024

#: Whatever hostile EXIF data makes the library stumble over.
_DAMAGE: Final = (
    struct.error, ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, ZeroDivisionError,
    OSError, SyntaxError, EOFError,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class PhotoMetadata:
    """What goes from a photograph into its successor; each is None where there is none.

    ``exif`` has no turn, no thumbnail and no maker's notes, ``icc`` is a profile for RGB or grey, ``xmp`` a packet
    without pictures, ``dpi`` the resolution in dots an inch across and down.
    """

    exif: Image.Exif | None = None
    icc: bytes | None = None
    xmp: bytes | None = None
    dpi: tuple[float, float] | None = None

    def names(self) -> list[str]:
        """What there is, in words."""
        parts = {"EXIF data": self.exif, "a colour profile": self.icc, "XMP": self.xmp}
        return [name for name, part in parts.items() if part is not None]


NO_METADATA: Final = PhotoMetadata()


def orientation_of(image: Image.Image) -> int:
    """EXIF's number (1 to 8) for how a stored picture is to be turned and mirrored; 1 where nothing is to be done."""
    try:
        number = int(image.getexif().get(_Base.Orientation, 1))
    except _DAMAGE:
        return 1
    return number if 1 <= number <= 8 else 1


def read_metadata(image: Image.Image, warnings: list[str]) -> PhotoMetadata:
    """What an opened picture says of itself; what had to be left out is added to ``warnings``."""
    packet = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp")
    if isinstance(packet, str):
        packet = packet.encode()
    kept = xmp.cleaned(packet) if isinstance(packet, bytes) and packet else None
    if packet and kept is None:
        warnings.append("its XMP is damaged: left out")
    return PhotoMetadata(_exif(image, warnings), _icc(image), kept, _dpi(image))


def _exif(image: Image.Image, warnings: list[str]) -> Image.Exif | None:
    try:
        read = image.getexif()
        kept = Image.Exif()
        for tag, value in _plain(read.items()):
            if tag in _KEPT:
                kept[tag] = value
        for directory in (_IFD.Exif, _IFD.GPSInfo):
            if values := dict(_plain(read.get_ifd(directory).items())):
                kept.get_ifd(directory).update(values)
        kept.tobytes()  # what cannot be written again is known now
    except _DAMAGE:
        warnings.append("its EXIF data is damaged: left out")
        return None
    return kept if len(kept) or kept.get_ifd(_IFD.Exif) or kept.get_ifd(_IFD.GPSInfo) else None


def _plain(items: Iterable[tuple[int, object]]) -> Iterator[tuple[int, object]]:
    """The entries that cannot hold a picture."""
    for tag, value in items:
        long = isinstance(value, bytes | tuple) and len(value) > _PICTURE
        if tag not in _LEFT_OUT and not long and not isinstance(value, dict):
            yield tag, value


def _icc(image: Image.Image) -> bytes | None:
    profile = image.info.get("icc_profile")
    return profile if isinstance(profile, bytes) and len(profile) >= 128 else None


def _dpi(image: Image.Image) -> tuple[float, float] | None:
    try:
        across, down = (float(value) for value in image.info["dpi"])
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    return (across, down) if 1 < across <= 65535 and 1 < down <= 65535 else None
