"""A virtual camera: v4l2loopback on Linux, OBS elsewhere, through pyvirtualcam."""

import os
import sys
from pathlib import Path
from typing import Final

import numpy as np
import pyvirtualcam  # type: ignore[import-untyped]
from av.video.frame import VideoFrame
from av.video.plane import VideoPlane
from av.video.reformatter import ColorRange, VideoReformatter
from pyvirtualcam import PixelFormat

from realtime.devices import linux, v4l2
from realtime.live.settings import SinkSettings
from realtime.live.sink import StreamFormat
from realtime.live.source import Sound
from realtime.media.frame import Frame
from realtime.runtime.arrays import Bytes
from realtime.runtime.errors import OutputError, UsageError, reason

__all__ = ["VirtualCamera"]

#: The two formats that live frames come in, as every virtual camera takes them.
_FORMATS: Final = {"yuv420p": PixelFormat.I420, "nv12": PixelFormat.NV12}
#: How to get one, by system.
_HOW: Final = {
    "linux": "install v4l2loopback-dkms, then run: sudo modprobe v4l2loopback exclusive_caps=1 card_label=mummer",
    "darwin": "install OBS, and press Start Virtual Camera in it once",
    "win32": "install OBS, which brings its virtual camera",
}


class VirtualCamera:
    """Frames for other programs, which see a camera. Sound is no matter of its.

    The planes go out as they are. Where the frames have all values of a byte for light (full range) they are brought
    to the range that cameras have. A device that stops taking frames is noticed at the next one.
    """

    def __init__(self, address: str, settings: SinkSettings) -> None:
        name, _, device = address.partition(":")
        if name != "virtualcam":
            raise UsageError(f"{address}: say virtualcam, or virtualcam:DEVICE")
        self.address = address
        self._device = device or None
        self._camera: pyvirtualcam.Camera | None = None
        self._descriptor: int | None = None
        self._shape: StreamFormat | None = None
        self._buffer: Bytes = np.zeros(0, np.uint8)
        self._reformatter = VideoReformatter()

    def open(self, shape: StreamFormat) -> None:
        """Find the device, and set it to the shape of the frames. Raises ``OutputError`` that says how to get one."""
        device = self._device or _free()
        try:
            camera = pyvirtualcam.Camera(
                shape.width, shape.height, float(shape.rate), fmt=_FORMATS[shape.pixels], device=device
            )
        except (RuntimeError, ValueError, OSError) as error:
            raise OutputError(f"{self.address}: {_trouble(str(error), self._device)}") from error
        self._camera, self._shape = camera, shape
        self._buffer = np.empty(shape.width * shape.height * 3 // 2, np.uint8)
        self._descriptor = _writer(camera.device)
        if camera.backend == "v4l2loopback" and self._descriptor is not None:
            self._check_format(camera.device, self._descriptor, shape)

    def write(self, frame: Frame) -> None:
        """Send a frame. Raises ``OutputError`` where the device takes it no more."""
        assert self._camera is not None and self._shape is not None  # noqa: S101  # opened before
        picture = frame.picture
        if self._shape.color_range == ColorRange.JPEG:
            picture = self._reformatter.reformat(
                picture, src_color_range=ColorRange.JPEG, dst_color_range=ColorRange.MPEG
            )
        _gather(picture, self._buffer)
        try:
            if self._descriptor is None:
                self._camera.send(self._buffer)
            else:
                # pyvirtualcam would print that it failed, and go on.
                self._send(self._descriptor)
        except (RuntimeError, OSError) as error:
            words = reason(error)
            raise OutputError(f"{self.address}: the virtual camera takes no frames: {words.lower()}") from error

    def write_sound(self, sound: Sound) -> None:
        """Cameras carry no sound."""

    def close(self) -> None:
        """Let go of the device."""
        camera, self._camera, self._descriptor = self._camera, None, None
        if camera is not None:
            camera.close()

    def abort(self) -> None:
        """Writing to a device does not block for long."""

    def _send(self, descriptor: int) -> None:
        written = os.write(descriptor, self._buffer.data)
        if written != len(self._buffer):
            raise OSError(None, f"only {written} of {len(self._buffer)} bytes were taken")

    def _check_format(self, device: str, descriptor: int, shape: StreamFormat) -> None:
        """v4l2loopback may be held to another size by whoever reads it, and says nothing when it is set."""
        width, height, pixels = v4l2.output_format(descriptor)
        if (width, height, v4l2.FORMATS.get(pixels)) != (shape.width, shape.height, shape.pixels):
            self.close()
            raise OutputError(
                f"{self.address}: {device} is held at {width}x{height} {pixels} by who reads it;"
                f" use --size {width}x{height}, or close that program first"
            )


def _free() -> str | None:
    """A virtual camera of Linux that nobody writes to: the first one might be the camera that we read."""
    if not sys.platform.startswith("linux"):
        return None
    _, virtual = linux.cameras()
    return next((address.partition(":")[2] for address, _, note in virtual if note == linux.FREE), None)


def _writer(device: str) -> int | None:
    """The descriptor under which this process has ``device`` open for writing only; None where that is not clear."""
    if not Path(device).exists():
        return None
    writers = [each for each in v4l2.descriptors(Path(device)) if _writes(each)]
    return writers[0] if len(writers) == 1 else None


def _writes(descriptor: int) -> bool:
    if sys.platform == "win32":
        return False
    import fcntl

    return fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE == os.O_WRONLY


def _gather(picture: VideoFrame, buffer: Bytes) -> None:
    """The planes of a 4:2:0 picture one after the other, without what pads their rows."""
    start = 0
    for number, plane in enumerate(picture.planes):
        width, height = picture.width, picture.height if number == 0 else picture.height // 2
        if number and len(picture.planes) > 2:  # planar: half as wide
            width //= 2
        end = start + width * height
        buffer[start:end].reshape(height, width)[:] = _rows(plane, height)[:, :width]
        start = end


def _rows(plane: VideoPlane, height: int) -> Bytes:
    """uint8 (height, line size)."""
    return np.frombuffer(memoryview(plane), np.uint8)[: height * plane.line_size].reshape(height, plane.line_size)


def _trouble(words: str, device: str | None) -> str:
    """pyvirtualcam's words in one line, and what to do."""
    how = _HOW.get(sys.platform, _HOW["linux"])
    if device is None:
        return f"no virtual camera here; {how}"
    first = words.splitlines()[0] if words else "it cannot be opened"
    return f"{first.partition('backend: ')[2] or first} `mummer devices` lists what is there; to get one, {how}"
