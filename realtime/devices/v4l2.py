"""Video4Linux: what a device is, and which pictures it gives.

Asked of the kernel directly, by the numbers and layouts of ``linux/videodev2.h``: nothing of ours lists the modes of a
camera. Everywhere but on Linux there is nothing to ask.
"""

import errno
import os
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

__all__ = ["Capability", "Mode", "capability", "choose_mode", "descriptors", "modes", "output_format"]

#: Requests: direction, size of the structure, 'V' and number, as the kernel packs them.
_QUERYCAP: Final = 0x80685600
_ENUM_FMT: Final = 0xC0405602
_G_FMT: Final = 0xC0D05604
_ENUM_SIZES: Final = 0xC02C564A
_ENUM_INTERVALS: Final = 0xC034564B
_CAPTURE: Final = 1
_OUTPUT: Final = 2
_DISCRETE: Final = 1
#: Bits of capabilities.
_CAN_CAPTURE: Final = 0x1
_CAN_OUTPUT: Final = 0x2
_HAS_DEVICE_CAPS: Final = 0x80000000
#: v4l2loopback's name for itself.
LOOPBACK: Final = "v4l2 loopback"

#: Pixel formats to FFmpeg's names of what its v4l2 input is asked for, the best first: what needs no conversion, what
#: needs one, and what is compressed.
FORMATS: Final = {
    "YU12": "yuv420p",
    "NV12": "nv12",
    "YUYV": "yuyv422",
    "UYVY": "uyvy422",
    "422P": "yuv422p",
    "RGB3": "rgb24",
    "BGR3": "bgr24",
    "MJPG": "mjpeg",
    "JPEG": "mjpeg",
}
#: What a camera is asked for where nothing else is said.
SIZE: Final = (1280, 720)
RATE: Final = Fraction(30)


@dataclass(frozen=True, slots=True)
class Capability:
    """What a device says of itself."""

    driver: str
    card: str
    captures: bool
    takes: bool

    @property
    def loopback(self) -> bool:
        """Whether it is a virtual camera."""
        return self.driver == LOOPBACK


@dataclass(frozen=True, slots=True)
class Mode:
    """Pictures that a camera can give: ``pixels`` is the four letters of the kernel, ``rate`` the most a second."""

    pixels: str
    width: int
    height: int
    rate: Fraction


def capability(path: Path) -> Capability:
    """What the device is. Raises ``OSError`` where it is none, or may not be opened."""
    answer = bytearray(104)
    with _opened(path) as descriptor:
        _ask(descriptor, _QUERYCAP, answer)
    driver, card, whole, own = struct.unpack("16s32s32x4xII12x", answer)
    bits = own if whole & _HAS_DEVICE_CAPS else whole
    return Capability(_text(driver), _text(card), bool(bits & _CAN_CAPTURE), bool(bits & _CAN_OUTPUT))


def modes(path: Path) -> list[Mode]:
    """All that the camera gives, of the formats that are any use. Raises ``OSError`` as ``capability``."""
    with _opened(path) as descriptor:
        return [
            Mode(pixels, width, height, rate)
            for pixels in _pixels(descriptor)
            if pixels in FORMATS
            for width, height in _sizes(descriptor, pixels)
            for rate in [max(_rates(descriptor, pixels, width, height), default=RATE)]
        ]


def choose_mode(choice: list[Mode], size: tuple[int, int] | None, rate: Fraction | None) -> Mode | None:
    """The mode nearest to ``size`` (width, height) and ``rate``; None where there is no choice.

    Size counts first, then frames a second, as far as they are asked for; then what costs least to decode.
    """
    width, height = size or SIZE
    wanted = rate or RATE
    preference = {pixels: place for place, pixels in enumerate(FORMATS)}

    def badness(mode: Mode) -> tuple[float, ...]:
        smaller = mode.width < width or mode.height < height
        return (
            abs(mode.width * mode.height - width * height) * (2 if smaller else 1),
            max(float(wanted - mode.rate), 0.0),
            preference[mode.pixels],
        )

    return min(choice, key=badness, default=None)


def output_format(descriptor: int) -> tuple[int, int, str]:
    """Width, height and pixel format that an output device, open as ``descriptor``, is set to."""
    answer = bytearray(208)
    struct.pack_into("I", answer, 0, _OUTPUT)
    _ask(descriptor, _G_FMT, answer)
    width, height, pixels = struct.unpack_from("II4s", answer, 8)
    return width, height, _text(pixels)


def descriptors(path: Path) -> set[int]:
    """Under which descriptors this process has the device open; none where the system does not tell."""
    listing = Path("/proc/self/fd")
    found: set[int] = set()
    if not listing.is_dir():
        return found
    device = str(path.resolve())
    for entry in listing.iterdir():
        try:
            if os.readlink(entry) == device:  # noqa: PTH115  # of a name that is no path, at times
                found.add(int(entry.name))
        except OSError:
            continue  # closed meanwhile
    return found


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDWR | getattr(os, "O_NONBLOCK", 0))
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _ask(descriptor: int, request: int, structure: bytearray) -> None:
    """Let the kernel fill in ``structure``."""
    if sys.platform == "win32":
        raise OSError(errno.ENOSYS, "no such devices here")
    import fcntl

    fcntl.ioctl(descriptor, request, structure)


def _each(descriptor: int, request: int, size: int, *fields: int) -> Iterator[bytearray]:
    """Every answer to an enumerating request: the index comes first in the structure, then ``fields``."""
    index = 0
    while True:
        structure = bytearray(size)
        struct.pack_into(f"{1 + len(fields)}I", structure, 0, index, *fields)
        try:
            _ask(descriptor, request, structure)
        except OSError:
            return  # past the last
        yield structure
        index += 1


def _pixels(descriptor: int) -> Iterator[str]:
    for structure in _each(descriptor, _ENUM_FMT, 64, _CAPTURE):
        yield _text(struct.unpack_from("4s", structure, 44)[0])


def _sizes(descriptor: int, pixels: str) -> Iterator[tuple[int, int]]:
    for structure in _each(descriptor, _ENUM_SIZES, 44, _number(pixels)):
        kind, *sides = struct.unpack_from("7I", structure, 8)
        if kind == _DISCRETE:
            yield sides[0], sides[1]
            continue
        # A range: what people ask for, as far as it lies within, and its largest.
        low_x, high_x, step_x, low_y, high_y, step_y = sides
        for width, height in (*_COMMON, (high_x, high_y)):
            if low_x <= width <= high_x and low_y <= height <= high_y:
                yield width - (width - low_x) % max(step_x, 1), height - (height - low_y) % max(step_y, 1)
        return


def _rates(descriptor: int, pixels: str, width: int, height: int) -> Iterator[Fraction]:
    for structure in _each(descriptor, _ENUM_INTERVALS, 52, _number(pixels), width, height):
        _, numerator, denominator = struct.unpack_from("3I", structure, 16)
        if numerator and denominator:
            yield Fraction(denominator, numerator)  # of a range, its shortest


def _number(pixels: str) -> int:
    return int.from_bytes(pixels.encode("latin-1"), "little")


def _text(raw: bytes) -> str:
    return raw.partition(b"\0")[0].decode("latin-1")


_COMMON: Final = ((640, 360), (640, 480), (1280, 720), (1920, 1080))
