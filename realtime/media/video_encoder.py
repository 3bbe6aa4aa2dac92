"""The one way to encode video: a stream of a container, into which pictures go."""

import os
from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import sqrt
from typing import Final, cast

import av
from av.codec import Codec
from av.codec.codec import find_best_pix_fmt_of_list
from av.codec.context import Flags, ThreadType
from av.container import OutputContainer
from av.video.codeccontext import VideoCodecContext
from av.video.format import VideoFormat
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace
from av.video.stream import VideoStream

from realtime.media.carried import carry
from realtime.media.color_tags import ColorTags
from realtime.media.colorspace import ColorMatrix
from realtime.media.containers import Container, muxed_by
from realtime.media.encoding import Encoding, bounded, encoder_options, find_encoder
from realtime.media.hdr import Hdr, hdr_options
from realtime.media.interlaced import code_fields, codes_fields, field_options
from realtime.media.sei import NOTING
from realtime.media.steady import steady_options
from realtime.runtime.errors import OutputError
from realtime.runtime.thread_priority import start_giving_way

__all__ = ["VideoEncoder", "VideoShape", "check_holds", "usual_bits"]


@dataclass(frozen=True, slots=True)
class VideoShape:
    """What all pictures of a stream have in common.

    ``pixels`` is FFmpeg's name of their format, ``rate`` the nominal number of them a second, ``clock`` the seconds a
    unit of their times, ``aspect`` the shape of a pixel, 0 where nobody says. ``chroma`` and ``fields`` are those of
    ``StreamFacts``, ``hdr`` the display that they were graded on, ``notes``
    whether other programs' notes lie among them, ``matrix`` nine int32 that say how they are turned to be shown, and
    ``beside`` what else stands beside them.
    """

    width: int
    height: int
    pixels: str
    rate: Fraction
    clock: Fraction
    colors: ColorTags
    aspect: Fraction = Fraction(0)
    chroma: str | None = None
    fields: str | None = None
    hdr: Hdr | None = None
    notes: bool = False
    matrix: bytes | None = None
    beside: dict[str, str] = field(default_factory=dict)


class VideoEncoder:
    """A video stream that is added to ``container``, and what fills it.

    Pictures are encoded as they are, or in the nearest pixel format that the encoder takes; ``warnings`` says what gets
    lost so. What the stream ``beside`` says beside its pictures comes along, where it is of the same codec. Between
    making and ``open`` the caller may still change ``stream`` and ``context``. Raises ``OutputError`` that names
    ``name`` for settings which the encoder or the container refuses.
    """

    def __init__(
        self,
        container: OutputContainer,
        name: str,
        shape: VideoShape,
        encoding: Encoding,
        beside: VideoStream | None = None,
    ) -> None:
        self.name = name
        self.warnings: list[str] = []
        kind = muxed_by(container.format.name)
        self.codec = codec = find_encoder(encoding.codec or kind.codec)
        options = encoder_options(codec, encoding)
        if encoding.instant and "b" not in options and encoding.crf is None:
            bits = usual_bits(shape)
            options.pop("crf", None)
            options |= bounded(bits) | {"b": str(bits)}
        options |= self._told(shape, options)
        pixels = self._choose_pixels(shape)
        check_holds(kind, codec, name)
        try:
            self.stream = cast(VideoStream, container.add_stream(codec.name, rate=shape.rate, options=options))
        except ValueError as error:
            raise _refusal(kind, codec, name) from error
        if beside is not None:
            carry(beside, self.stream)
        self.context = context = self.stream.codec_context
        context.width, context.height, context.pix_fmt = shape.width, shape.height, pixels
        context.time_base, context.sample_aspect_ratio = shape.clock, shape.aspect
        if tag := kind.tags.get(codec.canonical_name):
            context.codec_tag = tag
        given = _tags(shape, pixels)
        tags = _narrowed(given, codec, kind)
        self._range, self._converts = given.range, pixels != shape.pixels or tags != given
        if tags != given:
            self.warnings.append(f"the encoder {codec.name} cannot say that a range is full: made limited")
        tags.put_on(context)
        _fit(context, options, shape.rate)
        if shape.fields is not None:
            code_fields(context)
        if encoding.instant:
            context.thread_type = ThreadType.SLICE  # threads that work on several pictures hold all but one back
        if encoding.group is not None:
            context.gop_size = max(int(encoding.group * shape.rate), 1)

    def open(self) -> None:
        """Start the encoder, its threads giving way to all others."""
        context = self.context
        asked = " ".join(f"{name}={value}" for name, value in context.options.items())
        try:
            start_giving_way(context.open)
        except (av.error.FFmpegError, ValueError) as error:
            raise OutputError(
                f"{self.name}: the encoder {self.codec.name} refuses {context.width}x{context.height}"
                f" {context.pix_fmt}{' with ' if asked else ''}{asked}: check --codec, --preset, --crf and --bitrate"
            ) from error

    def encode(self, picture: VideoFrame | None) -> "list[av.Packet[av.stream.Stream]]":
        """The packets that are ready after ``picture``; after None, which is the end, all that are left.

        Raises FFmpeg's own errors.
        """
        if picture is not None and self._converts:
            picture = self._converted(picture)
        return cast("list[av.Packet[av.stream.Stream]]", self.stream.encode(picture))

    def _told(self, shape: VideoShape, options: dict[str, str]) -> dict[str, str]:
        """The options that tell the encoder what its pictures are, beside those that it has already."""
        fields = shape.fields
        if fields is not None and not codes_fields(self.codec):
            fields = None
            self.warnings.append(f"the encoder {self.codec.name} codes no fields: its pictures count as whole ones")
        if shape.notes and self.codec.name not in NOTING:
            self.warnings.append("notes of other programs beside the pictures (unregistered SEI) were left out")
        told = {} if shape.chroma is None else {"chroma_sample_location": shape.chroma}
        if shape.notes and self.codec.name in NOTING:
            told["udu_sei"] = "1"
        for more in (
            field_options(self.codec.name, fields),
            hdr_options(self.codec.name, shape.hdr),
            steady_options(self.codec.name, shape.width),
        ):
            for name, value in more.items():
                before = told.get(name, options.get(name))
                told[name] = value if before is None else f"{before}:{value}"  # only lists are given more than once
        return told

    def _choose_pixels(self, shape: VideoShape) -> str:
        size = shape.width, shape.height
        pixels, notable = choose_pixels(self.codec, shape.pixels, size)
        if notable:
            what = f"{shape.pixels} of {shape.width}x{shape.height}"
            self.warnings.append(f"the encoder {self.codec.name} takes no {what}: encoded as {pixels}")
        return pixels

    def _converted(self, picture: VideoFrame) -> VideoFrame:
        context = self.context
        converted = picture.reformat(
            format=context.pix_fmt,
            src_color_range=self._range or None,
            dst_color_range=context.color_range or None,
            dst_colorspace=Colorspace.ITU709 if is_rgb(picture.format.name) else None,
        )
        converted.pts, converted.time_base, converted.duration = picture.pts, picture.time_base, picture.duration
        converted.pict_type = picture.pict_type
        return converted


def usual_bits(shape: VideoShape) -> int:
    """Bits a second that a live stream usually has: 2.8 million for 1280x720 at 30, 8.8 for 1920x1080 at 60.

    Twice the frames take less than twice the bits, because they differ less.
    """
    pixels = shape.width * shape.height * sqrt(float(shape.rate) * _USUAL_RATE)
    return max(_INSTANT_BITS, int(pixels * _INSTANT_BITS_PER_PIXEL))


def check_holds(kind: Container, codec: Codec, name: str) -> None:
    """Raise ``OutputError``, naming ``name``, where the container has no type for what ``codec`` encodes."""
    if not kind.holds_video(codec.canonical_name):
        raise _refusal(kind, codec, name)


def _refusal(kind: Container, codec: Codec, name: str) -> OutputError:
    return OutputError(
        f"{name}: {kind.muxer} does not hold what {codec.name} encodes;"
        " use another --codec or another suffix, .mkv holds most"
    )


def choose_pixels(codec: Codec, pixels: str, size: tuple[int, int] = (16, 16)) -> tuple[str, bool]:
    """The encoder's pixel format nearest to ``pixels``, and whether the change is worth a note.

    The format itself where the encoder takes it for pictures of ``size`` (width, height). The deprecated
    full-range twins (``yuvj420p``) count as their plain format, which carries the range in its tag. Notable
    is what loses something, and what is larger only because the size is odd.
    """
    names = [form.name for form in codec.video_formats or () if (codec.name, form.name) not in _BROKEN]
    if codec.name in _EVEN:
        names = [name for name in names if _divides(name, size)]
    if not names or pixels in names:
        return pixels, False
    plain = pixels.replace("yuvj", "yuv")
    if plain in names:
        return plain, False
    alpha = any(component.is_alpha for component in VideoFormat(plain).components)
    best, loss = find_best_pix_fmt_of_list(names, plain, alpha)
    if best is None:
        raise OutputError(f"the encoder {codec.name} takes no picture like {pixels}; use another --codec")
    return best.name, bool(loss) or not _divides(plain, size)


def is_rgb(pixels: str) -> bool:
    """Whether the pixel format holds RGB."""
    return VideoFormat(pixels).is_rgb


def _divides(pixels: str, size: tuple[int, int]) -> bool:
    """Whether pictures of ``size`` = (width, height) have whole chroma samples only."""
    form = VideoFormat(pixels, 16, 16)
    return size[0] * form.chroma_width() % 16 == 0 and size[1] * form.chroma_height() % 16 == 0


def _tags(shape: VideoShape, pixels: str) -> ColorTags:
    """The tags of what is encoded in ``pixels``: those of the pictures, but where these are RGB and that is not."""
    tags = shape.colors
    if is_rgb(shape.pixels) and not is_rgb(pixels):
        tags = replace(tags, matrix=ColorMatrix.BT709, range=ColorRange.MPEG)
    return replace(tags, range=ColorRange.JPEG) if shape.pixels.startswith("yuvj") else tags


def _narrowed(tags: ColorTags, codec: Codec, kind: Container) -> ColorTags:
    """``tags``, limited in range where neither the codec nor the container could say that they are not."""
    if tags.range == ColorRange.JPEG and tags.matrix and codec.name in _LIMITED and kind.muxer not in _NAMES_RANGE:
        return replace(tags, range=ColorRange.MPEG)
    return tags


def _fit(context: VideoCodecContext, options: dict[str, str], rate: Fraction) -> None:
    """Settings that depend on what the codec can do: threads, frame durations, a bit rate without crf."""
    context.thread_count = min(os.cpu_count() or 1, MAX_THREADS)
    # Frame threads where there are any: PyAV's default, slices, costs x264 quality.
    context.thread_type = ThreadType.AUTO
    context.flags |= Flags.frame_duration
    pixels = context.width * context.height
    if context.codec.lossy and not options.keys() & {"crf", "b", "global_quality"}:
        context.bit_rate = max(200_000, int(pixels * rate * _BITS_PER_PIXEL))


#: Codecs that refuse pictures whose last chroma sample is not whole.
_EVEN: Final = frozenset({"libx264", "libx265"})
#: Formats that an encoder lists, and cannot be opened with.
_BROKEN: Final = frozenset(("libvpx-vp9", name) for name in ("gbrap", "yuva422p", "yuva444p"))
#: Encoders whose streams do not say which range they have, and muxers that say it instead.
_LIMITED: Final = frozenset(
    {"mpeg1video", "mpeg2video", "mpeg4", "msmpeg4v2", "flv", "h263p", "dvvideo", "prores_ks", "dnxhd", "rawvideo"}
    | {"huffyuv", "ffvhuff", "utvideo", "magicyuv"}
)
_NAMES_RANGE: Final = frozenset({"matroska", "webm"})
#: Bits a pixel a frame for codecs that know no constant quality.
_BITS_PER_PIXEL: Final = 0.15
#: Bits a pixel a frame, and bits a second at the least, that a stream may take where nothing else is asked for.
_INSTANT_BITS_PER_PIXEL: Final = 0.1
_USUAL_RATE: Final = 30
_INSTANT_BITS: Final = 300_000
#: Each encoder thread holds frames: more would not be faster beside the other stages and costs memory.
MAX_THREADS: Final = 4
