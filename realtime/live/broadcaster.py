"""Where finished frames are handed out: to every sink, in order, none twice."""

from threading import Condition

from av.video.frame import PictureType

from realtime.live.sink import CLOCK, StreamFormat
from realtime.live.sink_queue import SinkQueue
from realtime.live.source import Sound
from realtime.media.frame import Frame

__all__ = ["Broadcaster"]


class Broadcaster:
    """Hands frames and sound to the queues of all sinks. From any thread.

    ``sent`` counts frames, ``late`` those that came when a later one had been sent already or after the end, and
    ``last_ns`` is the capture time of the last frame sent.
    """

    def __init__(self) -> None:
        self._changed = Condition()
        self._queues: tuple[SinkQueue, ...] = ()
        self._last_pts = -1
        self._ended = self._filled = False
        self.shape: StreamFormat | None = None
        self.last_ns = 0
        self.sent = 0
        self.late = 0

    def settle(self, shape: StreamFormat) -> StreamFormat:
        """What the format of all frames will be; the first to say it is right, and comes back."""
        with self._changed:
            if self.shape is None:
                self.shape = shape
                self._changed.notify_all()
            return self.shape

    def settled(self, queue: SinkQueue) -> StreamFormat | None:
        """The format, as soon as it is known; None where the end comes first, or ``queue`` has left."""
        with self._changed:
            self._changed.wait_for(lambda: self.shape is not None or self._ended or queue not in self._queues)
            return self.shape if queue in self._queues else None

    def join(self, queue: SinkQueue) -> None:
        """Another sink."""
        with self._changed:
            self._queues = (*self._queues, queue)

    def leave(self, queue: SinkQueue) -> None:
        """One sink less."""
        with self._changed:
            self._queues = tuple(each for each in self._queues if each is not queue)
            self._changed.notify_all()

    def send(self, frame: Frame, stopgap: bool = False) -> bool:
        """Hand out ``frame``, whose planes nobody changes from now on; false where it came too late.

        A ``stopgap`` is a slate that fills in while nothing comes.
        """
        captured_ns = frame.captured_ns or 0
        with self._changed:
            if self.shape is None:
                return False
            if self._ended:
                self.late += not stopgap
                return False
            pts = self.shape.pts(captured_ns)
            if pts <= self._last_pts:
                if stopgap or not self._filled:
                    self.late += not stopgap
                    return False
                # The slates filled in while this frame was on its way: it follows them, or none ever would where
                # every frame takes longer than that.
                pts = self._last_pts + 1
            self._filled = stopgap
            picture = frame.picture
            picture.pts, picture.time_base, picture.pict_type = pts, CLOCK, PictureType.NONE
            self._last_pts, self.last_ns = pts, captured_ns
            self.sent += 1
            for queue in self._queues:
                queue.put_frame(frame)
            return True

    def send_sound(self, sound: Sound) -> None:
        """Hand out a piece of sound."""
        for queue in self._queues:
            queue.put_sound(sound)

    def end(self) -> None:
        """Nothing more will come: every sink comes to its end."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        for queue in self._queues:
            queue.end()
