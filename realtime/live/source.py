"""What a live source is: frames as they are captured, and sound beside them."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol, TypeAlias, runtime_checkable

import av

from realtime.live.settings import SourceSettings
from realtime.media.frame import Frame

__all__ = ["LiveItem", "LiveSource", "OpenSource", "PacedSource", "Sound"]


@dataclass(frozen=True, slots=True, eq=False)
class Sound:
    """A piece of sound: decoded samples, and the monotonic clock (ns) at which the first of them was captured.

    Several sinks share it: nobody may change ``samples`` (their pts neither; ``captured_ns`` is the time).
    """

    samples: av.AudioFrame
    captured_ns: int


#: What a source yields.
LiveItem: TypeAlias = Frame | Sound


class LiveSource(Protocol):
    """One connection to a camera, a stream or a paced file. It is opened by iterating over it, once.

    Making one is cheap and touches no device; ``UsageError`` there means that the address makes no sense. ``rate``
    is the nominal number of frames a second, known by the time the first frame comes; None where nobody says.
    """

    @property
    def rate(self) -> Fraction | None: ...  # noqa: D102

    def __iter__(self) -> Iterator[LiveItem]:
        """Frames and sound as they are captured; each frame has ``captured_ns``, in increasing order.

        Opens the device in the calling thread. Ends quietly where nothing more is to come (a file that is over)
        and after ``close``. Raises ``InputError`` where the device is not there, is lost, or breaks off: it is
        tried again later, with a new object.
        """
        ...

    def close(self) -> None:
        """Let go of the device. From any thread, at any time, as often as one likes.

        Who waits in the iterator wakes up and ends; who waits in a system call does so when that returns, in a
        second or two.
        """
        ...


@runtime_checkable
class PacedSource(Protocol):
    """A source that has a time of its own, and knows when its next frame is due: till then it is not silent."""

    @property
    def due_ns(self) -> int:
        """When the next frame is due, on the monotonic clock; 0 where that is not known."""
        ...


class OpenSource(Protocol):
    """Makes the source of an address: ``realtime.live.sources.open_source``, or a function around it."""

    def __call__(self, address: str, settings: SourceSettings) -> LiveSource:
        """Raises ``UsageError`` for an address that makes no sense."""
        ...
