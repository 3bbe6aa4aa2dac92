"""Live sinks by address."""

from collections.abc import Iterable
from pathlib import Path

from realtime.live.address import file_of, scheme_of
from realtime.live.settings import SinkSettings
from realtime.live.sink import LiveSink
from realtime.live.sinks.file import Recording, check_recording
from realtime.live.sinks.null import NullSink
from realtime.live.sinks.stream import SCHEMES, StreamSink
from realtime.live.sinks.virtualcam import VirtualCamera
from realtime.live.sinks.whip import WhipSink
from realtime.marking.provenance.sign import sidecar_of
from realtime.runtime.errors import OutputError, UsageError
from realtime.runtime.redaction import shown

__all__ = ["SinkOpener", "open_sink"]


class SinkOpener:
    """Makes the sink of an address (``OpenSink``), and remembers which files it wrote already.

    A recording never takes the place of a file that was there before, unless ``force`` says so, and never of one that
    is ``read`` in this run; one that has to begin again, after a full disk say, goes on in another file beside the
    first.
    """

    def __init__(self, force: bool = False, read: Iterable[Path] = ()) -> None:
        self._force, self._read = force, tuple(read)
        self._written: dict[str, Path] = {}

    def __call__(self, address: str, settings: SinkSettings) -> LiveSink:
        """Raises ``UsageError`` or ``OutputError`` for an address that makes no sense or cannot be used."""
        if file_of(address) is not None:
            return self._recording(address, settings)
        scheme = scheme_of(address)
        if scheme == "null":
            return NullSink(address, settings)
        if scheme == "virtualcam":
            return VirtualCamera(address, settings)
        if scheme == "whip":
            return WhipSink(address, settings)
        if scheme in SCHEMES:
            return StreamSink(address, settings)
        known = ", ".join(f"{name}://" for name in SCHEMES)
        raise UsageError(
            f"{shown(address)}: no way to send there; use virtualcam, a file, null:, {known}, whip:https://"
        )

    def _recording(self, address: str, settings: SinkSettings) -> Recording:
        """The first for this address is checked; those that come after it have a number."""
        path = Path(address)
        if address not in self._written:
            for other, written in self._written.items():
                if _same(path, written):
                    raise OutputError(f"{path}: is written to already, as {other}; give another name")
            check_recording(path, self._read, self._force)
            recording = Recording(path, settings, self._force)
            self._written[address] = path
            return recording
        number, free = 2, path
        while free.exists() or sidecar_of(free).exists():
            free, number = path.with_stem(f"{path.stem}-{number}"), number + 1
        return Recording(free, settings)


def _same(one: Path, other: Path) -> bool:
    """Whether both name one file, be it there already or not."""
    return one.resolve() == other.resolve() or (one.exists() and other.exists() and one.samefile(other))


def open_sink(address: str, settings: SinkSettings) -> LiveSink:
    """The sink of that address. Raises ``UsageError`` for one that makes no sense."""
    return SinkOpener()(address, settings)
