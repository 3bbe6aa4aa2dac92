"""A video file as a sink: encodes frames, and copies the packets of all other streams."""

from fractions import Fraction
from io import BytesIO
from math import ceil, gcd, lcm
from pathlib import Path
from struct import unpack
from typing import Final, cast

import av
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.format import VideoFormat
from av.video.frame import PictureType, VideoFrame

from realtime.media.avi_header import FRAMED, count_in_chunks
from realtime.media.carried import carries, left_behind
from realtime.media.codec_family import choose_codec, codec_of
from realtime.media.color_tags import ColorTags
from realtime.media.containers import Container, container_for
from realtime.media.encoding import Encoding, find_encoder
from realtime.media.file_source import FileSource, Item, display_matrix
from realtime.media.frame import Frame
from realtime.media.hdr import Hdr
from realtime.media.sei import has_notes
from realtime.media.standard_streams import STREAM, streamed
from realtime.media.stream_facts import StreamFacts
from realtime.media.tags import encoded_tags, file_tags, has_keys, stream_tags
from realtime.media.video_encoder import VideoEncoder, VideoShape
from realtime.runtime.errors import OutputError, reason
from realtime.runtime.stages import Stages

__all__ = ["FileSink", "moved_by", "video_encoder", "video_shape"]

#: Codecs that hold a frame rate where others hold times.
_FRAME_CLOCK: Final = frozenset({"mpeg1video", "mpeg2video", "mpeg4", "msmpeg4v2", "h263"})

#: What FFmpeg takes so many channels to be where nobody says.
_LAYOUTS: Final = {1: "mono", 2: "stereo", 3: "2.1", 4: "4.0", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}

#: Seconds that decoders of sound take to warm up, at most.
WARMING: Final = Fraction(1, 5)


class FileSink:
    """A video file with the properties of a source: its pixel format, colour tags, shape, rotation and clock.

    Nothing is written to ``path`` before ``open``; making the sink opens the encoder, so that a setting which
    the encoder or the container refuses is known first. ``name`` is what messages call the file (``path`` may
    be a temporary one). A path of ``STREAM`` is standard output, and ``stream`` its container (one of ``STREAMED``).
    Where the frames are not the source's own, ``like`` is one of them: they have its size, pixels and colours.
    Raises ``OutputError``.
    """

    def __init__(
        self,
        path: Path,
        source: FileSource,
        encoding: Encoding,
        stages: Stages | None = None,
        name: Path | None = None,
        stream: str | None = None,
        like: Frame | None = None,
    ) -> None:
        self.frames = 0
        self.warnings: list[str] = []
        self.name = name or path
        self._kind, self._streaming = streamed(stream) if path == STREAM else (container_for(path), {})
        self._source = source
        self._encode_stage = (stages or Stages())("encode")
        self._encoded = False
        self._last_pts: int | None = None
        self._moved = 0
        self._clock = source.time_base
        self._steps: tuple[Fraction, ...] = ()
        self._inexact = 0
        self._shifted = False
        self._copies: dict[int, _Copy] = {}
        self._path = path
        self._later = moved_by(source, self._kind)
        self.container: OutputContainer = av.open(
            "pipe:1" if path == STREAM else str(path.absolute()),
            "w",
            format=self._kind.muxer,
            container_options=self._container_options(),
            metadata_errors="surrogateescape",
        )
        self._encoder = video_encoder(
            self.container, source, video_shape(source, like), self._kind, encoding, self.name
        )
        self.warnings += self._encoder.warnings
        self._add_copies()
        self.container.metadata.update(file_tags(source.container.metadata) | source.container_facts.service)
        self.warnings += source.container_facts.losses(self._kind)
        self.container.set_chapters(source.chapters)
        self._encoder.open()
        self._header = bytes(self._encoder.context.extradata or b"")

    def open(self) -> None:
        """Create the file and write its header.

        Raises ``OutputError`` where the container refuses a stream.
        """
        try:
            self.container.start_encoding()
        except (av.error.FFmpegError, OSError) as error:
            raise OutputError(f"{self.name}: cannot be written: {reason(error)}") from error
        self._note_clock()

    def write(self, item: Item) -> None:
        """Encode a frame, or copy a packet of a stream that the container takes."""
        try:
            if isinstance(item, Frame):
                self._encode(item.picture)
            elif (copy := self._copies.get(item.stream.index)) is not None:
                copy.write(self.container, item)
        except (av.error.FFmpegError, OSError) as error:
            raise OutputError(f"{self.name}: cannot be written: {reason(error)}") from error

    @property
    def video_header(self) -> bytes:
        """What the encoder says to decoders beside its packets; empty where it says it in them."""
        return self._header

    @property
    def kind(self) -> Container:
        """What kind of file it is."""
        return self._kind

    def describe(self, header: bytes) -> None:
        """Have ``header`` written in place of what the encoder says beside its packets; to be said before ``open``.

        The form of the packets goes by it: ``write_encoded`` takes them as they are then, and ``write`` none.
        """
        self._encoder.context.extradata = header

    def write_encoded(self, packet: "Packet[Stream]") -> None:
        """Write a packet of the video that an encoder of ``video_encoder`` made elsewhere; in place of all frames."""
        packet.stream = self._encoder.stream
        try:
            self.container.mux_one(packet)
        except (av.error.FFmpegError, OSError) as error:
            raise OutputError(f"{self.name}: cannot be written: {reason(error)}") from error

    def count(self, pts: int) -> None:
        """Count a frame that ``write_encoded`` wrote, by its time in the source."""
        self._kept_time(pts)
        self.frames += 1

    def finish(self) -> None:
        """Empty the encoder and write what makes the file whole."""
        try:
            if self._encoded:
                self._mux(self._encoder.encode(None))
            self.container.close()
            if self._kind.muxer == "avi" and self._path != STREAM:
                framed = (copy for copy in self._copies.values() if copy.codec in FRAMED)
                count_in_chunks(self._path, {copy.index: copy.packets for copy in framed})
        except (av.error.FFmpegError, OSError) as error:
            raise OutputError(f"{self.name}: cannot be finished: {reason(error)}") from error
        if self._later:
            self.warnings.append(
                f"the input begins {float(self._later):.2f} s below zero, which {self._kind.muxer} does not hold:"
                " everything was moved by as much"
            )
        if self._moved:
            self.warnings.append(f"{self._moved} frames came twice at one time and were moved apart by one tick")
        if self._inexact:
            self.warnings.append(
                f"{self._kind.muxer} counts time in steps of {self._clock} s: {self._inexact} frame times were rounded"
            )
        if self._shifted:
            self.warnings.append(f"{self._kind.muxer} starts at 0 s: the first frame was moved there")

    def abort(self) -> None:
        """Close the file as it is; it is of no use to anybody."""
        try:
            self.container.close()
        except (av.error.FFmpegError, OSError):
            return  # whatever stopped the job is what the user should read about; the file is thrown away

    # the video

    def _container_options(self) -> dict[str, str]:
        """Muxer settings that keep every time as it is: no shift, and a clock as fine as the source's."""
        clock = self._source.time_base
        rates = [stream.time_base.denominator for stream in self._source.others if stream.time_base]
        fine = lcm(clock.denominator, *rates)
        movie = {
            "video_track_timescale": str(clock.denominator),
            # Edit lists count in this clock: it must hold the start of every track exactly.
            "movie_timescale": str(fine if fine < 2**31 else clock.denominator),
            "strict": "unofficial",  # spherical video and its layout
        }
        flags = []
        if has_keys(self._source.container.metadata):
            flags.append("use_metadata_tags")
        if self._source.container_facts.index_first:
            flags.append("faststart")
        if flags:
            movie["movflags"] = "+".join(flags)
        own = {"mp4": movie, "mov": movie, "3gp": movie, "mpegts": {"mpegts_copyts": "1"}}
        return {"avoid_negative_ts": "disabled"} | own.get(self._kind.muxer, {}) | self._streaming

    def _encode(self, picture: VideoFrame) -> None:
        # The decoder's frame types would be orders to the encoder.
        picture.pict_type = PictureType.NONE
        picture.pts = self._kept_time(cast(int, picture.pts))  # the source gives every frame a time
        with self._encode_stage:
            packets = self._encoder.encode(picture)
        self._encoded = True
        self._mux(packets)
        self.frames += 1

    def _kept_time(self, pts: int) -> int:
        """Encoders want times that rise; some files repeat one."""
        pts += int(self._later / self._source.time_base)
        if self._last_pts is not None and pts <= self._last_pts:
            pts = self._last_pts + 1
            self._moved += 1
        self._last_pts = pts
        self._inexact += any((pts * steps).denominator != 1 for steps in self._steps)
        self._shifted |= self.frames == 0 and pts != 0 and self._kind.numbers_frames
        return pts

    def _note_clock(self) -> None:
        """Whether the container's clock can hold the source's times."""
        clocks = self._encoder.context.time_base, self._encoder.stream.time_base or self._source.time_base
        steps = {clock: self._source.time_base / clock for clock in clocks}
        self._steps = tuple(step for step in steps.values() if step.denominator != 1)
        self._clock = max((clock for clock, step in steps.items() if step in self._steps), default=self._clock)

    def _mux(self, packets: "list[Packet[Stream]]") -> None:
        for packet in packets:
            self.container.mux_one(packet)

    # the other streams

    def _add_copies(self) -> None:
        for stream in self._source.others:
            if stream.type == "data" and "timecode" in stream.metadata:
                continue  # the muxer makes this track itself, from the same tag of the video
            if self._streaming and _needs_index(self._kind.muxer, self._source, stream):
                raise OutputError(
                    f"{self.name}: the AAC of a transport stream goes into no MP4 that is streamed;"
                    " use --format mkv or ts"
                )
            if takes(self._kind, stream):
                self._copies[stream.index] = _Copy(_add_copy(self.container, stream), self._later)
            elif stream.type == "audio":
                raise OutputError(
                    f"{self.name}: {self._kind.muxer} cannot hold the sound ({_codec_name(stream)}) as it is;"
                    " use another suffix, .mkv holds most"
                )
            else:
                self.warnings.append(
                    f"{self._kind.muxer} does not hold stream {stream.index} ({stream.type}): left out"
                )


def video_shape(source: FileSource, like: Frame | None = None) -> VideoShape:
    """What the pictures of ``source`` have in common; where pictures take their place, ``like`` is one of those.

    To be asked for before the first of them is changed, which takes away what stands beside it.
    """
    picture = (like or source.first).picture
    facts = StreamFacts() if like else source.facts
    return VideoShape(
        width=picture.width,
        height=picture.height,
        pixels=picture.format.name,
        rate=source.rate,
        clock=source.time_base,
        colors=ColorTags.of(picture),
        aspect=Fraction(0) if like else source.video.sample_aspect_ratio or Fraction(0),
        chroma=facts.chroma,
        fields=facts.fields,
        hdr=Hdr.read(picture),
        notes=has_notes(picture),
        matrix=display_matrix(picture),
        beside=facts.side_data,
    )


def video_encoder(
    container: OutputContainer,
    source: FileSource,
    shape: VideoShape,
    kind: Container,
    encoding: Encoding,
    name: Path,
) -> VideoEncoder:
    """The encoder for pictures of ``shape`` in place of those of ``source``, as a stream of ``container``, a ``kind``.

    It is not open yet. Raises ``OutputError`` that names ``name``.
    """
    choice = choose_codec(encoding, source.video, kind, str(name))
    codec = find_encoder(choice.encoding.codec or kind.codec)
    same = codec.canonical_name == codec_of(source.video)
    beside = source.video if same and carries(shape.beside) else None
    encoder = VideoEncoder(container, str(name), shape, choice.encoding, beside)
    if choice.warning is not None:
        encoder.warnings.insert(0, choice.warning)
    lost = left_behind(shape.beside, same, codec.name, kind.muxer)
    encoder.warnings += [f"{what} was left out" for what in lost]
    if kind.numbers_frames or encoder.codec.canonical_name in _FRAME_CLOCK:
        encoder.context.time_base = 1 / source.rate
    if not kind.reorders:
        encoder.context.max_b_frames = 0
    if shape.matrix:
        encoder.stream.set_display_matrix(unpack("9i", shape.matrix))
    transparent = any(
        component.is_alpha for component in VideoFormat(encoder.context.pix_fmt or shape.pixels).components
    )
    encoder.stream.metadata.update(encoded_tags(source.video.metadata, transparent) | _reel(source))
    encoder.stream.disposition = source.video.disposition
    return encoder


def moved_by(source: FileSource, kind: Container) -> Fraction:
    """Seconds by which everything in ``source`` is moved, because a file of ``kind`` cannot begin below zero."""
    return Fraction(0) if kind.wraps else _below_zero(source)


def _needs_index(muxer: str, source: FileSource, stream: Stream) -> bool:
    """Whether FFmpeg learns what is in ``stream`` too late for the fragments of an MP4."""
    return muxer == "mp4" and source.container.format.name == "mpegts" and _codec_name(stream) == "aac"


def _below_zero(source: FileSource) -> Fraction:
    """Seconds by which ``source`` begins below zero, in whole units of all its clocks; 0 where it does not.

    Sound alone may begin a little below: it is what its decoder warms up with, and never heard.
    """
    clocks = [source.time_base, *(stream.time_base for stream in source.others if stream.time_base)]
    picture = (source.first.pts or 0) * source.time_base
    earliest = min(picture, *source.starts, Fraction(0))
    if picture >= 0 and earliest >= -WARMING:
        return Fraction(0)
    unit = Fraction(lcm(*(clock.numerator for clock in clocks)), gcd(*(clock.denominator for clock in clocks)))
    return ceil(-earliest / unit) * unit


class _Copy:
    """A stream passed on packet by packet."""

    def __init__(self, stream: Stream, later: Fraction) -> None:
        self.index, self.codec, self.packets = stream.index, _codec_name(stream), 0
        self._stream = stream
        self._later = later
        self._last: int | None = None

    def write(self, container: OutputContainer, packet: "Packet[Stream]") -> None:
        if self._later and packet.time_base:
            units = int(self._later / packet.time_base)
            packet.pts = None if packet.pts is None else packet.pts + units
            packet.dts = None if packet.dts is None else packet.dts + units
        packet.stream = self._stream
        self.packets += 1
        # Muxers want decoding times that rise; a flaw in the file may repeat one.
        if packet.dts is not None:
            if self._last is not None and packet.dts <= self._last:
                packet.pts = packet.dts = self._last + 1
            self._last = packet.dts
        container.mux_one(packet)


def takes(kind: Container, stream: Stream) -> bool:
    """Whether a container can hold a copy of ``stream``: tried with a file in memory."""
    if stream.type == "audio" and not kind.holds_sound(_codec_name(stream)):
        return False
    with BytesIO() as memory:
        trial = av.open(memory, "w", format=kind.muxer)
        try:
            _add_copy(trial, stream)
            trial.start_encoding()
            trial.close()
        except (av.error.FFmpegError, ValueError):
            return False
        return True


def _add_copy(container: OutputContainer, stream: Stream) -> Stream:
    copy = container.add_stream_from_template(stream)
    copy.metadata.update(stream_tags(stream.metadata))
    copy.disposition = stream.disposition
    if isinstance(copy, AudioStream) and copy.codec_context.layout.name.endswith("channels"):
        # AVI and MXF do not say which channels they have; MP4 must.
        channels = copy.codec_context.layout.nb_channels
        if channels not in _LAYOUTS:
            raise ValueError(f"no usual layout of {channels} channels")
        copy.codec_context.layout = _LAYOUTS[channels]
    return copy


def _codec_name(stream: Stream) -> str:
    return stream.codec_context.codec.canonical_name if stream.codec_context else "unknown"


def _reel(source: FileSource) -> dict[str, str]:
    """The name of the reel, which the muxer writes with the time code that it makes."""
    reels = [stream.metadata["reel_name"] for stream in source.others if "reel_name" in stream.metadata]
    return {"reel_name": reels[0]} if reels else {}
