"""What waits for a sink: the latest frame, and the sound that came since the last one."""

from collections import deque
from collections.abc import Iterator
from threading import Condition
from typing import Final

from realtime.live.source import LiveItem, Sound
from realtime.media.frame import Frame

__all__ = ["SinkQueue"]

#: Pieces of sound that may wait, about a second of them; then the oldest goes.
SOUNDS: Final = 64


class SinkQueue:
    """A bounded queue between the engine and one sink. It never makes the engine wait.

    Of frames the latest is kept, depth 1. Sound is kept in order, and comes before the frame that it came before.
    ``dropped`` counts frames that the sink was too slow for, ``missed`` those that came while it was shut, and
    ``dropped_sound`` pieces of sound.
    """

    def __init__(self) -> None:
        self._changed = Condition()
        self._frame: Frame | None = None
        self._sounds: deque[Sound] = deque()
        self._after: deque[Sound] = deque()  # what came after the frame that waits
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
            if self._frame is not None:
                self.dropped += 1
                self._sounds.extend(self._after)
                self._after.clear()
            self._frame = frame
            self._changed.notify()

    def put_sound(self, sound: Sound) -> None:
        """Hand over a piece of sound."""
        with self._changed:
            if not self._is_open:
                return
            waiting = self._sounds if self._frame is None else self._after
            if len(self._sounds) + len(self._after) >= SOUNDS:
                (self._sounds or self._after).popleft()
                self.dropped_sound += 1
            waiting.append(sound)
            self._changed.notify()

    def __iter__(self) -> Iterator[LiveItem]:
        """What comes, until the end; what is inside then is still given."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._sounds or self._frame is not None or self._ended)
                item: LiveItem
                if self._sounds:
                    item = self._sounds.popleft()
                elif self._frame is not None:
                    item, self._frame = self._frame, None
                    self._sounds, self._after = self._after, self._sounds
                else:
                    return
            yield item

    def open(self) -> None:
        """From now on items are taken in; what is left of former times is gone."""
        with self._changed:
            self._frame = None
            self._sounds.clear()
            self._after.clear()
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
