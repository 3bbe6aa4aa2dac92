"""A stream from the network: rtsp, rtmp, srt, udp, http.

A thread of its own reads packets and says when each is due (``pace``); there they wait, encoded. The source's thread
decodes each picture when it is due, and gives it out with the sound up to it.
"""

import re
import subprocess
from collections.abc import Iterator
from fractions import Fraction
from math import inf
from threading import Event
from time import monotonic_ns
from typing import Final

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream

from realtime.live.endless import CONTAINER
from realtime.live.ffmpeg_program import PROBED, find_program, receive
from realtime.live.protocols import carries
from realtime.live.settings import SourceSettings
from realtime.live.source import LiveItem
from realtime.live.sources.live_decoder import Decoder, video_of
from realtime.live.sources.pace import Fetched, Pace, Sent
from realtime.live.sources.packets import WaitingPackets, time_of
from realtime.media.file_source import DEMUXERS
from realtime.media.pixel_limit import MAX_PIXELS, decoder_options
from realtime.runtime.errors import InputError, UsageError, reason
from realtime.runtime.redaction import redacted, shown
from realtime.runtime.watchdog import limited

__all__ = ["SCHEMES", "StreamSource"]

#: Protocols that a stream can come in by.
SCHEMES: Final = ("rtsp", "rtsps", "rtmp", "rtmps", "srt", "udp", "tcp", "http", "https")
#: Those that give as fast as we take, or in large pieces.
_FETCHED: Final = frozenset({"http", "https"})
#: Seconds for connecting and the first packets, and for every packet after; and where those come in large pieces.
OPENING: Final = 8.0
READING: Final = 3.0
READING_PIECES: Final = 15.0
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


#: What to do where a file cannot be read from the middle, and what has other reasons.
_NO_RANGES: Final = (
    "where its server gives no parts of a file (HTTP ranges) the file must begin with its index: write it with"
    " `-movflags +faststart`, or download it"
)
_UNREACHABLE: Final = (
    ConnectionError, TimeoutError, av.error.ExitError, av.error.HTTPClientError, av.error.HTTPServerError,
)  # fmt: skip
#: Bytes of packets that wait: of what somebody sends few, for it is to be shown now; of what is fetched, seconds.
_ROOM_SENT: Final = 4 << 20
_ROOM_FETCHED: Final = 32 << 20
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
        fetched = address.partition(":")[0].lower() in _FETCHED
        self._room = _ROOM_FETCHED if fetched else _ROOM_SENT
        self._reading = READING_PIECES if fetched else READING
        self._pace: Pace = Fetched(settings.buffer) if fetched else Sent(settings.buffer)
        self._closed = Event()
        self._packets: WaitingPackets | None = None
        self._bridge: subprocess.Popen[bytes] | None = None

    @property
    def buffered(self) -> float:
        """Seconds for which what comes waits now, so that it goes on evenly."""
        return self._pace.depth

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
        if self._packets is not None:
            self._packets.cut()
        self._end_bridge()

    def _read(self) -> Iterator[LiveItem]:
        container = self._open()
        try:
            video = video_of(container, self.address)
            self.rate = video.guessed_rate or video.average_rate
            streams: list[Stream] = [video, *(container.streams.audio[:1] if self._sound else ())]
            pace = None if container.format.name in _UNTIMED else self._pace
            # A bridge knows no such end: it waits for whoever sends to go on.
            silence = inf if self._bridge is not None else self._reading
            self._packets = WaitingPackets(container, streams, pace, self._room, silence)
            yield from self._play(self._packets, video)
        except av.error.ArgumentError as error:  # of a decoder: what comes is nothing to it, or too large
            most = f"{MAX_PIXELS:,}"
            raise self._failure(f"cannot be decoded: damaged, or with pictures of more than {most} pixels") from error
        except (av.error.FFmpegError, OSError) as error:
            words = _words(error, self._reading)
            raise self._failure(f"{words}; {_NO_RANGES}" if self._lacks_index(error) else words) from error
        finally:
            self._end_bridge()
            if self._packets is not None:
                self._packets.close()
            container.close()
            self._reap_bridge()

    def _play(self, packets: WaitingPackets, video: VideoStream) -> Iterator[LiveItem]:
        """Each picture when it is due, after the sound up to it."""
        times = _Due()
        decoder = Decoder(video, times)
        for packet, due_ns in packets.pictures():
            if not self._wait(due_ns):
                return
            for sound, sound_ns in packets.sounds(due_ns):
                times.set(sound, sound_ns)
                yield from decoder.decode(sound)
            times.set(packet, due_ns)
            for item in decoder.decode(packet):  # the last packets are empty, and fetch what is still held back
                if not self._wait(item.captured_ns or 0):
                    return
                yield item

    def _wait(self, due_ns: int) -> bool:
        """Wait until then; false where the source was closed before."""
        early_ns = due_ns - monotonic_ns()
        return not (self._closed.wait(early_ns / 1e9) if early_ns > 0 else self._closed.is_set())

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
            self._bridge = process = receive(program, self.address, self._sound)
            assert process.stdout is not None  # noqa: S101  # a pipe, as asked
            address, form = f"pipe:{process.stdout.fileno()}", CONTAINER
            options = _QUICK | {"protocol_whitelist": "pipe"}
        try:
            limits, times = decoder_options(), (OPENING, self._reading)
            # A pipe knows no timeout of its own.
            with limited(OPENING + (form is None), self._end_bridge) as limit:
                return av.open(address, "r", format=form, options=limits, container_options=options, timeout=times)
        except (av.error.FFmpegError, OSError) as error:
            said = self._reap_bridge()
            words = f"nothing came for {OPENING:.0f} s" if limit.passed else said or _words(error, OPENING)
            hint = _NO_RANGES if self._lacks_index(error) else "check that something sends there"
            raise self._failure(f"{words.lower()}; {hint}") from error

    def _lacks_index(self, error: Exception) -> bool:
        """Whether it is a file whose table of contents may lie at its end, out of reach."""
        path = self.address.partition("?")[0].lower()
        has_index = self._room == _ROOM_FETCHED and path.endswith((".mp4", ".m4v", ".mov"))
        return has_index and not isinstance(error, _UNREACHABLE)

    def _end_bridge(self) -> None:
        if self._bridge is not None:
            self._bridge.kill()

    def _reap_bridge(self) -> str:
        """End the ffmpeg program, where there is one, and wait for that; returns the last of what it said."""
        if self._bridge is None:
            return ""
        self._bridge.kill()
        said = self._bridge.communicate()[1].decode(errors="replace").strip().splitlines()
        return said[-1].removeprefix(f"{self.address}: ") if said else ""

    def _failure(self, words: str) -> InputError:
        """FFmpeg's words may repeat the address, or parts of it."""
        return InputError(f"{shown(self.address)}: {redacted(words, self.address)}")


class _Due:
    """When what is decoded was due: as its packet was, by the times of the stream. See ``Times``."""

    def __init__(self) -> None:
        self._shift_ns: int | None = None

    def set(self, packet: "Packet[Stream]", due_ns: int) -> None:
        """What is decoded next comes out of ``packet``."""
        if packet.size:
            time = time_of(packet)
            self._shift_ns = None if time is None else due_ns - int(time * 1_000_000_000)

    def __call__(self, time: Fraction | None, arrived_ns: int) -> int:
        """What comes without a time was captured when it came: FFmpeg makes some up, from a rate that it guesses."""
        return arrived_ns if time is None or self._shift_ns is None else int(time * 1_000_000_000) + self._shift_ns


def _words(error: av.error.FFmpegError | OSError, seconds: float) -> str:
    if isinstance(error, av.error.ExitError | TimeoutError):
        return f"nothing came for {seconds:.0f} s"
    return reason(error)


_LISTEN: Final = re.compile(r"[?&]listen=1$")
