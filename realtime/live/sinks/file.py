"""A recording: a file that can be played at any moment, whatever ends it."""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

import av

from realtime.live.settings import SinkSettings
from realtime.live.sink import CLOCK, StreamFormat
from realtime.live.sinks.live_muxer import LiveMuxer, check_codec
from realtime.live.source import Sound
from realtime.marking.provenance.sign import sidecar_of
from realtime.media.containers import CONTAINERS, container_for
from realtime.media.frame import Frame
from realtime.media.output_checks import check_output
from realtime.runtime.disk_space import RESERVE, check_space
from realtime.runtime.errors import OutputError, reason

__all__ = ["Recording", "check_recording"]

#: Seconds between two looks at the disk, and how many of them it must have room for.
LOOK: Final = 1
ROOM: Final = 8


def check_recording(path: Path, read: Iterable[Path], force: bool) -> None:
    """Raise ``OutputError`` where ``path`` cannot become a file of its own that survives a crash.

    ``read`` are the files that it is made from.
    """
    kind = CONTAINERS.get(path.suffix.lower())
    if kind is None or kind.growing is None:
        known = ", ".join(suffix for suffix, row in CONTAINERS.items() if row.growing is not None)
        raise OutputError(f"{path}: no kind of file that survives a crash; use one of {known}")
    check_output(path, read, force, sidecar_of)
    check_space(path, RESERVE)


class Recording:
    """A video file that grows by whole fragments: killed at any moment, it plays up to the last of them.

    ``settings.on_finished`` is called with the path once a file with frames is closed in good order, for signing it; a
    file without any is removed. It ends before its disk is full. ``silence`` says after the end how many seconds of
    sound were missing, and are silent.
    """

    def __init__(self, path: Path, settings: SinkSettings, replace: bool = False) -> None:
        """``replace`` lets it take the place of a file. Raises ``OutputError`` where the codec does not fit."""
        check_codec(settings, path, container_for(path))
        self.path = path
        self.silence = 0.0
        self._settings, self._replace = settings, replace
        self._muxer: LiveMuxer | None = None
        self._looked_pts = self._size = 0

    @property
    def written(self) -> int:
        """Bytes of the file now."""
        return self._bytes()

    def open(self, shape: StreamFormat) -> None:
        """Create the file. Raises ``OutputError``, and leaves no file then."""
        check_space(self.path, RESERVE)  # more than to go on: it would end at once, again and again
        self._claim()
        kind = container_for(self.path)
        try:
            container = av.open(str(self.path.absolute()), "w", format=kind.muxer, container_options=kind.growing)
            live_muxer = LiveMuxer(container, str(self.path), shape, self._settings, instant=False)
            container.start_encoding()
        except (av.error.FFmpegError, OSError, ValueError) as error:
            words = reason(error) if isinstance(error, av.error.FFmpegError | OSError) else str(error)
            raise OutputError(f"{self.path}: cannot be written: {words}") from error
        else:
            self._muxer = live_muxer
        finally:
            if self._muxer is None and not self._bytes():
                self._remove()

    def write(self, frame: Frame) -> None:
        """Append a frame, and the sound up to it. Raises ``OutputError`` too where the disk is nearly full."""
        assert self._muxer is not None  # noqa: S101  # opened before
        if (frame.pts or 0) - self._looked_pts >= LOOK / CLOCK:
            self._look(frame.pts or 0)
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
        try:
            muxer.finish()
        finally:
            if not muxer.begun or not self._bytes():
                self._remove()
        self.silence = muxer.silence
        if self._settings.on_finished is not None and muxer.begun:
            self._settings.on_finished(self.path)

    def abort(self) -> None:
        """Writing to a file does not block for long."""

    def _claim(self) -> None:
        """Make an empty file, unless one may be replaced: of two that want a name one gets it."""
        if self._replace:
            return
        try:
            os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        except FileExistsError:
            raise OutputError(f"{self.path}: a file of this name appeared meanwhile, and was left alone") from None
        except OSError as error:
            raise OutputError(f"{self.path}: cannot be written: {reason(error)}") from error

    def _look(self, pts: int) -> None:
        """End before the disk is full: at this pace there must be room for a while."""
        size = self._bytes()
        check_space(self.path, max(size - self._size, 0) * ROOM)
        self._looked_pts, self._size = pts, size

    def _bytes(self) -> int:
        try:
            return self.path.stat().st_size
        except OSError:  # somebody took it away
            return 0

    def _remove(self) -> None:
        with suppress(OSError):
            self.path.unlink()
