"""A camera of this machine: v4l2 on Linux, avfoundation on macOS, dshow on Windows."""

import os
import select
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from threading import Event
from time import monotonic_ns
from typing import Final

import av
from av.container import InputContainer

from realtime.devices import v4l2
from realtime.errors import InputError
from realtime.live.source import LiveItem, SourceSettings
from realtime.live.sources.reading import Decoder, packets, video_of
from realtime.source import reason

__all__ = ["Camera"]

#: Seconds until the first picture, and between two.
OPENING: Final = 8.0
READING: Final = 3.0
#: Microseconds by which the kernel's time of a picture may lie behind our clock, and still be of that clock.
_RECENT_NS: Final = 1_000_000_000
#: The number of AVFMT_FLAG_NONBLOCK, which has no name among FFmpeg's options: devices that have nothing say so, and
#: who reads them can be woken up.
_NONBLOCK: Final = "4"


class Camera:
    """A camera by number, by device file, or by name. On Linux its best mode for the wished size and rate is chosen."""

    def __init__(self, address: str, settings: SourceSettings) -> None:
        self.address = address
        self.rate: Fraction | None = None
        self._settings = settings
        self._closed = Event()
        self._wake: int | None = None

    def __iter__(self) -> Iterator[LiveItem]:
        """Raises ``InputError`` where the camera is missing, busy, or unplugged."""
        container = self._open()
        try:
            video = video_of(container, self.address)
            self.rate = self.rate or video.average_rate or video.guessed_rate
            decoder = Decoder(video, _captured)
            while not self._closed.is_set():
                try:
                    for packet in packets(container, [video], self._closed):
                        yield from decoder.decode(packet)
                    break
                except av.error.InvalidDataError:
                    decoder.damaged += 1  # a picture that broke on the cable
                except av.error.BlockingIOError:
                    self._wait()
        except (av.error.FFmpegError, OSError) as error:
            raise InputError(f"{self.address}: the camera is gone: {reason(error)}; plug it in again") from error
        finally:
            container.close()
        if not self._closed.is_set():
            raise InputError(f"{self.address}: the camera has stopped; plug it in again")
