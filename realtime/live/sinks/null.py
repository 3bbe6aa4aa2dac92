"""The sink that sends nothing: for measuring what comes before it."""

from realtime.live.settings import SinkSettings
from realtime.live.sink import StreamFormat
from realtime.live.source import Sound
from realtime.media.frame import Frame
from realtime.runtime.errors import UsageError

__all__ = ["NullSink"]


class NullSink:
    """Takes everything and keeps nothing; the engine measures when it came."""

    def __init__(self, address: str, settings: SinkSettings) -> None:
        if address != "null:":
            raise UsageError(f"{address}: nothing comes after 'null:'")

    def open(self, shape: StreamFormat) -> None:
        """Nothing is needed."""

    def write(self, frame: Frame) -> None:
        """Forget the frame."""

    def write_sound(self, sound: Sound) -> None:
        """Forget the sound."""

    def close(self) -> None:
        """Nothing is left to do."""

    def abort(self) -> None:
        """Nothing is ever blocked."""
