"""Addresses of sources and sinks: what names a device, a stream or a file."""

import re
from pathlib import Path
from threading import Lock
from typing import Final

from realtime.runtime.errors import UsageError
from realtime.runtime.redaction import HIDDEN, shown

__all__ = ["Names", "file_of", "scheme_of", "waits_for_senders"]

#: What stands before the first colon of an address that is no file. One letter is a drive of Windows.
_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")
#: Cameras by number or device file.
_CAMERA: Final = re.compile(r"\d+|/dev/video\d+")

_LISTENS: Final = re.compile(r"[?&](listen=1|mode=listener)(&|$)")


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


def waits_for_senders(address: str) -> bool:
    """Whether a source at ``address`` asks nobody, and only waits until somebody sends."""
    return scheme_of(address) == "udp" or _LISTENS.search(address) is not None


class Names:
    """What addresses are called where anybody may look: without their secrets, and no two alike. One keeps its name.

    Whoever was told a name may give it in the place of the address. From any thread.
    """

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._lock = Lock()

    def of(self, address: str) -> str:
        """The name of ``address``: as it is shown, with a number where another one looks the same."""
        with self._lock:
            if address not in self._names:
                alike = sum(shown(other) == shown(address) for other in self._names)
                self._names[address] = f"{shown(address)} ({alike + 1})" if alike else shown(address)
            return self._names[address]

    def address(self, given: str) -> str:
        """The address that is called ``given``, or is it. Raises ``UsageError`` for a name that nobody was told."""
        with self._lock:
            for address, name in self._names.items():
                if given == name:
                    return address
        if HIDDEN in given and scheme_of(given):
            raise UsageError(f"{given}: shown without its secrets; give the address in full")
        return given
