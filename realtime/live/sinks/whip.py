"""WHIP: the swapped video over WebRTC to a server or a platform, its sound with it."""

from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

import av
from av.audio.fifo import AudioFifo

from realtime.live.handover import Handover
from realtime.live.settings import SinkSettings
from realtime.live.sink import StreamFormat
from realtime.live.slate import duplicate
from realtime.live.sound import LAYOUT, RATE, SoundLine
from realtime.live.source import Sound
from realtime.live.webrtc_link import WebRtcLink
from realtime.media.frame import Frame
from realtime.runtime.errors import UsageError
from realtime.runtime.redaction import shown

if TYPE_CHECKING:
    from aiortc import MediaStreamTrack, RTCPeerConnection

__all__ = ["WhipSink"]

#: Samples of a packet of Opus, 20 ms.
_BLOCK: Final = RATE // 50
#: Pictures and blocks of sound that wait for the connection to ask for them; then the oldest goes.
_PICTURES: Final = 2
_BLOCKS: Final = 50


class WhipSink:
    """Sends H.264, or VP8 where the server has no other, and Opus. The library adapts its bit rate to the network.

    ``overflowed`` counts pictures that it had no time to encode.
    """

    def __init__(self, address: str, settings: SinkSettings) -> None:
        if settings.codec is not None:
            raise UsageError(f"{shown(address)}: WebRTC agrees on a codec by itself; leave --codec out")
        self.address = address
        self._link = WebRtcLink(address)
        self._pictures: Handover[av.VideoFrame] = Handover(self._link.loop, _PICTURES)
        self._blocks: Handover[av.AudioFrame] = Handover(self._link.loop, _BLOCKS)
        self._line: SoundLine | None = None
        self._early: list[Sound] = []
        self._fifo = AudioFifo()
        self._sample = 0
        self.overflowed = 0

    def open(self, shape: StreamFormat) -> None:
        """Connect."""

        def prepare(peer: "RTCPeerConnection") -> None:
            from aiortc import RTCRtpSender

            capable = RTCRtpSender.getCapabilities("video").codecs
            peer.addTransceiver(_track("video", self._pictures), "sendonly").setCodecPreferences(
                sorted(capable, key=lambda codec: codec.mimeType != "video/H264")
            )
            if shape.sound:
                peer.addTransceiver(_track("audio", self._blocks), "sendonly")

        try:
            self._link.open(prepare)
        except BaseException:
            self._link.close()
            raise

    def write(self, frame: Frame) -> None:
        """Send a frame, and the sound up to it."""
        if self._link.lost:
            raise self._link.failure("the server has ended the connection")
        captured_ns = frame.captured_ns or 0
        if self._line is None:
            self._line = SoundLine(captured_ns)
            for sound in self._early:
                self._line.put(sound)
        # The encoder writes types and times into its frames, and other sinks have this one too.
        picture = duplicate(frame.picture, 0).picture
        picture.pts, picture.time_base = frame.pts, frame.time_base
        self.overflowed += self._pictures.put(picture)
        for piece in self._line.until(captured_ns):
            piece.pts = None
            self._fifo.write(piece)
            while (block := self._fifo.read(_BLOCK)) is not None:
                self._blocks.put(self._packed(block))

    def write_sound(self, sound: Sound) -> None:
        """Take sound in, for when its picture comes."""
        if self._line is None:
            self._early.append(sound)
        else:
            self._line.put(sound)

    def close(self) -> None:
        """Say goodbye."""
        self._link.close()

    def abort(self) -> None:
        """Nothing blocks for longer than its time limits."""

    def _packed(self, block: av.AudioFrame) -> av.AudioFrame:
        """As Opus wants it: int16, with the time in samples."""
        samples = (block.to_ndarray().T.reshape(1, -1).clip(-1, 1) * 32767).astype("int16")
        packed = av.AudioFrame.from_ndarray(samples, "s16", LAYOUT)
        packed.sample_rate, packed.pts, packed.time_base = RATE, self._sample, Fraction(1, RATE)
        self._sample += packed.samples
        return packed


def _track(kind: str, items: Handover[Any]) -> "MediaStreamTrack":
    """The track that gives ``items`` as the connection asks for them."""
    from aiortc import MediaStreamTrack

    async def recv(_: MediaStreamTrack) -> object:
        return await items.get()

    made: MediaStreamTrack = type("QueuedTrack", (MediaStreamTrack,), {"kind": kind, "recv": recv})()
    return made
