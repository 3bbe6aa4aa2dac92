"""A stream over the network: rtmp, rtsp, srt, udp."""

from io import BytesIO
from typing import Final

import av
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Stream

from realtime.live.endless import CONTAINER, OPTIONS
from realtime.live.settings import SinkSettings
from realtime.live.sink import CLOCK, StreamFormat
from realtime.live.sinks.live_muxer import LiveMuxer, check_codec
from realtime.live.sinks.mux_process import MuxProcess
from realtime.live.source import Sound
from realtime.live.throttle import Throttle
from realtime.media.containers import muxed_by
from realtime.media.frame import Frame
from realtime.runtime.errors import OutputError, UsageError
from realtime.runtime.redaction import shown

__all__ = ["SCHEMES", "StreamSink"]

#: Protocols that a stream can go out by.
SCHEMES: Final = ("rtmp", "rtmps", "rtsp", "rtsps", "srt", "udp")


class StreamSink:
    """Encodes for the network, without holding frames back, and hands the packets to a ``MuxProcess``.

    A network that is too slow makes ``write`` wait: frames are dropped before they are encoded, and what is sent stays
    whole. Where it stays too slow, fewer bits are asked of it, until it has room again: ``bitrate`` says how many a
    second are aimed at now. ``silence`` says after the end how many seconds of sound were missing, and were silent.
    """

    def __init__(self, address: str, settings: SinkSettings) -> None:
        check_codec(settings, shown(address), muxed_by(CONTAINER))
        if not address.partition("://")[2].strip("/"):
            raise UsageError(f"{shown(address)}: where to? give {address.partition(':')[0]}://HOST...")
        self.address = address
        self.silence = 0.0
        self._settings = settings
        self._mux: MuxProcess | None = None
        self._muxer: LiveMuxer | None = None
        self._throttle: Throttle | None = None
        self._last_pts = 0

    @property
    def bitrate(self) -> int | None:
        """Bits a second that the pictures are to take now."""
        return None if self._throttle is None else self._throttle.bits

    @property
    def waited_ns(self) -> int:
        """For how long the network was waited for, all in all."""
        return 0 if self._mux is None else self._mux.waited_ns

    def open(self, shape: StreamFormat) -> None:
        """Open the encoders, and connect. Where that fails no process is left, with or without ``close``."""
        self._mux = mux = MuxProcess(_fitted(self.address))
        try:
            container = av.open(mux, "w", format=CONTAINER, container_options=OPTIONS)
            self._muxer = LiveMuxer(container, self.address, shape, self._settings, instant=True)
            container.start_encoding()
            self._throttle = Throttle(self._muxer.bitrate) if self._muxer.bitrate else None
            mux.connect(_sample(container))
        except BaseException:
            mux.kill()
            mux.finish()
            raise

    def write(self, frame: Frame) -> None:
        """Send a frame, and the sound up to it."""
        assert self._muxer is not None and self._mux is not None  # noqa: S101  # opened before
        waited_ns = self._mux.waited_ns
        try:
            self._muxer.write(frame)
        except OutputError as error:
            raise self._mux.explain(error) from error
        pts, last, self._last_pts = frame.pts or 0, self._last_pts, frame.pts or 0
        if last and self._throttle is not None:
            self._adapt(self._muxer, self._throttle, float((pts - last) * CLOCK), self._mux.waited_ns - waited_ns)

    def write_sound(self, sound: Sound) -> None:
        """Take sound in, for when its picture comes."""
        assert self._muxer is not None  # noqa: S101  # opened before
        self._muxer.write_sound(sound)

    def close(self) -> None:
        """Send what is left, and say goodbye."""
        muxer, self._muxer = self._muxer, None
        if self._mux is None:
            return
        try:
            if muxer is not None:
                self.silence = muxer.silence
                muxer.finish()
        except OutputError as error:
            raise self._mux.explain(error) from error
        finally:
            self._mux.finish()

    def _adapt(self, muxer: LiveMuxer, throttle: Throttle, passed: float, waited_ns: int) -> None:
        """Ask fewer bits of a network that cannot take them, and say so."""
        before = throttle.bits
        bits = throttle.observe(passed, waited_ns / 1e9)
        if bits == before:
            return
        muxer.bitrate = bits
        if self._settings.tell is not None:
            why = "the network is too slow" if bits < before else "the network has room again"
            self._settings.tell(f"{shown(self.address)}: {why}: now {bits // 1000} kbit/s", bits < before)

    def abort(self) -> None:
        """Cut the connection."""
        if self._mux is not None:
            self._mux.kill()


def _fitted(address: str) -> str:
    """Datagrams of a transport stream hold seven of its packets, so that none is broken in two on the way."""
    if address.startswith("udp:") and "pkt_size=" not in address:
        return f"{address}{'&' if '?' in address else '?'}pkt_size=1316"
    return address


def _sample(container: OutputContainer) -> bytes:
    """A file of one packet a stream, which tells all parameters of the streams; the packets are nothing."""
    with BytesIO() as memory:
        sample = av.open(memory, "w", format=CONTAINER)
        for template in container.streams:
            sample.add_stream_from_template(template)
        sample.metadata.update(container.metadata)
        for stream in sample.streams:
            packet: Packet[Stream] = Packet(bytes(64))
            packet.stream, packet.time_base = stream, stream.time_base or CLOCK
            packet.pts = packet.dts = 0
            packet.is_keyframe = True
            sample.mux_one(packet)
        sample.close()
        return memory.getvalue()
