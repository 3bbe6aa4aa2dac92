"""The display that an HDR video was graded on, and how bright it gets: read from its pictures, told to encoders.

(SMPTE ST 2086 and CTA-861.3; what players call HDR10.)
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from struct import unpack
from typing import Final

from av.sidedata.sidedata import Type
from av.video.frame import VideoFrame

from realtime.media.side_data import side_data

__all__ = ["Hdr", "can_tell", "hdr_options"]

#: A point of the CIE 1931 chromaticity diagram.
Point = tuple[Fraction, Fraction]


@dataclass(frozen=True, slots=True)
class Hdr:
    """``red``, ``green``, ``blue``, ``white`` are the display's, ``luminance`` its least and greatest in cd/m2.

    ``light`` is the brightest pixel's and the brightest frame's average level in cd/m2, None where nobody says.
    """

    red: Point
    green: Point
    blue: Point
    white: Point
    luminance: tuple[Fraction, Fraction]
    light: tuple[int, int] | None = None

    @classmethod
    def read(cls, picture: VideoFrame) -> "Hdr | None":
        """What the picture says; None where it says less than all of the display."""
        display = side_data(picture, Type.MASTERING_DISPLAY_METADATA)
        if display is None:
            return None
        *numbers, has_primaries, has_luminance = unpack("22i", display[:88])
        if not (has_primaries and has_luminance and all(numbers[1::2])):
            return None
        shares = [Fraction(over, under) for over, under in zip(numbers[::2], numbers[1::2], strict=True)]
        red, green, blue, white, luminance = zip(shares[::2], shares[1::2], strict=True)
        light = None
        level = side_data(picture, Type.CONTENT_LIGHT_LEVEL)
        if level is not None:
            pixel, frame = unpack("2I", level[:8])
            light = pixel, frame
        return cls(red, green, blue, white, luminance, light)


def hdr_options(encoder: str, hdr: Hdr | None) -> dict[str, str]:
    """The options that tell ``encoder`` (FFmpeg's name); empty where there is nothing to tell, or no way to."""
    words = _WORDS.get(encoder)
    return {} if hdr is None or words is None else words(hdr)


def can_tell(encoder: str) -> bool:
    """Whether ``encoder`` writes it into its stream."""
    return encoder in _WORDS


def _display(hdr: Hdr, point: int, luminance: int) -> str:
    """G(x,y)B(x,y)R(x,y)WP(x,y)L(max,min), in whole parts of a unit; decimals where the parts are 0."""
    named = zip(("G", "B", "R", "WP", "L"), (hdr.green, hdr.blue, hdr.red, hdr.white, hdr.luminance[::-1]), strict=True)
    parts = {"L": luminance}

    def number(value: Fraction, unit: int) -> str:
        return str(round(value * unit)) if unit else f"{float(value):.5f}"

    return "".join(f"{name}({','.join(number(each, parts.get(name, point)) for each in pair)})" for name, pair in named)


def _x265(hdr: Hdr) -> dict[str, str]:
    light = "" if hdr.light is None else ":max-cll={},{}".format(*hdr.light)
    return {"x265-params": f"hdr10=1:master-display={_display(hdr, 50_000, 10_000)}{light}"}


def _x264(hdr: Hdr) -> dict[str, str]:
    light = "" if hdr.light is None else ":cll={},{}".format(*hdr.light)
    return {"x264-params": f"mastering-display={_display(hdr, 50_000, 10_000)}{light}"}


def _svtav1(hdr: Hdr) -> dict[str, str]:
    light = "" if hdr.light is None else ":content-light={},{}".format(*hdr.light)
    return {"svtav1-params": f"mastering-display={_display(hdr, 0, 0)}{light}"}


_WORDS: Final[dict[str, Callable[[Hdr], dict[str, str]]]] = {
    "libx264": _x264,
    "libx265": _x265,
    "libsvtav1": _svtav1,
}
