"""Sound in step with the pictures: one unbroken line of samples on the monotonic clock.

Every sound device counts seconds in its own way, a little too fast or too slow, and hands its samples over when it
likes. Each sink that carries sound puts that right for itself:

- ``SampleClock`` finds out when samples were captured: a delay-locked loop (F. Adriaensen, "Using a DLL to filter
  time", 2005) takes the jitter out of the times and follows the drift.
- ``SoundLine`` stretches the sound by parts in a thousand to keep to that clock (libswresample's soft compensation,
  too little to hear), and puts silence where sound was lost. Both are counted.
- ``SoundLine.until`` gives the sound out up to the capture time of the picture that is sent: it is held back for as
  long as this very picture took.
"""

from collections.abc import Iterator
from fractions import Fraction
from math import pi, sqrt
from typing import Final, cast

import av
import av.filter
import numpy as np
from av.audio.fifo import AudioFifo
from av.audio.frame import AudioFrame

from realtime.live.source import Sound

__all__ = ["LAYOUT", "RATE", "SampleClock", "SoundLine"]

#: What every line gives: samples a second, and FFmpeg's names of the channel layout and the sample format.
RATE: Final = 48_000
LAYOUT: Final = "stereo"
FORMAT: Final = "fltp"
#: How fast the clock follows, in Hz: slow enough for the jitter of blocks, fast enough for the drift of quartzes.
BANDWIDTH: Final = 0.05
#: Blocks that come so much later or earlier than expected, in ns, this many times running, are no jitter: sound was
#: lost, or comes from elsewhere. All of it stays below the 45 ms that lips and voice may be apart (ITU-R BT.1359).
JUMP_NS: Final = 30_000_000
JUMPS: Final = 3
#: By so much, once is enough.
LEAP_NS: Final = 200_000_000
#: Sound that is missing for so long, in ns, is waited for no longer: silence goes out in its place, until it comes.
PATIENCE_NS: Final = 500_000_000
#: Samples a second by which sound is stretched at most: half a percent.
STRETCH: Final = RATE // 200
#: Samples by which a piece of sound may lie beside its place and is not moved.
TOLERANCE: Final = RATE // 1000
_SECOND_NS: Final = 1_000_000_000


class SampleClock:
    """When blocks of samples were captured, without the jitter of the times that came with them.

    ``ratio`` is how many seconds of the monotonic clock a second of samples takes.
    """

    def __init__(self, captured_ns: int) -> None:
        """The first block was captured then."""
        self._next_ns = float(captured_ns)
        self.ratio = 1.0

    def error_ns(self, captured_ns: int) -> float:
        """How much later than expected the next block comes, where it was captured then."""
        return captured_ns - self._next_ns

    def tell(self, captured_ns: int, seconds: float) -> int:
        """The time of the next block, in ns; it says that it was captured then, and is so long."""
        time, error = self._next_ns, captured_ns - self._next_ns
        angle = 2 * pi * BANDWIDTH * seconds  # that the loop turns in a block; critically damped
        self._next_ns += seconds * _SECOND_NS * self.ratio + sqrt(2) * angle * error
        self.ratio += angle * angle * error / (seconds * _SECOND_NS)
        return round(time)


class SoundLine:
    """Pieces of sound in; out comes one sound without a gap, whose sample n belongs to ``began_ns`` + n / ``RATE`` s.

    Not for several threads at once. ``filled`` counts samples of silence that stand for sound which was lost or did
    not come, ``dropped`` samples that came twice or too late.
    """

    def __init__(self, began_ns: int) -> None:
        self.filled = 0
        self.dropped = 0
        self._began_ns = began_ns
        self._clock: SampleClock | None = None
        self._stretcher: _Stretcher | None = None
        self._jumps = 0
        self._waiting = AudioFifo()
        self._put = 0  # samples since the beginning, up to the end of what waits
        self._given = 0
        self._absent = True  # no sound comes: its silence is in time

    def put(self, sound: Sound) -> None:
        """Add a piece of sound, in any format of FFmpeg's."""
        block = sound.samples
        if not block.samples:
            return
        self._absent = False
        clock, stretcher = self._clock, self._stretcher
        if clock is None or stretcher is None or not stretcher.takes(block) or self._jumped(clock, sound):
            clock, stretcher = self._begin(sound)
        captured_ns = sound.captured_ns
        if self._jumps:  # until it is clear what this is, the clock runs by itself
            captured_ns -= round(clock.error_ns(captured_ns))
        time_ns = clock.tell(captured_ns, block.samples / block.sample_rate)
        for stretched in stretcher.stretch(block, time_ns - self._began_ns):
            self._place(stretched)

    def until(self, captured_ns: int) -> Iterator[AudioFrame]:
        """The sound up to then, as far as it has come: frames with ``pts`` in samples since the beginning."""
        due = self._index(captured_ns - self._began_ns)
        if due - self._put > (0 if self._absent else self._index(PATIENCE_NS)):
            self._absent = True
            self._fill(due)
        count = min(due, self._put) - self._given
        if count > 0 and (frame := self._waiting.read(count)) is not None:
            frame.pts, frame.time_base = self._given, Fraction(1, RATE)
            self._given += frame.samples
            yield frame

    @staticmethod
    def _index(time_ns: int) -> int:
        return time_ns * RATE // _SECOND_NS

    def _jumped(self, clock: SampleClock, sound: Sound) -> bool:
        error_ns = abs(clock.error_ns(sound.captured_ns))
        self._jumps = self._jumps + 1 if error_ns > JUMP_NS else 0
        return self._jumps >= JUMPS or error_ns > LEAP_NS

    def _begin(self, sound: Sound) -> "tuple[SampleClock, _Stretcher]":
        """Another sound, or the same elsewhere in time."""
        if self._stretcher is not None:
            for rest in self._stretcher.finish():
                self._place(rest)
        self._jumps = 0
        self._clock, self._stretcher = SampleClock(sound.captured_ns), _Stretcher(sound.samples)
        return self._clock, self._stretcher

    def _place(self, frame: AudioFrame) -> None:
        """Append ``frame``; silence goes before it where there is a gap, and what is too late goes."""
        start = frame.pts or 0
        if start > self._put + TOLERANCE:
            self._fill(start)
        elif start < self._put - TOLERANCE:
            late = min(self._put - start, frame.samples)
            if self._put:  # sound from before the first picture is no loss
                self.dropped += late
            if late == frame.samples:
                return
            frame = _frame(np.asarray(frame.to_ndarray(), np.float32)[:, late:])
        frame.pts = None
        self._waiting.write(frame)
        self._put += frame.samples

    def _fill(self, end: int) -> None:
        """Silence up to sample ``end``."""
        count = end - self._put
        if self._stretcher is not None and self._put:
            self.filled += count
        while self._put < end:
            step = min(end - self._put, RATE)
            self._waiting.write(_frame(np.zeros((2, step), np.float32)))
            self._put += step


class _Stretcher:
    """Brings sound of one format to the format of the line, stretched so that it keeps to the times it is given."""

    def __init__(self, block: AudioFrame) -> None:
        self._kind = _kind(block)
        self._graph = av.filter.Graph()
        self._graph.threads = 1  # there is nothing to share out among more
        entry = self._graph.add_abuffer(
            sample_rate=block.sample_rate, format=block.format, layout=_layout(block), time_base=_NANOSECONDS
        )
        # libswresample would make one channel quieter in two.
        spread = [self._graph.add("pan", f"{LAYOUT}|c0=c0|c1=c0")] if block.layout.nb_channels == 1 else []
        # Its hard compensation is switched off: gaps are filled here, and counted.
        resample = self._graph.add(
            "aresample", f"{RATE}:async={STRETCH}:min_comp=0:min_hard_comp=1000000:comp_duration=1"
        )
        form = self._graph.add("aformat", f"sample_fmts={FORMAT}:channel_layouts={LAYOUT}:sample_rates={RATE}")
        self._graph.link_nodes(entry, *spread, resample, form, self._graph.add("abuffersink")).configure()

    def takes(self, block: AudioFrame) -> bool:
        """Whether the block is in the format of the first one."""
        return self._kind == _kind(block)

    def stretch(self, block: AudioFrame, time_ns: int) -> Iterator[AudioFrame]:
        """The block, and what was held back; ``pts`` in samples, 0 at time 0."""
        # Others share the block: a frame of our own has the time.
        own = AudioFrame.from_ndarray(block.to_ndarray(), block.format, _layout(block))
        own.sample_rate = block.sample_rate
        own.pts, own.time_base = time_ns, _NANOSECONDS
        self._graph.push(own)
        yield from self._pull()

    def finish(self) -> Iterator[AudioFrame]:
        """What is still held back."""
        self._graph.push(None)
        yield from self._pull()

    def _pull(self) -> Iterator[AudioFrame]:
        while True:
            try:
                yield cast(AudioFrame, self._graph.pull())
            except (av.error.BlockingIOError, av.error.EOFError):
                return


_NANOSECONDS: Final = Fraction(1, _SECOND_NS)


def _kind(block: AudioFrame) -> tuple[int, str, str]:
    return block.sample_rate, block.format.name, block.layout.name


def _layout(block: AudioFrame) -> str:
    """Devices say how many channels there are, and seldom which."""
    return {1: "mono", 2: "stereo"}.get(block.layout.nb_channels, block.layout.name)


def _frame(samples: "np.ndarray[tuple[int, ...], np.dtype[np.float32]]") -> AudioFrame:
    """A frame of float32 (2, N) samples."""
    frame = AudioFrame.from_ndarray(np.ascontiguousarray(samples), FORMAT, LAYOUT)
    frame.sample_rate = RATE
    return frame
