"""A stream from the network: rtsp, rtmp, srt, udp, http."""

import re
import subprocess
from collections.abc import Iterator
from fractions import Fraction
from threading import Event
from typing import Final

import av
from av.container import InputContainer
from av.stream import Stream

from realtime.live.ffmpeg_program import PROBED, find_program, receive
from realtime.live.protocols import carries
from realtime.live.settings import SourceSettings
from realtime.live.source import LiveItem
from realtime.live.sources.live_decoder import Decoder, video_of
from realtime.media.file_source import DEMUXERS
from realtime.media.pixel_limit import MAX_PIXELS, decoder_options
from realtime.runtime.errors import InputError, UsageError, reason
from realtime.runtime.redaction import redacted, shown
from realtime.runtime.watchdog import limited

__all__ = ["SCHEMES", "Arrivals", "StreamSource"]

#: Protocols that a stream can come in by.
SCHEMES: Final = ("rtsp", "rtsps", "rtmp", "rtmps", "srt", "udp", "tcp", "http", "https")
#: Seconds for connecting and the first packets, and for every packet after.
OPENING: Final = 8.0
READING: Final = 3.0
_READING_US: Final = str(round(READING * 1e6))

#: What a stream may lead to: other addresses, as playlists do, but never a file.
_PROTOCOLS: Final = "rtsp,rtsps,rtp,rtmp,rtmps,rtmpt,srt,udp,tcp,tls,http,https,httpproxy,crypto,data"
_FORMATS: Final = f"{DEMUXERS},rtsp,rtp,sdp,hls,applehttp,mpjpeg"
#: As little as possible is looked at before the first picture.
_QUICK: Final = {
    "fflags": "+discardcorrupt",
    "probesize": PROBED,
    "analyzeduration": PROBED,
    "protocol_whitelist": _PROTOCOLS,
    "format_whitelist": _FORMATS,
}
#: What each protocol calls the time after which it gives up, and what else makes it quick. In microseconds.
_OPTIONS: Final[dict[str, dict[str, str]]] = {
    "rtsp": {"rtsp_transport": "tcp", "timeout": _READING_US, "max_delay": "100000"},
    "rtsps": {"rtsp_transport": "tcp", "timeout": _READING_US, "max_delay": "100000"},
    "rtmp": {"rw_timeout": _READING_US, "rtmp_live": "live", "rtmp_buffer": "0"},
    "rtmps": {"rw_timeout": _READING_US, "rtmp_live": "live", "rtmp_buffer": "0"},
    "udp": {"fifo_size": "50000", "overrun_nonfatal": "1"},
    "tcp": {"rw_timeout": _READING_US},
    "http": {"rw_timeout": _READING_US},
    "https": {"rw_timeout": _READING_US},
}


class Arrivals:
    """The monotonic time at which the packets of a stream were captured, by its own times and when they arrive.

    The packet that came quickest says how the stream's clock lies to ours; from there the estimate creeps upwards, so
    that it follows a clock which is slower. A network that trembles so makes nothing tremble.
    """

    def __init__(self) -> None:
        self._offset_ns: int | None = None
        self._last_ns = 0

    def __call__(self, time: Fraction | None, arrived_ns: int) -> int:
        """When what has this time in the stream, in seconds, and came at ``arrived_ns``, was captured."""
        if time is None:
            return arrived_ns
        time_ns = int(time * 1_000_000_000)
        measured = arrived_ns - time_ns
        if self._offset_ns is None or measured - self._offset_ns > _LEAP_NS:
            self._offset_ns = measured  # the first, or the stream's clock was set
        else:
            creep = int((arrived_ns - self._last_ns) * _CREEP)
            self._offset_ns = min(self._offset_ns + creep, measured)
        self._last_ns = arrived_ns
        return time_ns + self._offset_ns


#: No quartz is wrong by more than this share.
_CREEP: Final = 0.0005
#: No network holds packets for longer than this, in ns.
_LEAP_NS: Final = 1_000_000_000
#: Formats without times.
_UNTIMED: Final = frozenset({"mpjpeg", "mjpeg", "h264", "hevc", "m4v"})


class StreamSource:
    """Frames and sound of a stream that somebody sends, or serves. It ends with ``InputError``: streams are to go on.

    ``?listen=1`` at the end of an rtmp or rtsp address waits there for somebody who sends.
    """

    def __init__(self, address: str, settings: SourceSettings) -> None:
        if not address.partition("://")[2].strip("/"):
            raise UsageError(f"{shown(address)}: from where? give {address.partition(':')[0]}://HOST...")
        self.address = address
        self.rate: Fraction | None = None
        self._sound = settings.audio is None
        self._closed = Event()
        self._bridge: subprocess.Popen[bytes] | None = None

    def __iter__(self) -> Iterator[LiveItem]:
        """Raises ``InputError`` where nothing comes, or nothing more."""
        try:
            yield from self._read()
        except InputError:
            if not self._closed.is_set():
                raise
            return
        if not self._closed.is_set():
            raise self._failure("the stream has ended")

    def close(self) -> None:
        """End with the next packet, or when none comes in time."""
        self._closed.set()
        self._end_bridge()

    def _read(self) -> Iterator[LiveItem]:
        container = self._open()
        try:
            video = video_of(container, self.address)
            self.rate = video.guessed_rate or video.average_rate
            times = _arrived if container.format.name in _UNTIMED else Arrivals()
            decoder = Decoder(video, times)
            streams: list[Stream] = [video, *(container.streams.audio[:1] if self._sound else ())]
            for packet in container.demux(*streams):
                if self._closed.is_set():
                    return
                yield from decoder.decode(packet)  # at the end packets are empty, and fetch what is still held back
        except av.error.ArgumentError as error:  # of a decoder: what comes is nothing to it, or too large
            most = f"{MAX_PIXELS:,}"
            raise self._failure(f"cannot be decoded: damaged, or with pictures of more than {most} pixels") from error
        except (av.error.FFmpegError, OSError) as error:
            raise self._failure(_words(error, READING)) from error
        finally:
            container.close()
            if self._bridge is not None:
                self._bridge.kill()
                self._bridge.communicate()

    def _open(self) -> InputContainer:
        scheme = self.address.partition(":")[0].lower()
        options = _QUICK | _OPTIONS.get(scheme, {})
        address, listens = _LISTEN.subn("", self.address)
        if listens:
            options |= {"rtsp_flags": "listen"} if scheme == "rtsp" else {"listen": "1"}
        form = None
        if not carries(scheme):
            program = find_program(scheme)
            if program is None:
                raise self._failure(f"PyAV's FFmpeg comes without {scheme}; install an ffmpeg program that has it")
            self._bridge = process = receive(program, self.address, "nut")
            assert process.stdout is not None  # noqa: S101  # a pipe, as asked
            address, form = f"pipe:{process.stdout.fileno()}", "nut"
            options = _QUICK | {"protocol_whitelist": "pipe"}
        try:
            limits, times = decoder_options(), (OPENING, READING)
            # A pipe knows no timeout of its own.
            with limited(OPENING + (form is None), self._end_bridge) as limit:
                return av.open(address, "r", format=form, options=limits, container_options=options, timeout=times)
        except (av.error.FFmpegError, OSError) as error:
            words = _words(error, OPENING)
            if limit.passed:
                words = f"nothing came for {OPENING:.0f} s"
            elif self._bridge is not None:
                self._bridge.kill()
                said = self._bridge.communicate()[1].decode(errors="replace").strip().splitlines()
                words = said[-1].removeprefix(f"{self.address}: ") if said else words
            raise self._failure(f"{words.lower()}; check that something sends there") from error

    def _end_bridge(self) -> None:
        if self._bridge is not None:
            self._bridge.kill()

    def _failure(self, words: str) -> InputError:
        """FFmpeg's words may repeat the address, or parts of it."""
        return InputError(f"{shown(self.address)}: {redacted(words, self.address)}")


def _arrived(time: Fraction | None, arrived_ns: int) -> int:
    """The time of what comes without one: FFmpeg makes some up, from a frame rate that it guesses."""
    return arrived_ns


def _words(error: av.error.FFmpegError | OSError, seconds: float) -> str:
    if isinstance(error, av.error.ExitError | TimeoutError):
        return f"nothing came for {seconds:.0f} s"
    return reason(error)


_LISTEN: Final = re.compile(r"[?&]listen=1$")
