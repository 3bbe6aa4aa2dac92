"""Live sources by address."""

from pathlib import Path

from realtime.live.source import LiveSource, SourceSettings
from realtime.live.sources.file import PacedFile

__all__ = ["open_source"]


def open_source(address: str, settings: SourceSettings) -> LiveSource:
    """The source of that address. Raises ``UsageError`` for one that makes no sense."""
    return PacedFile(Path(address), settings)
