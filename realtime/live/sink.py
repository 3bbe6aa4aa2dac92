"""What a live sink is: where frames go once they are swapped."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Final, Protocol, runtime_checkable

from av.video.reformatter import ColorPrimaries, ColorRange, ColorTrc

from realtime.live.settings import SinkSettings
from realtime.live.source import Sound
from realtime.media.color_tags import NO_MATRIX
from realtime.media.frame import Frame

__all__ = ["CLOCK", "LiveSink", "OpenSink", "OverflowingSink", "StreamFormat", "WaitingSink"]

#: Seconds a unit of the presentation times of live frames; encoders of sinks are opened with it.
CLOCK: Final = Fraction(1, 90_000)


@dataclass(frozen=True, slots=True)
class StreamFormat:
    """What every frame that a sink gets has in common; settled before the first one and kept while the engine runs.

    ``pixels`` is FFmpeg's name of the pixel format, ``rate`` the nominal number of frames a second (the most there
    will be; frames come when they come), the colour tags are FFmpeg's codes. ``began_ns`` is the monotonic clock
    at presentation time 0. ``sound`` says whether pieces of sound are to be expected.
    """

    width: int
    height: int
    pixels: str
    rate: Fraction
    began_ns: int
    sound: bool = False
    colorspace: int = NO_MATRIX
    color_range: int = ColorRange.UNSPECIFIED
    color_primaries: int = ColorPrimaries.UNSPECIFIED
    color_trc: int = ColorTrc.UNSPECIFIED

    def pts(self, captured_ns: int) -> int:
        """The presentation time, in units of ``CLOCK``, of what was captured at ``captured_ns``."""
        return (captured_ns - self.began_ns) * CLOCK.denominator // 1_000_000_000


class LiveSink(Protocol):
    """One connection to a virtual camera, a stream or a file; after ``close`` it is not opened again.

    Making one is cheap and touches no device; ``UsageError`` there means that the address makes no sense. All but
    ``abort`` are called by one thread, the sink's own, so that each may take its time without holding up others:
    of the frames that come meanwhile the latest two are kept, and the others counted as dropped.

    Several sinks share each frame and each piece of sound: nobody may change them. A frame comes with its
    ``captured_ns``, and with ``pts`` on the engine's ``CLOCK`` (``StreamFormat.pts``), strictly increasing and of no
    picture type. PyAV rescales the times of a frame to the encoder's time base in place, so open encoders with
    ``CLOCK``; a sink that starts later and wants times from 0 shifts its packets, not the frames.
    """

    def open(self, shape: StreamFormat) -> None:
        """Connect. Raises ``OutputError``: it is tried again later, with a new object."""
        ...

    def write(self, frame: Frame) -> None:
        """Send a frame. Raises ``OutputError`` where the device or the other end is gone."""
        ...

    def write_sound(self, sound: Sound) -> None:
        """Send sound, or leave it where this sink carries none. Raises ``OutputError`` as ``write`` does."""
        ...

    def close(self) -> None:
        """Finish: a file is whole and playable after this. Also after an error; raises nothing but ``OutputError``."""
        ...

    def abort(self) -> None:
        """From any thread: a call that is blocked comes back soon, with ``OutputError`` or quietly."""
        ...


@runtime_checkable
class WaitingSink(Protocol):
    """A sink that waits for a network within ``write``: frames that are lost meanwhile are not this machine's fault.

    ``waited_ns`` is for how long it has, all in all.
    """

    waited_ns: int


@runtime_checkable
class OverflowingSink(Protocol):
    """A sink that encodes in threads of its own: ``overflowed`` counts frames that it took, and had no time for."""

    overflowed: int


class OpenSink(Protocol):
    """Makes the sink of an address: ``realtime.live.sinks.open_sink``, or a function around it."""

    def __call__(self, address: str, settings: SinkSettings) -> LiveSink:
        """Raises ``UsageError`` for an address that makes no sense."""
        ...
