"""A file that plays the camera: in real time, once or again and again."""

from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from threading import Event
from time import monotonic_ns
from typing import Final, TypeAlias

import av
from av.audio.stream import AudioStream
from av.packet import Packet
from av.stream import Stream

from realtime.live.settings import SourceSettings
from realtime.live.source import LiveItem, Sound
from realtime.media.file_source import FileSource
from realtime.media.frame import Frame
from realtime.runtime.channel import Channel, ChannelClosedError
from realtime.runtime.thread_priority import give_way
from realtime.runtime.threads import Failure, guarded_thread

__all__ = ["PacedFile"]

#: Frames decoded ahead: enough to hide what it takes to open the file again at the end of a round.
AHEAD: Final = 12
#: What a piece of sound costs of the room for one frame.
_SOUNDS_A_FRAME: Final = 8
#: Who comes later than this goes on from now, and does not hurry after what is lost.
LATE_NS: Final = 500_000_000

#: A decoded item, and its time in the play in seconds.
_Timed: TypeAlias = tuple[Fraction, Frame | av.AudioFrame]


class PacedFile:
    """A video file whose frames come when they are due by their own times, and its first sound with them.

    Decoding runs ahead in a thread of its own, so ``captured_ns`` is the time at which a frame became due, as with
    a camera. With ``loop`` it begins again at its end, without a gap.
    """

    def __init__(self, path: Path, settings: SourceSettings) -> None:
        self.path = path
        self.rate: Fraction | None = None
        self.due_ns = 0  # of the frame that is waited for: a pause in the file's own times is no silence
        self._loop = settings.loop
        self._sound = settings.audio is None
        self._closed = Event()
        self._ahead: Channel[_Timed] = Channel(AHEAD * _SOUNDS_A_FRAME)
        self._failure = Failure()

    def __iter__(self) -> Iterator[LiveItem]:
        """Raises ``InputError`` where the file cannot be read."""
        guarded_thread(self._decode, "decode ahead", self._fail).start()
        began_ns: int | None = None
        waiting: deque[tuple[int, av.AudioFrame]] = deque()
        try:
            for time, item in self._ahead:
                if began_ns is None:
                    began_ns = monotonic_ns() - round(time * 1_000_000_000)
                due_ns = began_ns + round(time * 1_000_000_000)
                if isinstance(item, av.AudioFrame):
                    waiting.append((due_ns, item))
                    continue
                early_ns = due_ns - monotonic_ns()
                if early_ns < -LATE_NS:
                    began_ns, due_ns = began_ns - early_ns, due_ns - early_ns
                self.due_ns = due_ns
                while waiting and waiting[0][0] <= due_ns:
                    sound_ns, samples = waiting.popleft()
                    if not self._wait_until(sound_ns):
                        return
                    yield Sound(samples, sound_ns)
                if not self._wait_until(due_ns):
                    return
                item.captured_ns = due_ns
                yield item
        except ChannelClosedError:
            return  # closed while waiting for the decoder
        finally:
            self.close()
        self._failure.check()

    def close(self) -> None:
        """Wake up whoever waits, and end."""
        self._closed.set()
        self._ahead.cut()

    def _wait_until(self, due_ns: int) -> bool:
        """Sleep until then; false where the source was closed meanwhile."""
        early_ns = due_ns - monotonic_ns()
        return early_ns <= 0 or not self._closed.wait(early_ns / 1e9)

    def _decode(self) -> None:
        """Round after round into the channel, the times of each round going on from the one before."""
        give_way()  # it is ahead, and swapping is not
        start = Fraction(0)
        while not self._closed.is_set():
            start = self._play(start)
            if not self._loop:
                break
        self._ahead.close()

    def _fail(self, error: BaseException) -> None:
        """Whatever ended the decoder ends the source, once what was decoded before has been played."""
        self._failure.note(error)
        self._ahead.close()

    def _play(self, start: Fraction) -> Fraction:
        """One round from ``start`` on; returns where the next one begins."""
        file = FileSource(self.path)
        try:
            sound = next((s for s in file.others if isinstance(s, AudioStream)), None) if self._sound else None
            self.rate = file.rate
            shift = start - _time(file.first)
            end = start
            for time, item in _timed(file, sound, shift):
                if isinstance(item, Frame):
                    end = max(end, time + 1 / file.rate)
                    self._ahead.put((time, item), _SOUNDS_A_FRAME)
                elif time >= start:  # sound from before the first picture would lie over the end of the last round
                    self._ahead.put((time, item))
            return end
        finally:
            file.close()


def _timed(file: FileSource, sound: AudioStream | None, shift: Fraction) -> Iterator[_Timed]:
    """Pictures and pieces of ``sound``, each with its time, which is ``shift`` later than in the file."""
    for item in file:
        if isinstance(item, Frame):
            yield shift + _time(item), item
        elif sound is not None and item.stream is sound:
            for samples in _decoded(sound, item):
                if samples.pts is not None and samples.time_base is not None:
                    yield shift + samples.pts * samples.time_base, samples


def _decoded(sound: AudioStream, packet: "Packet[Stream]") -> list[av.AudioFrame]:
    """The samples in a packet; none where it is damaged, as a decoder of pictures leaves out damaged ones."""
    try:
        return sound.decode(packet)
    except av.error.FFmpegError:
        return []


def _time(frame: Frame) -> Fraction:
    """Presentation time in seconds; a file source gives every frame one."""
    return (frame.pts or 0) * (frame.time_base or Fraction(1))
