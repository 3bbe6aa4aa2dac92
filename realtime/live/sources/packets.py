"""Packets that wait, still encoded, until they are due: read ahead by a thread of their own."""

from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from time import monotonic_ns
from typing import Final

from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream

from realtime.live.sources.pace import Pace
from realtime.runtime.channel import Channel, ChannelClosedError
from realtime.runtime.threads import Failure, guarded_thread

__all__ = ["WaitingPackets", "time_of"]

#: What a packet costs beside its bytes, in bytes.
_PACKET: Final = 4096
#: No network is so late, in ns.
_OTHER_CLOCK_NS: Final = 5_000_000_000
#: Packets of sound that are kept, a minute and more; then the oldest goes.
_SOUNDS: Final = 4096


def time_of(packet: "Packet[Stream]") -> Fraction | None:
    """When the packet is to be decoded, in seconds of the stream."""
    time = packet.dts if packet.dts is not None else packet.pts
    return None if time is None or packet.time_base is None else time * packet.time_base


class WaitingPackets:
    """What ``container`` has of ``streams``, each packet with the time at which it is due on the monotonic clock.

    ``pace`` says when that is; None is at once. Reading goes on until ``room`` bytes wait. What comes only after
    ``silence`` seconds was held back by FFmpeg, which gives it out as it gives up: it would be shown long after it was
    sent, so the stream has ended before it. The container is the thread's own until ``close`` has come back.
    """

    def __init__(
        self, container: InputContainer, streams: list[Stream], pace: Pace | None, room: int, silence: float
    ) -> None:
        self._container, self._streams, self._pace = container, streams, pace
        self._silence_ns = silence * 1e9
        self._pictures: Channel[tuple[Packet[Stream], int]] = Channel(room)
        self._sounds: deque[tuple[Packet[Stream], int]] = deque(maxlen=_SOUNDS)
        self._failure = Failure()
        self._thread = guarded_thread(self._read, "read ahead", self._fail)

    def pictures(self) -> Iterator[tuple["Packet[Stream]", int]]:
        """Those with pictures, in their order, as they come. Raises what reading raised, after the last of them."""
        self._thread.start()
        try:
            for packet, due_ns in self._pictures:
                yield packet, self._due_ns(packet, due_ns)
        except ChannelClosedError:
            return  # cut
        self._failure.check()

    def sounds(self, until_ns: int) -> Iterator[tuple["Packet[Stream]", int]]:
        """Those with sound that are due by then, as far as they have come."""
        while self._sounds and (due_ns := self._due_ns(*self._sounds[0])) <= until_ns:
            yield self._sounds.popleft()[0], due_ns

    def _due_ns(self, packet: "Packet[Stream]", then_ns: int) -> int:
        """By the pace as it is now, so that sound and pictures of one moment stay together.

        As it was when the packet came, ``then_ns``, where the stream has another clock since.
        """
        time = time_of(packet)
        if self._pace is None or time is None:
            return then_ns
        now_ns = self._pace.due_ns(time)
        return now_ns if abs(now_ns - then_ns) < _OTHER_CLOCK_NS else then_ns

    def cut(self) -> None:
        """From any thread: nothing more is wanted."""
        self._pictures.cut()

    def close(self) -> None:
        """Wait until the container is left alone."""
        self.cut()
        if self._thread.ident is not None:
            self._thread.join()

    def _read(self) -> None:
        try:
            asked_ns = monotonic_ns()
            for packet in self._container.demux(*self._streams):
                arrived_ns, time = monotonic_ns(), time_of(packet)
                if arrived_ns - asked_ns >= self._silence_ns:
                    raise TimeoutError
                picture = isinstance(packet.stream, VideoStream)
                due_ns = arrived_ns
                if self._pace is not None and time is not None:
                    self._pace.arrived(time, arrived_ns, picture)
                    due_ns = self._pace.due_ns(time)
                if picture:
                    self._pictures.put((packet, due_ns), packet.size + _PACKET)
                else:
                    self._sounds.append((packet, due_ns))
                asked_ns = monotonic_ns()
            self._pictures.close()
        except ChannelClosedError:
            return

    def _fail(self, error: BaseException) -> None:
        self._failure.note(error)
        self._pictures.close()
