"""What goes out has one format, settled by the first frame and kept; and one slate for when there is no frame."""

from collections.abc import Callable
from fractions import Fraction
from typing import Final

from realtime.live.broadcaster import Broadcaster
from realtime.live.reformatter import OUTPUT_PIXELS, Reformatter, format_of
from realtime.live.settings import SourceSettings
from realtime.live.sink import StreamFormat
from realtime.live.slate import Slate
from realtime.marking.label import Label
from realtime.media.frame import Frame
from realtime.runtime.rate import Thinner

__all__ = ["Output"]

#: Where nobody says: frames a second, and the size of slates before the first frame.
RATE: Final = Fraction(30)
SIZE: Final = (1280, 720)


class Output:
    """Brings frames into the output's format, and to at most its rate.

    ``asked`` is what the user wants of it, and ``label`` gives what stands on slates. ``began_ns`` is the clock at
    presentation time 0; set it before the first frame. ``fit`` and ``wants`` belong to the swapping thread.
    """

    def __init__(self, broadcaster: Broadcaster, asked: SourceSettings, label: Callable[[], Label | None]) -> None:
        self._broadcaster, self._asked, self._label = broadcaster, asked, label
        self._reformatter: Reformatter | None = None
        self._thinner = Thinner()
        self._slate: Slate | None = None
        self.began_ns = 0
        self.thinned = 0

    def wants(self, frame: Frame, rate: float) -> bool:
        """Whether ``frame`` is kept, where at most ``rate`` frames a second are; counts those that are not."""
        wanted = self._thinner.wants(frame.captured_ns or 0, rate)
        self.thinned += not wanted
        return wanted

    @property
    def missed(self) -> int:
        """How many frames were due and did not come before the one that was kept last."""
        return self._thinner.missed

    def settle(self, frame: Frame, rate: Fraction | None) -> StreamFormat:
        """The format: of ``frame``, where it is the first and no slate was before; ``rate`` is what the source says."""
        if self._broadcaster.shape is None:
            rate = self._asked.fps or rate or RATE
            self._broadcaster.settle(format_of(frame, self._asked.size, rate, self.began_ns, sound=True))
        assert self._broadcaster.shape is not None  # noqa: S101  # settled
        return self._broadcaster.shape

    def fit(self, frame: Frame, shape: StreamFormat) -> Frame:
        """``frame`` in the output's format."""
        if self._reformatter is None:
            self._reformatter = Reformatter(shape)
        return self._reformatter(frame)

    def slate(self, now_ns: int) -> Frame:
        """A frame of the slate; before the first frame in the format that is asked for, or the usual one."""
        shape = self._broadcaster.shape
        if shape is None:
            width, height = self._asked.size or SIZE
            rate = self._asked.fps or RATE
            usual = StreamFormat(width, height, OUTPUT_PIXELS[0], rate, self.began_ns, True, 1, 1, 1, 1)
            shape = self._broadcaster.settle(usual)
        slate, label = self._slate, self._label()
        if slate is None or slate.label is not label:
            slate = self._slate = Slate(shape, label)
        return slate.frame(now_ns)

    def blank(self, now_ns: int) -> Frame | None:
        """A frame like those that are swapped; None while nobody knows what they are like."""
        return None if self._broadcaster.shape is None else self.slate(now_ns)
