"""A microphone beside a camera: its sound takes the place of the source's own."""

import logging
import os
import re
import sys
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from time import monotonic_ns, time_ns
from typing import Final

import av
from av.audio.frame import AudioFrame

from realtime.live.source import LiveItem, LiveSource, PacedSource, Sound
from realtime.live.sources.camera import open_device
from realtime.runtime.backoff import Backoff
from realtime.runtime.errors import InputError, reason
from realtime.runtime.threads import Failure, guarded_thread

__all__ = ["Microphone", "WithMicrophone"]

_log: Final = logging.getLogger(__name__)

#: Pieces of sound kept while no picture comes.
_KEPT: Final = 256
#: Sound is no older than this when it is read, in ns.
_RECENT_NS: Final = 1_000_000_000
_ALSA: Final = Path("/usr/share/alsa/alsa.conf")
_CARD: Final = re.compile(r"(?:plug)?hw:(\d+)")


class Microphone:
    """A sound device by the name that the system has for it, ``default`` for instance. Opened by iterating over it."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._closed = Event()

    def __iter__(self) -> Iterator[Sound]:
        """Raises ``InputError`` where it is missing or lost."""
        container = open_device(self.address, *_way(self.address))
        try:
            for packet in container.demux(container.streams.audio[:1]):
                for block in packet.decode():
                    if self._closed.is_set():
                        return
                    if isinstance(block, AudioFrame):
                        yield Sound(block, _captured(block, monotonic_ns(), time_ns()))
        except (av.error.FFmpegError, OSError) as error:
            raise InputError(f"{self.address}: the microphone is gone: {reason(error)}; plug it in again") from error
        finally:
            container.close()
        raise InputError(f"{self.address}: the microphone has stopped")

    def close(self) -> None:
        """End with the next piece of sound."""
        self._closed.set()


class WithMicrophone:
    """A source with the sound of a microphone, which is read in a thread of its own.

    A microphone that is missing at the start is an error; one that is lost later is tried again, and its sound is
    missing meanwhile.
    """

    def __init__(self, source: LiveSource, address: str) -> None:
        self._source = source
        self._address = address
        self._heard: deque[Sound] = deque(maxlen=_KEPT)
        self._closed = Event()
        self._failure = Failure()
        self._microphone = Microphone(address)
        self.rate = source.rate

    @property
    def due_ns(self) -> int:
        """That of the source."""
        return self._source.due_ns if isinstance(self._source, PacedSource) else 0

    def __iter__(self) -> Iterator[LiveItem]:
        """Each picture after the sound that was heard before it."""
        guarded_thread(self._listen, f"microphone {self._address}", self._fail).start()
        try:
            for item in self._source:
                self.rate = self._source.rate
                self._failure.check()
                while self._heard:
                    yield self._heard.popleft()
                if not isinstance(item, Sound):
                    yield item
        finally:
            self.close()

    def close(self) -> None:
        """End both."""
        self._closed.set()
        self._microphone.close()
        self._source.close()

    def _listen(self) -> None:
        backoff, first = Backoff(), True
        while not self._closed.is_set():
            heard_ns: int | None = None
            try:
                for sound in self._microphone:
                    heard_ns, first = heard_ns or monotonic_ns(), False
                    self._heard.append(sound)
            except InputError as error:
                if first:
                    raise
                _log.warning("%s", error)
            held = 0.0 if heard_ns is None else (monotonic_ns() - heard_ns) / 1e9
            if self._closed.wait(backoff.after(held)):
                return
            self._microphone = Microphone(self._address)

    def _fail(self, error: BaseException) -> None:
        """Raised with the next picture: the source ends with it."""
        self._failure.note(error)


def _way(address: str) -> tuple[str, str, dict[str, str]]:
    """What is opened, with which of FFmpeg's inputs, and its options."""
    if sys.platform == "darwin":
        return f"none:{address}", "avfoundation", {}
    if sys.platform == "win32":
        return f"audio={address}", "dshow", {"audio_buffer_size": "20"}
    if (card := _CARD.match(address)) and not Path("/proc/asound", f"card{card[1]}").exists():
        raise InputError(f"{address}: no such device; `mummer devices` lists them")  # ALSA would print more than that
    if _ALSA.is_file():
        # The ALSA inside PyAV's wheels looks for its configuration where they were built.
        os.environ.setdefault("ALSA_CONFIG_PATH", str(_ALSA))
    return address, "alsa", {}


def _captured(block: AudioFrame, now_ns: int, wall_ns: int) -> int:
    """The monotonic time of the first sample. FFmpeg's devices say it in wall time, with the delay of the device."""
    length_ns = block.samples * 1_000_000_000 // block.sample_rate
    if block.pts is not None and block.time_base is not None:
        age_ns = wall_ns - int(block.pts * block.time_base * 1_000_000_000)
        if length_ns // 2 <= age_ns < _RECENT_NS:
            return now_ns - age_ns
    return now_ns - length_ns
