"""Live sources by address."""

from realtime.live.address import file_of, scheme_of
from realtime.live.settings import SourceSettings
from realtime.live.source import LiveSource
from realtime.live.sources.camera import Camera
from realtime.live.sources.file import PacedFile
from realtime.live.sources.microphone import WithMicrophone
from realtime.live.sources.stream import SCHEMES, StreamSource
from realtime.live.sources.test_source import SyntheticSource
from realtime.live.sources.whep import WhepSource
from realtime.runtime.errors import UsageError
from realtime.runtime.redaction import shown

__all__ = ["open_source"]


def open_source(address: str, settings: SourceSettings) -> LiveSource:
    """The source of that address. Raises ``UsageError`` for one that makes no sense."""
    source = _open(address, settings)
    return source if settings.audio is None else WithMicrophone(source, settings.audio)


def _open(address: str, settings: SourceSettings) -> LiveSource:
    if (path := file_of(address)) is not None:
        return PacedFile(path, settings)
    match scheme_of(address):
        case "" | "camera":
            return Camera(address, settings)
        case "test":
            return SyntheticSource(address, settings)
        case "whep":
            return WhepSource(address, settings)
        case scheme if scheme in SCHEMES:
            return StreamSource(address, settings)
    known = ", ".join(f"{name}://" for name in SCHEMES)
    raise UsageError(
        f"{shown(address)}: no way to read that; use a camera's number, a file, test:, {known}, whep:https://"
    )
