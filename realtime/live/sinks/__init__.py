"""Live sinks by address."""

from pathlib import Path

from realtime.live.address import file_of, scheme_of
from realtime.live.settings import SinkSettings
from realtime.live.sink import LiveSink
from realtime.live.sinks.file import Recording, check_recording
from realtime.live.sinks.null import NullSink
from realtime.live.sinks.stream import SCHEMES, StreamSink
from realtime.live.sinks.virtualcam import VirtualCamera
from realtime.runtime.errors import UsageError
from realtime.runtime.redaction import shown

__all__ = ["SinkOpener", "open_sink"]


class SinkOpener:
    """Makes the sink of an address (``OpenSink``), and remembers which files it wrote already.

    A recording never takes the place of a file that was there before, unless ``force`` says so; one that has to begin
    again in the same run, after a full disk say, goes on in another file beside the first.
    """

    def __init__(self, force: bool = False) -> None:
        self._force = force
        self._written: set[Path] = set()

    def __call__(self, address: str, settings: SinkSettings) -> LiveSink:
        """Raises ``UsageError`` or ``OutputError`` for an address that makes no sense or cannot be used."""
        if file_of(address) is not None:
            return Recording(self._free(address), settings)
        scheme = scheme_of(address)
        if scheme == "null":
            return NullSink(address, settings)
        if scheme == "virtualcam":
            return VirtualCamera(address, settings)
        if scheme in SCHEMES:
            return StreamSink(address, settings)
        known = ", ".join(f"{name}://" for name in SCHEMES)
        raise UsageError(f"{shown(address)}: no way to send there; use virtualcam, a file, null:, {known}")

    def _free(self, address: str) -> Path:
        """The path to write to. Checked the first time only: later on, opening says what is wrong."""
        path = Path(address)
        if path not in self._written:
            check_recording(path, self._force)
            self._written.add(path)
            return path
        number, other = 2, path
        while other.exists():
            other, number = path.with_stem(f"{path.stem}-{number}"), number + 1
        return other


def open_sink(address: str, settings: SinkSettings) -> LiveSink:
    """The sink of that address. Raises ``UsageError`` for one that makes no sense."""
    return SinkOpener()(address, settings)
