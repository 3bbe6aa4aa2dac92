"""Where frames go: a sink takes frames and packets, encodes the ones and copies the others."""

from fractions import Fraction
from io import BytesIO
from math import lcm
from pathlib import Path
from struct import unpack
from typing import Final, Protocol, cast

import av
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.frame import PictureType, VideoFrame
from av.video.stream import VideoStream

from realtime.media.encoder import (
    FRAME_CLOCK,
    Encoding,
    choose_pixels,
    encoder_options,
    find_encoder,
    fit_context,
    is_rgb,
)
from realtime.media.file_source import FileSource, Item, display_matrix
from realtime.media.frame import Frame
from realtime.runtime.errors import OutputError, reason
from realtime.runtime.stages import Stages
from realtime.runtime.thread_priority import start_giving_way

__all__ = ["CONTAINERS", "FileSink", "Sink", "container_for", "default_codec"]


class Sink(Protocol):
    """Takes what a source gave, in order."""

    def write(self, item: Item) -> None:
        """Encode a frame, or copy a packet."""

    def finish(self) -> None:
        """Write what is still held back; the output is whole after this."""

    def abort(self) -> None:
        """Let go of the output without making it whole."""


#: Suffix to FFmpeg muxer. Containers of one file that hold video and sound.
CONTAINERS: Final = {
    ".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".3gp": "3gp", ".mkv": "matroska", ".webm": "webm",
    ".avi": "avi", ".ts": "mpegts", ".m2ts": "mpegts", ".mts": "mpegts",
}  # fmt: skip

#: What is encoded where nothing is asked for; elsewhere libx264. In AVI readers guess the times of H.264.
_CODECS: Final = {"webm": "libvpx-vp9", "avi": "mpeg4"}

#: Codecs that a transport stream has a type for; it swallows others, but nothing plays them.
_IN_TRANSPORT: Final = frozenset({"h264", "hevc", "vvc", "mpeg1video", "mpeg2video", "mpeg4", "av1", "cavs", "dirac"})

#: Sound that a transport stream has a type for; other sound would get lost in it without a word.
_SOUND_IN_TRANSPORT: Final = frozenset({"aac", "mp2", "mp3", "ac3", "eac3", "dts", "truehd", "opus"})

#: What FFmpeg takes so many channels to be where nobody says.
_LAYOUTS: Final = {1: "mono", 2: "stereo", 3: "2.1", 4: "4.0", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}

#: Metadata that the muxer writes itself.
_OWN_TAGS: Final = frozenset({"major_brand", "minor_version", "compatible_brands", "encoder", "duration"})

#: Containers that cannot tell decoding order from presentation order, or cannot hold a time below zero.
_NO_REORDERING: Final = frozenset({"avi", "mpegts"})

#: Containers that number frames instead of timing them.
_FRAME_CLOCK: Final = frozenset({"avi"})


def container_for(path: Path) -> str:
    """The muxer for the suffix of ``path``. Raises ``OutputError`` for a suffix that names no container."""
    muxer = CONTAINERS.get(path.suffix.lower())
    if muxer is None:
        known = " ".join(CONTAINERS)
        raise OutputError(f"{path}: unknown kind of output {path.suffix or 'without a suffix'!r}; use one of {known}")
    return muxer


def default_codec(path: Path) -> str:
    """The encoder for an output of this name when none is asked for."""
    return _CODECS.get(container_for(path), "libx264")


class FileSink:
    """A video file with the properties of a source: its pixel format, colour tags, shape, rotation and clock.

    Nothing is written to ``path`` before ``open``; making the sink opens the encoder, so that a setting which
    the encoder or the container refuses is known first. ``name`` is what messages call the file (``path`` may
    be a temporary one). Raises ``OutputError``.
    """

    def __init__(
        self,
        path: Path,
        source: FileSource,
        encoding: Encoding,
        stages: Stages | None = None,
        name: Path | None = None,
    ) -> None:
        self.frames = 0
        self.warnings: list[str] = []
        self.name = name or path
        self.muxer = container_for(path)
        self._source = source
        self._encode_stage = (stages or Stages())("encode")
        self._last_pts: int | None = None
        self._moved = 0
        self._clock = source.time_base
        self._steps: tuple[Fraction, ...] = ()
        self._inexact = 0
        self._shifted = False
        self._copies: dict[int, _Copy] = {}
        self._codec = find_encoder(encoding.codec or default_codec(path))
        options = encoder_options(self._codec, encoding)
        self.container: OutputContainer = av.open(
            str(path.absolute()),
            "w",
            format=self.muxer,
            container_options=self._container_options(),
            metadata_errors="surrogateescape",
        )
        self.video = self._add_video(options)
        self._add_copies()
        self.container.metadata.update(_tags(source.container.metadata))
        self.container.set_chapters(source.container.chapters())
        self._open_encoder()

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

    def finish(self) -> None:
        """Empty the encoder and write what makes the file whole."""
        try:
            self._mux(self.video.encode(None))
            self.container.close()
        except (av.error.FFmpegError, OSError) as error:
            raise OutputError(f"{self.name}: cannot be finished: {reason(error)}") from error
        if self._moved:
            self.warnings.append(f"{self._moved} frames came twice at one time and were moved apart by one tick")
        if self._inexact:
            self.warnings.append(
                f"{self.muxer} counts time in steps of {self._clock} s: {self._inexact} frame times were rounded"
            )
        if self._shifted:
            self.warnings.append(f"{self.muxer} starts at 0 s: the first frame was moved there")

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
        }
        own = {"mp4": movie, "mov": movie, "3gp": movie, "mpegts": {"mpegts_copyts": "1"}}
        return {"avoid_negative_ts": "disabled"} | own.get(self.muxer, {})

    def _add_video(self, options: dict[str, str]) -> VideoStream:
        source, picture = self._source, self._source.first.picture
        size = picture.width, picture.height
        pixels, notable = choose_pixels(self._codec, picture.format.name, size)
        if notable:
            what = f"{picture.format.name} of {picture.width}x{picture.height}"
            self.warnings.append(f"the encoder {self._codec.name} takes no {what}: encoded as {pixels}")
        try:
            added = self.container.add_stream(self._codec.name, rate=source.rate, options=options)
        except ValueError as error:
            raise OutputError(
                f"{self.name}: {self.muxer} does not hold what {self._codec.name} encodes;"
                " use another --codec or another suffix, .mkv holds most"
            ) from error
        if self.muxer == "mpegts" and self._codec.canonical_name not in _IN_TRANSPORT:
            raise OutputError(f"{self.name}: a transport stream does not hold {self._codec.name}; use .mkv or .mp4")
        stream = cast(VideoStream, added)
        context = stream.codec_context
        context.width, context.height, context.pix_fmt = *size, pixels
        counts_frames = self.muxer in _FRAME_CLOCK or self._codec.canonical_name in FRAME_CLOCK
        context.time_base = 1 / source.rate if counts_frames else source.time_base
        context.sample_aspect_ratio = source.video.sample_aspect_ratio or Fraction(0, 1)
        self._convert = pixels != picture.format.name
        self._set_colour(context, picture, pixels)
        fit_context(context, options, source.rate)
        if self.muxer in _NO_REORDERING:
            context.max_b_frames = 0
        if matrix := display_matrix(picture):
            stream.set_display_matrix(unpack("9i", matrix))
        stream.metadata.update(_tags(source.video.metadata))
        stream.disposition = source.video.disposition
        return stream

    def _set_colour(self, context: av.VideoCodecContext, picture: VideoFrame, pixels: str) -> None:
        into_yuv = is_rgb(picture.format.name) and not is_rgb(pixels)
        context.colorspace = BT709 if into_yuv else picture.colorspace
        context.color_range = LIMITED if into_yuv else picture.color_range
        if picture.format.name.startswith("yuvj"):
            context.color_range = FULL
        context.color_primaries = picture.color_primaries
        context.color_trc = picture.color_trc

    def _open_encoder(self) -> None:
        context = self.video.codec_context
        asked = " ".join(f"{name}={value}" for name, value in context.options.items())
        try:
            start_giving_way(context.open)
        except (av.error.FFmpegError, ValueError) as error:
            raise OutputError(
                f"{self.name}: the encoder {self._codec.name} refuses {context.width}x{context.height}"
                f" {context.pix_fmt}{' with ' if asked else ''}{asked}: check --codec, --preset and --crf"
            ) from error

    def _encode(self, picture: VideoFrame) -> None:
        # The decoder's frame types would be orders to the encoder.
        picture.pict_type = PictureType.NONE
        if self._convert:
            picture = self._converted(picture)
        self._keep_time(picture)
        with self._encode_stage:
            packets = self.video.encode(picture)
        self._mux(packets)
        self.frames += 1

    def _converted(self, picture: VideoFrame) -> VideoFrame:
        context = self.video.codec_context
        pts, clock, duration = picture.pts, picture.time_base, picture.duration
        picture = picture.reformat(
            format=context.pix_fmt,
            src_color_range=context.color_range or None,
            dst_color_range=context.color_range or None,
            dst_colorspace=SWS_BT709 if is_rgb(picture.format.name) else None,
        )
        picture.pts, picture.time_base, picture.duration = pts, clock, duration
        return picture

    def _keep_time(self, picture: VideoFrame) -> None:
        """Encoders want times that rise; some files repeat one."""
        pts = cast(int, picture.pts)  # the source gives every frame a time
        if self._last_pts is not None and pts <= self._last_pts:
            pts = picture.pts = self._last_pts + 1
            self._moved += 1
        self._last_pts = pts
        self._inexact += any((pts * steps).denominator != 1 for steps in self._steps)
        self._shifted |= self.frames == 0 and pts != 0 and self.muxer in _FRAME_CLOCK

    def _note_clock(self) -> None:
        """Whether the container's clock can hold the source's times."""
        clocks = self.video.codec_context.time_base, self.video.time_base or self._source.time_base
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
            if takes(self.muxer, stream):
                self._copies[stream.index] = _Copy(_add_copy(self.container, stream))
            elif stream.type == "audio":
                raise OutputError(
                    f"{self.name}: {self.muxer} cannot hold the sound ({_codec_name(stream)}) as it is;"
                    " use another suffix, .mkv holds most"
                )
            else:
                self.warnings.append(f"{self.muxer} does not hold stream {stream.index} ({stream.type}): left out")


class _Copy:
    """A stream passed on packet by packet."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._last: int | None = None

    def write(self, container: OutputContainer, packet: "Packet[Stream]") -> None:
        packet.stream = self._stream
        # Muxers want decoding times that rise; a flaw in the file may repeat one.
        if packet.dts is not None:
            if self._last is not None and packet.dts <= self._last:
                packet.pts = packet.dts = self._last + 1
            self._last = packet.dts
        container.mux_one(packet)


def takes(muxer: str, stream: Stream) -> bool:
    """Whether ``muxer`` can hold a copy of ``stream``: tried with a file in memory."""
    if muxer == "mpegts" and stream.type == "audio" and _codec_name(stream) not in _SOUND_IN_TRANSPORT:
        return False
    with BytesIO() as memory:
        trial = av.open(memory, "w", format=muxer)
        try:
            _add_copy(trial, stream)
            trial.start_encoding()
            trial.close()
        except (av.error.FFmpegError, ValueError):
            return False
        return True


def _add_copy(container: OutputContainer, stream: Stream) -> Stream:
    copy = container.add_stream_from_template(stream)
    copy.metadata.update(_tags(stream.metadata))
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


def _tags(metadata: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in metadata.items() if name.lower() not in _OWN_TAGS}


#: FFmpeg's numbers (AVCOL_SPC_BT709, AVCOL_RANGE_MPEG, AVCOL_RANGE_JPEG) and swscale's (SWS_CS_ITU709).
BT709: Final = 1
LIMITED: Final = 1
FULL: Final = 2
SWS_BT709: Final = 1
