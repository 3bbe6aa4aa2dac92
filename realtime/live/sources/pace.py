"""When what a stream sends is to be shown: by its own times, laid onto our clock.

What comes in bursts goes on evenly so: the packets wait until they are due, in a buffer whose depth is ``depth``
seconds of the monotonic clock.
"""

from fractions import Fraction
from typing import Final, Protocol

__all__ = ["Arrivals", "Fetched", "Pace", "Sent"]

#: No quartz is wrong by more than this share.
_CREEP: Final = 0.0005
#: No network holds packets for longer than this, in ns.
_LEAP_NS: Final = 1_000_000_000
_SECOND_NS: Final = 1_000_000_000


class Pace(Protocol):
    """``depth`` is how many seconds what is sent waits now."""

    depth: float

    def arrived(self, time: Fraction, arrived_ns: int, picture: bool = True) -> None:
        """What has this time in the stream, in seconds, came at ``arrived_ns`` (monotonic)."""
        ...

    def due_ns(self, time: Fraction) -> int:
        """When what has this time in the stream is to be shown, as it looks now: pictures and sound alike."""
        ...


class Arrivals:
    """The monotonic time at which the packets of a stream were captured, by its own times and when they arrive.

    The packet that came quickest says how the stream's clock lies to ours; from there the estimate creeps upwards, so
    that it follows a clock which is slower. A network that trembles so makes nothing tremble.
    """

    def __init__(self) -> None:
        self._offset_ns: int | None = None
        self._last_ns = 0

    def __call__(self, time: Fraction | None, arrived_ns: int) -> int:
        """When what has this time in the stream, in seconds, and came at ``arrived_ns``, was captured."""
        if time is None:
            return arrived_ns
        time_ns = int(time * _SECOND_NS)
        measured = arrived_ns - time_ns
        if self._offset_ns is None or measured - self._offset_ns > _LEAP_NS:
            self._offset_ns = measured  # the first, or the stream's clock was set
        else:
            creep = int((arrived_ns - self._last_ns) * _CREEP)
            self._offset_ns = min(self._offset_ns + creep, measured)
        self._last_ns = arrived_ns
        return time_ns + self._offset_ns

    def captured_ns(self, time: Fraction) -> int:
        """When what has this time in the stream was captured, by all that has come."""
        return int(time * _SECOND_NS) + (self._offset_ns or 0)


class Sent:
    """For streams that somebody sends as they happen: rtsp, rtmp, srt, udp.

    They wait for ``buffer`` seconds; without one for as long as pictures were late lately, and not longer than
    ``LONGEST``: what is later than that is shown late.
    """

    #: Seconds.
    LONGEST: Final = 0.3
    #: By which share of the time the wait shrinks again: less than anybody hears.
    SHRINKS: Final = 0.003

    def __init__(self, buffer: float | None) -> None:
        self._arrivals, self._fixed = Arrivals(), buffer
        self.depth = buffer or 0.0
        self._last_ns: int | None = None

    def arrived(self, time: Fraction, arrived_ns: int, picture: bool = True) -> None:
        """See ``Pace``. Sound that is held back by a sender makes no picture wait."""
        captured_ns = self._arrivals(time, arrived_ns)
        if self._fixed is None and picture:
            passed = 0 if self._last_ns is None else arrived_ns - self._last_ns
            late = (arrived_ns - captured_ns) / _SECOND_NS
            self.depth = min(max(late, self.depth - self.SHRINKS * passed / _SECOND_NS), self.LONGEST)
            self._last_ns = arrived_ns

    def due_ns(self, time: Fraction) -> int:
        """See ``Pace``."""
        return self._arrivals.captured_ns(time) + int(self.depth * _SECOND_NS)


class Fetched:
    """For what is fetched as fast as we like, or in large pieces: a file over HTTP, HLS.

    The first packet waits for ``buffer`` seconds (``USUAL`` where nobody says), and all others go by it. Where one
    comes too late for that, everything is shifted, and a little more, so that the next ones are in time.
    """

    #: Seconds.
    USUAL: Final = 1.0
    MORE: Final = 0.1
    #: A time that lies so far from that of the packet before, in seconds, is of another clock.
    LEAP: Final = 10

    def __init__(self, buffer: float | None) -> None:
        self.depth = self._wanted = self.USUAL if buffer is None else buffer
        self._offset_ns: int | None = None
        self._last = Fraction(0)

    def arrived(self, time: Fraction, arrived_ns: int, picture: bool = True) -> None:
        """See ``Pace``."""
        time_ns = int(time * _SECOND_NS)
        if self._offset_ns is None or abs(time - self._last) > self.LEAP:
            self._offset_ns = arrived_ns - time_ns + int(self._wanted * _SECOND_NS)
        elif picture and (late_ns := arrived_ns - time_ns - self._offset_ns) > 0:
            self._offset_ns += late_ns + int(self.MORE * _SECOND_NS)
        self._last = time
        self.depth = (time_ns + self._offset_ns - arrived_ns) / _SECOND_NS

    def due_ns(self, time: Fraction) -> int:
        """See ``Pace``."""
        return int(time * _SECOND_NS) + (self._offset_ns or 0)
