"""A camera of this machine: v4l2 on Linux, avfoundation on macOS, dshow on Windows."""

import os
import select
import sys
from collections.abc import Generator, Iterator
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from threading import Event, Lock
from typing import Final, cast

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream

from realtime.devices import v4l2
from realtime.live.settings import SourceSettings
from realtime.live.source import LiveItem
from realtime.live.sources.live_decoder import Decoder, video_of
from realtime.runtime.errors import InputError, UsageError, reason

__all__ = ["Camera", "open_device"]

#: Digits of the numbers that Linux gives video devices, at most.
_DIGITS: Final = 3
#: Seconds until the first picture, and between two.
OPENING: Final = 4.0
READING: Final = 3.0
#: By how much, in ns, the kernel's time of a picture may lie behind our clock and still be a time of that clock.
_RECENT_NS: Final = 1_000_000_000
#: Nothing is guessed from the first pictures, they would come late.
_QUICK: Final = {"probesize": "32", "analyzeduration": "0", "fpsprobesize": "0", "max_ts_probe": "0"}
#: 4 is AVFMT_FLAG_NONBLOCK, which has no name among FFmpeg's options: a device that has nothing yet says so, and who
#: waits for it can be woken up.
_NONBLOCK: Final = {"fflags": "+nobuffer+4"}


class Camera:
    """A camera by number, by device file, or by name; on Linux in the mode nearest to the wished size and rate."""

    def __init__(self, address: str, settings: SourceSettings) -> None:
        """Raises ``UsageError`` for a name that no camera can have here."""
        linux = sys.platform.startswith("linux")
        if (address.isdecimal() and len(address) > _DIGITS) or (linux and address.startswith("camera:")):
            raise UsageError(f"{address}: no camera is called that; `mummer devices` lists them")
        if address == "camera:":
            raise UsageError("camera: of what name? `mummer devices` lists them")
        self.address = address
        self.rate: Fraction | None = None
        self._settings = settings
        self._closed = Event()
        self._lock = Lock()
        self._woken = self._wake = -1

    def __iter__(self) -> Iterator[LiveItem]:
        """Raises ``InputError`` where the camera is missing, busy, or unplugged."""
        with self._lock:
            if self._closed.is_set():
                return
            self._woken, self._wake = os.pipe()
        try:
            yield from self._read()
        except InputError:
            if not self._closed.is_set():
                raise
        finally:
            self.close()
            os.close(self._woken)

    def close(self) -> None:
        """Wake up whoever waits for the next picture, and end."""
        with self._lock:
            if not self._closed.is_set() and self._wake >= 0:
                os.close(self._wake)  # the end of a pipe can be waited for
            self._closed.set()

    def _read(self) -> Iterator[LiveItem]:
        container = self._open()
        try:
            video = video_of(container, self.address)
            self.rate = self.rate or video.average_rate or video.guessed_rate
            yield from self._pictures(container, video)
        except (av.error.FFmpegError, OSError) as error:
            raise InputError(f"{self.address}: the camera is gone: {reason(error)}; plug it in again") from error
        finally:
            container.close()
        if not self._closed.is_set():
            raise InputError(f"{self.address}: the camera has stopped; plug it in again")

    def _pictures(self, container: InputContainer, video: VideoStream) -> Iterator[LiveItem]:
        """Picture after picture, until the camera or ``close`` ends it."""
        decoder = Decoder(video, _captured)
        while not self._closed.is_set():
            try:
                yield from self._ready(container, video, decoder)
                return
            except av.error.InvalidDataError:
                decoder.damaged += 1  # a picture that broke on the cable
            except av.error.BlockingIOError:
                self._wait()

    def _ready(self, container: InputContainer, video: VideoStream, decoder: Decoder) -> Iterator[LiveItem]:
        """What the device has by now; ``BlockingIOError`` when it has nothing more yet."""
        with closing(_copies(container, video)) as packets:
            for packet in packets:
                if self._closed.is_set():
                    return
                yield from decoder.decode(packet)

    def _wait(self) -> None:
        """Until the device has a picture, or ``close`` is called."""
        poll = select.poll()
        for descriptor in (*v4l2.descriptors(_device(self.address)), self._woken):
            poll.register(descriptor, select.POLLIN)
        if not poll.poll(READING * 1000):
            raise InputError(f"{self.address}: no picture for {READING:.0f} s; check the camera")

    def _open(self) -> InputContainer:
        size, rate = self._settings.size, self._settings.fps
        if not sys.platform.startswith("linux"):
            return open_device(self.address, *_elsewhere(self.address, size, rate))
        device = _device(self.address)
        options = _QUICK | _NONBLOCK
        try:
            mode = v4l2.choose_mode(v4l2.modes(device), size, rate)
        except OSError as error:
            raise InputError(f"{self.address}: {_trouble(error)}") from error
        if mode is not None:
            wanted = min(rate or v4l2.RATE, mode.rate)
            self.rate = wanted
            options |= {
                "input_format": v4l2.FORMATS[mode.pixels],
                "video_size": f"{mode.width}x{mode.height}",
                "framerate": f"{wanted.numerator}/{wanted.denominator}",
            }
        return open_device(self.address, str(device), "v4l2", options)


def _copies(container: InputContainer, video: VideoStream) -> "Generator[Packet[Stream]]":
    """Packets of our own: those of v4l2 lie in the device's memory, and so would uncompressed pictures.

    That memory is gone when the device is closed, whoever still looks at a picture in it.
    """
    with closing(cast("Generator[Packet[Stream]]", container.demux(video))) as packets:
        for packet in packets:
            own: Packet[Stream] = Packet(bytes(packet))
            own.stream, own.time_base = video, packet.time_base
            own.pts, own.dts = packet.pts, packet.dts
            del packet
            yield own


def open_device(address: str, file: str, form: str, options: dict[str, str]) -> InputContainer:
    """A device through FFmpeg's input ``form``. Raises ``InputError``, which says what ``address`` lacks."""
    try:
        return av.open(file, "r", format=form, container_options=options, timeout=(OPENING, READING))
    except (av.error.FFmpegError, OSError) as error:
        raise InputError(f"{address}: {_trouble(error)}") from error
    except ValueError as error:
        raise InputError(f"{address}: PyAV comes without {form} here; use a stream or a file") from error


def _device(address: str) -> Path:
    return Path(f"/dev/video{address}" if address.isdecimal() else address)


def _elsewhere(address: str, size: tuple[int, int] | None, rate: Fraction | None) -> tuple[str, str, dict[str, str]]:
    """What is opened, with what, and its options, on systems where no modes can be listed."""
    width, height = size or v4l2.SIZE
    wished = {"video_size": f"{width}x{height}", "framerate": f"{float(rate or v4l2.RATE):g}"}
    name = address.removeprefix("camera:")
    if sys.platform == "darwin":
        return f"{name}:none", "avfoundation", {**_QUICK, **wished, "pixel_format": "nv12"}
    if name.isdecimal():
        cameras = [each.name for each in av.device.enumerate_input_devices("dshow") if "video" in each.media_types]
        if int(name) >= len(cameras):
            raise InputError(f"{address}: no such camera; `mummer devices` lists them")
        name = cameras[int(name)]
    return f"video={name}", "dshow", {**_QUICK, **wished, "rtbufsize": "64M"}


def _captured(time: Fraction | None, arrived_ns: int) -> int:
    """The kernel's own time of the picture, where it is one of the monotonic clock; else when it arrived."""
    if time is not None and 0 <= arrived_ns - (time_ns := int(time * 1_000_000_000)) < _RECENT_NS:
        return time_ns
    return arrived_ns


def _trouble(error: av.error.FFmpegError | OSError) -> str:
    """What is wrong with a device, and what to do."""
    if isinstance(error, FileNotFoundError):
        return "no such device; `mummer devices` lists them"
    if isinstance(error, PermissionError):
        return "no permission to use it; add yourself to its group (video or audio) and log in again"
    if isinstance(error, av.error.ArgumentError):
        return "nothing comes from it; check that it is on, or that something writes to it where it is virtual"
    if isinstance(error, av.error.ExitError):
        return f"nothing came for {OPENING:.0f} s; check that it is on, and that nothing else uses it"
    return f"{reason(error)}; check that nothing else uses it"
