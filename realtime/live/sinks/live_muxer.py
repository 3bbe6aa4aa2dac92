"""Frames and sound into a container: what file and stream sinks share."""

from collections import deque
from fractions import Fraction
from pathlib import Path
from typing import Final, cast

import av
import av.filter
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.frame import PictureType, VideoFrame

from realtime.live.settings import SinkSettings
from realtime.live.sink import CLOCK, StreamFormat
from realtime.live.sound import LAYOUT, RATE, SoundLine
from realtime.live.source import Sound
from realtime.media.color_tags import ColorTags
from realtime.media.containers import Container
from realtime.media.encoding import Encoding, check_encoding, find_encoder
from realtime.media.frame import Frame
from realtime.media.video_encoder import VideoEncoder, VideoShape, check_holds
from realtime.runtime.errors import OutputError, reason
from realtime.runtime.thread_priority import give_way

__all__ = ["COMMENT", "GOP", "LiveMuxer", "check_codec"]

#: What every stream and file says of itself.
COMMENT: Final = "contains synthetic faces made with mummer"
#: Seconds between two pictures from which decoding can begin, at most.
GOP: Final = 2
#: Seconds at which streams begin: encoders of sound, and reordered pictures, have packets from before the first.
_START: Final = Fraction(1, 10)
#: Pieces of sound kept until the first frame says where the beginning is.
_EARLY: Final = 64
_SOUND_CODEC: Final = "aac"
_SOUND_BITS: Final = 128_000


def check_codec(settings: SinkSettings, name: Path | str, kind: Container) -> None:
    """Raise ``OutputError`` where the encoder asked for is none, does not know its settings, or does not fit ``kind``.

    ``name`` is what is written to.
    """
    encoder = settings.codec or kind.codec
    check_encoding(_encoding(settings, instant=False), encoder)
    check_holds(kind, find_encoder(encoder), str(name))


def _encoding(settings: SinkSettings, instant: bool) -> Encoding:
    return Encoding(settings.codec, None, settings.preset, settings.bitrate, GOP, instant)


class LiveMuxer:
    """Encodes frames and sound into ``container``, on one clock that begins with the first frame.

    The encoder's threads, and the one that makes this, give way to all others. ``instant`` is for streams: no frame is
    held back, and no packet has a time below 0. Raises ``OutputError``, naming ``name``.
    """

    def __init__(
        self, container: OutputContainer, name: str, shape: StreamFormat, settings: SinkSettings, instant: bool
    ) -> None:
        give_way()
        self.container, self.name = container, name
        self._shape = shape
        self._start = _START if instant else Fraction(0)
        self._first_pts: int | None = None
        self._key_pts = self._last_pts = self._last_ns = 0
        self._line: SoundLine | None = None
        self._early: deque[Sound] = deque(maxlen=_EARLY)
        container.metadata.update({"comment": COMMENT, "description": COMMENT})
        self._video = self._add_video(_encoding(settings, instant))
        self._sound = self._add_sound() if shape.sound else None
        self._picture = _Reference(shape)

    @property
    def begun(self) -> bool:
        """Whether a frame was written."""
        return self._first_pts is not None

    @property
    def silence(self) -> float:
        """Seconds of silence that went out in place of sound that was lost, or did not come."""
        return self._line.filled / RATE if self._line is not None else 0.0

    @property
    def bitrate(self) -> int:
        """Bits a second that the pictures are to take; may be set at any time, where the encoder can follow."""
        return self._video.context.bit_rate or 0

    @bitrate.setter
    def bitrate(self, bits: int) -> None:
        self._video.context.bit_rate = bits

    def write(self, frame: Frame) -> None:
        """Encode a frame, and the sound up to it."""
        pts, captured_ns = frame.pts or 0, frame.captured_ns or 0
        picture = self._picture(frame.picture)
        if self._first_pts is None:
            self._first_pts = self._key_pts = self._last_pts = pts
            self._line = SoundLine(captured_ns)
            for sound in self._early:
                self._line.put(sound)
        if pts + (pts - self._last_pts) > self._key_pts + GOP / CLOCK:  # the next frame would come too late for it
            picture.pict_type = PictureType.I
            self._key_pts = pts
        self._last_pts, self._last_ns = pts, captured_ns
        try:
            self._mux_video(self._video.encode(picture))
            self._write_line(captured_ns)
        except (av.error.FFmpegError, OSError) as error:
            raise OutputError(f"{self.name}: cannot be written: {reason(error)}") from error

    def write_sound(self, sound: Sound) -> None:
        """Take sound in, for when its picture comes."""
        if self._sound is None:
            return
        if self._line is None:
            self._early.append(sound)
        else:
            self._line.put(sound)

    def finish(self) -> None:
        """Empty the encoders and end the container."""
        try:
            if self._first_pts is not None:
                self._mux_video(self._video.encode(None))
                if self._sound is not None:
                    self._write_line(self._last_ns + int(1_000_000_000 / self._shape.rate))
                    self.container.mux(self._sound.encode(None))
            self.container.close()
        except (av.error.FFmpegError, OSError) as error:
            raise OutputError(f"{self.name}: cannot be finished: {reason(error)}") from error

    def _write_line(self, captured_ns: int) -> None:
        if self._sound is None or self._line is None:
            return
        for piece in self._line.until(captured_ns):
            piece.pts = (piece.pts or 0) + int(self._start * RATE)
            for packet in self._sound.encode(piece):
                # What the encoder puts before the first sample is from before the first picture: a muxer that has
                # sent that one already takes nothing from before it.
                if self._start == 0 or (packet.pts or 0) * packet.time_base >= self._start:
                    self.container.mux_one(packet)

    def _mux_video(self, packets: "list[Packet[Stream]]") -> None:
        for packet in packets:
            # The frames count from the beginning of the engine, and are shared; the packets are ours.
            shift = round((self._start - (self._first_pts or 0) * CLOCK) / packet.time_base)
            packet.pts = None if packet.pts is None else packet.pts + shift
            packet.dts = None if packet.dts is None else packet.dts + shift
            self.container.mux_one(packet)

    def _add_video(self, encoding: Encoding) -> VideoEncoder:
        shape = self._shape
        colors = ColorTags(shape.colorspace, shape.color_range, shape.color_primaries, shape.color_trc)
        video = VideoShape(shape.width, shape.height, shape.pixels, shape.rate, CLOCK, colors)
        encoder = VideoEncoder(self.container, self.name, video, encoding)
        encoder.open()
        return encoder

    def _add_sound(self) -> AudioStream:
        return self.container.add_stream(_SOUND_CODEC, rate=RATE, layout=LAYOUT, bit_rate=_SOUND_BITS)


class _Reference:
    """Another frame of the same planes: the type of a picture is the encoder's own matter, the picture is shared."""

    def __init__(self, shape: StreamFormat) -> None:
        self._graph = av.filter.Graph()
        self._graph.threads = 1  # there is nothing to share out among more
        self._entry = self._graph.add_buffer(
            width=shape.width, height=shape.height, format=av.VideoFormat(shape.pixels), time_base=CLOCK
        )
        self._graph.link_nodes(self._entry, self._graph.add("null"), self._graph.add("buffersink")).configure()

    def __call__(self, picture: VideoFrame) -> VideoFrame:
        self._graph.push(picture)
        own = cast(VideoFrame, self._graph.pull())
        own.pts, own.time_base, own.pict_type = picture.pts, Fraction(CLOCK), PictureType.NONE
        return own
