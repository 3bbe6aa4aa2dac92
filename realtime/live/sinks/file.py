"""A recording: a file that can be played at any moment, whatever ends it."""

from pathlib import Path

import av

from realtime.live.settings import SinkSettings
from realtime.live.sink import StreamFormat
from realtime.live.sinks.live_muxer import LiveMuxer, check_codec
from realtime.live.source import Sound
from realtime.media.containers import CONTAINERS, container_for
from realtime.media.frame import Frame
from realtime.runtime.errors import OutputError, reason

__all__ = ["Recording", "check_recording"]


def check_recording(path: Path, force: bool) -> None:
    """Raise ``OutputError`` where ``path`` cannot become a file that survives a crash."""
    kind = CONTAINERS.get(path.suffix.lower())
    if kind is None or kind.growing is None:
        known = ", ".join(suffix for suffix, row in CONTAINERS.items() if row.growing is not None)
        raise OutputError(f"{path}: no kind of file that survives a crash; use one of {known}")
    if path.is_dir():
        raise OutputError(f"{path}: a folder; give the name of the file to write")
    if not path.absolute().parent.is_dir():
        raise OutputError(f"{path}: the folder {path.parent} does not exist; make it first")
    if path.exists() and not force:
        raise OutputError(f"{path}: exists already; use --force to replace it")


class Recording:
    """A video file that grows by whole fragments: killed at any moment, it plays up to the last of them.

    ``settings.on_finished`` is called with the path once a file with frames is closed in good order, for signing it.
    ``silence`` says after that how many seconds of sound were missing, and are silent.
    """

    def __init__(self, path: Path, settings: SinkSettings) -> None:
        check_codec(settings)
        self.path = path
        self.silence = 0.0
        self._settings = settings
        self._muxer: LiveMuxer | None = None

    def open(self, shape: StreamFormat) -> None:
        """Create the file; an existing one is replaced, so whoever makes this has checked that."""
        kind = container_for(self.path)
        try:
            container = av.open(str(self.path.absolute()), "w", format=kind.muxer, container_options=kind.growing)
            live_muxer = LiveMuxer(container, str(self.path), shape, self._settings, instant=False)
            container.start_encoding()
        except (av.error.FFmpegError, OSError, ValueError) as error:
            words = reason(error) if isinstance(error, av.error.FFmpegError | OSError) else str(error)
            raise OutputError(f"{self.path}: cannot be written: {words}") from error
        self._muxer = live_muxer

    def write(self, frame: Frame) -> None:
        """Append a frame, and the sound up to it."""
        assert self._muxer is not None  # noqa: S101  # opened before
        self._muxer.write(frame)

    def write_sound(self, sound: Sound) -> None:
        """Take sound in, for when its picture comes."""
        assert self._muxer is not None  # noqa: S101  # opened before
        self._muxer.write_sound(sound)

    def close(self) -> None:
        """Make it an ordinary file, and let it be signed."""
        muxer, self._muxer = self._muxer, None
        if muxer is None:
            return
        muxer.finish()
        self.silence = muxer.silence
        if self._settings.on_finished is not None and muxer.begun:
            self._settings.on_finished(self.path)

    def abort(self) -> None:
        """Writing to a file does not block for long."""
