"""Addresses of sources and sinks: what names a device, a stream or a file."""

import re
from pathlib import Path
from typing import Final

__all__ = ["file_of", "scheme_of"]

#: What stands before the first colon of an address that is no file. One letter is a drive of Windows.
_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")
#: Cameras by number or device file.
_CAMERA: Final = re.compile(r"\d+|/dev/video\d+")


def scheme_of(address: str) -> str:
    """``rtsp`` of ``rtsp://...``, ``test`` of ``test:``; nothing for cameras and files."""
    if address == "virtualcam":
        return address
    match = _SCHEME.match(address)
    return match[1].lower() if match else ""


def file_of(address: str) -> Path | None:
    """The file that ``address`` names; None for cameras, and for what has a scheme."""
    if scheme_of(address) or _CAMERA.fullmatch(address):
        return None
    return Path(address)
