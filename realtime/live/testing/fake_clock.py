"""A clock that a test moves, and a source that gives frames when the test says so."""

from collections.abc import Iterator
from fractions import Fraction
from threading import Event, Lock
from typing import Final

import av

from realtime.live.source import LiveItem
from realtime.media.frame import Frame
from realtime.runtime.channel import Channel, ChannelClosedError
from realtime.runtime.errors import MummerError

__all__ = ["FakeClock", "HandSource"]

#: Seconds of real time between two looks at whether a wait is over.
LOOK: Final = 0.001


class FakeClock:
    """A clock that stands still until it is moved. It begins at an hour, so that nothing is 0."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._now_ns = 3_600_000_000_000

    def now_ns(self) -> int:
        """The time now."""
        return self._now_ns

    def wait(self, event: Event, seconds: float) -> bool:
        """Wait until ``event`` is set, or the clock has been moved on by ``seconds``."""
        until_ns = self._now_ns + int(seconds * 1e9)
        while self._now_ns < until_ns:
            if event.wait(LOOK):
                return True
        return event.is_set()

    def move(self, seconds: float) -> None:
        """Let so much time pass."""
        with self._lock:
            self._now_ns += int(seconds * 1e9)


class HandSource:
    """A source whose frames, 64 x 48 in grey, are given by hand, captured at that moment of ``clock``."""

    rate: Fraction | None = Fraction(30)

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self._frames: Channel[Frame | MummerError] = Channel(1 << 16)

    def __iter__(self) -> Iterator[LiveItem]:
        """What is given; an error that is given is raised."""
        for item in self._frames:
            if isinstance(item, MummerError):
                raise item
            yield item

    def give(self) -> None:
        """The next frame; nothing where the source is closed."""
        picture = av.VideoFrame(64, 48, "yuv420p")
        for plane in picture.planes:
            plane.update(bytes([128]) * plane.buffer_size)
        self._put(Frame(picture, self._clock.now_ns()))

    def fail(self, error: MummerError) -> None:
        """The source breaks off with ``error``."""
        self._put(error)

    def close(self) -> None:
        """It ends, after what was given."""
        self._frames.close()

    def _put(self, item: Frame | MummerError) -> None:
        try:
            self._frames.put(item)
        except ChannelClosedError:
            return
