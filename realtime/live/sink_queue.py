"""What waits for a sink: the latest frames, and the sound that came before and between them."""

from collections import deque
from collections.abc import Iterator
from threading import Condition
from typing import Final

from realtime.live.source import LiveItem, Sound
from realtime.media.frame import Frame
from realtime.runtime.slack import Slack

__all__ = ["FRAMES", "SinkQueue"]

#: Frames that may wait for a sink that is late: an encoder may take as long as three frames for one now and then.
FRAMES: Final = 2
#: Pieces of sound that may wait, about a second of them; then the oldest goes.
SOUNDS: Final = 64


class SinkQueue:
    """A bounded queue between the engine and one sink. It never makes the engine wait.

    Items come out in order. Of frames the latest are kept, ``FRAMES`` of them, one where the sink does not catch up.
    ``dropped`` counts frames that the sink was too slow for, ``missed`` those that came while it was shut, and
    ``dropped_sound`` pieces of sound.
    """

    def __init__(self) -> None:
        self._changed = Condition()
        self._items: deque[LiveItem] = deque()
        self._frames = 0  # of the items
        self._slack = Slack(FRAMES)
        self._is_open = False
        self._ended = False
        self.dropped = 0
        self.missed = 0
        self.dropped_sound = 0

    def put_frame(self, frame: Frame) -> None:
        """Hand over a frame."""
        with self._changed:
            if not self._is_open:
                self.missed += 1
                return
            for _ in range(self._slack.excess(self._frames)):
                self._drop_oldest(Frame)
                self.dropped += 1
            self._items.append(frame)
            self._frames += 1
            self._changed.notify()

    def put_sound(self, sound: Sound) -> None:
        """Hand over a piece of sound."""
        with self._changed:
            if not self._is_open:
                return
            if len(self._items) - self._frames >= SOUNDS:
                self._drop_oldest(Sound)
                self.dropped_sound += 1
            self._items.append(sound)
            self._changed.notify()

    def __iter__(self) -> Iterator[LiveItem]:
        """What comes, until the end; what is inside then is still given."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._items or self._ended)
                if not self._items:
                    return
                item = self._items.popleft()
                self._frames -= isinstance(item, Frame)
            yield item

    def open(self) -> None:
        """From now on items are taken in; what is left of former times is gone."""
        with self._changed:
            self._items.clear()
            self._frames, self._slack = 0, Slack(FRAMES)
            self._is_open = not self._ended

    def shut(self) -> None:
        """The sink is away: what comes is counted, and not kept."""
        with self._changed:
            self._is_open = False

    def end(self) -> None:
        """Nothing more will come."""
        with self._changed:
            self._is_open, self._ended = False, True
            self._changed.notify()

    def _drop_oldest(self, kind: type[Frame] | type[Sound]) -> None:
        """There is one."""
        del self._items[next(at for at, item in enumerate(self._items) if isinstance(item, kind))]
        self._frames -= kind is Frame
