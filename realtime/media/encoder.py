"""Choosing and opening the encoder: codec, pixel format, options, and what each codec understands."""

import os
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from av.codec import Codec
from av.codec.codec import UnknownCodecError, find_best_pix_fmt_of_list
from av.codec.context import Flags, ThreadType
from av.video.codeccontext import VideoCodecContext
from av.video.format import VideoFormat

from realtime.runtime.errors import OutputError

__all__ = [
    "FRAME_CLOCK",
    "Encoding",
    "check_encoding",
    "choose_pixels",
    "encoder_options",
    "find_encoder",
    "fit_context",
    "is_lossless",
    "is_rgb",
]


@dataclass(frozen=True, slots=True)
class Encoding:
    """How to encode.

    ``None`` stands for the default: the container's codec, and the codec's own crf and preset.
    """

    codec: str | None = None
    crf: float | None = None
    preset: str | None = None


#: What a codec is asked for when nothing is asked for. Other codecs run with their own defaults.
_DEFAULTS: Final[dict[str, dict[str, str]]] = {
    "libx264": {"crf": "20", "preset": "veryfast"},
    "libx264rgb": {"crf": "20", "preset": "veryfast"},
    "libx265": {"crf": "22", "preset": "veryfast"},
    "libvpx-vp9": {"crf": "28", "deadline": "good", "cpu-used": "5", "row-mt": "1"},
    "libvpx": {"crf": "10", "deadline": "good", "cpu-used": "5", "b": "4M"},
    "libsvtav1": {"crf": "28", "preset": "9"},
}
#: Options that no choice is left about: quiet libraries, bounded thread pools, JPEG in the range that the
#: video has.
_ALWAYS: Final[dict[str, dict[str, str]]] = {
    "libx265": {"x265-params": "log-level=none:pools=2"},
    "mjpeg": {"strict": "unofficial"},
}
#: Variables that keep a library from writing to stderr by itself.
_QUIET: Final[dict[str, tuple[str, str]]] = {"libsvtav1": ("SVT_LOG", "1")}

#: Codecs that hold a frame rate where others hold times.
FRAME_CLOCK: Final = frozenset({"mpeg1video", "mpeg2video", "mpeg4", "msmpeg4v2", "h263"})

#: Codecs that refuse pictures whose last chroma sample is not whole.
_EVEN: Final = frozenset({"libx264", "libx265"})

#: Formats that an encoder lists, and cannot be opened with.
_BROKEN: Final = frozenset(("libvpx-vp9", name) for name in ("gbrap", "yuva422p", "yuva444p"))

#: Bits a pixel a frame for codecs that know no constant quality.
_BITS_PER_PIXEL: Final = 0.15


def find_encoder(name: str) -> Codec:
    """The video encoder called ``name``. Raises ``OutputError`` when there is none."""
    try:
        codec = Codec(name, "w")
    except UnknownCodecError as error:
        raise OutputError(f"unknown encoder {name!r}; use libx264, libx265, libvpx-vp9, ffv1, ...") from error
    if codec.type != "video":
        raise OutputError(f"{name!r} encodes {codec.type}, not video; use libx264, libx265, libvpx-vp9, ffv1, ...")
    if codec.name in _QUIET:
        os.environ.setdefault(*_QUIET[codec.name])
    return codec


def check_encoding(encoding: Encoding, name: str) -> None:
    """Raise ``OutputError`` where ``name`` is no video encoder or knows no such option as was asked for."""
    encoder_options(find_encoder(name), encoding)


def is_lossless(encoding: Encoding, name: str) -> bool:
    """Whether the encoder ``name`` gives every bit back: one that cannot lose any, or one told not to."""
    return not find_encoder(name).lossy or encoding.crf == 0


def encoder_options(codec: Codec, encoding: Encoding) -> dict[str, str]:
    """The options to open ``codec`` with. Raises ``OutputError`` for one that it does not have."""
    context = codec.create("video")
    known = {option.name: option for option in context.supported_options.private}
    asked = {
        "crf": None if encoding.crf is None else f"{encoding.crf:g}",
        "preset": encoding.preset,
    }
    options = dict(_DEFAULTS.get(codec.name, {}))
    for name, value in asked.items():
        if value is None:
            continue
        if name not in known:
            raise OutputError(f"the encoder {codec.name} has no --{name}; leave it out")
        options[name] = value
    if (crf := encoding.crf) is not None and not known["crf"].min <= crf <= known["crf"].max:
        raise OutputError(f"--crf {crf:g} is out of the range of the encoder {codec.name}")
    return options | _ALWAYS.get(codec.name, {})


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


def _divides(pixels: str, size: tuple[int, int]) -> bool:
    """Whether pictures of ``size`` = (width, height) have whole chroma samples only."""
    form = VideoFormat(pixels, 16, 16)
    return size[0] * form.chroma_width() % 16 == 0 and size[1] * form.chroma_height() % 16 == 0


def fit_context(context: VideoCodecContext, options: dict[str, str], rate: Fraction) -> None:
    """Settings that depend on what the codec can do: threads, frame durations, a bit rate without crf."""
    context.thread_count = min(os.cpu_count() or 1, MAX_THREADS)
    # Frame threads where there are any: PyAV's default, slices, costs x264 quality.
    context.thread_type = ThreadType.AUTO
    context.flags |= Flags.frame_duration
    pixels = context.width * context.height
    if context.codec.lossy and "crf" not in options and "b" not in options:
        context.bit_rate = max(200_000, int(pixels * rate * _BITS_PER_PIXEL))


def is_rgb(pixels: str) -> bool:
    """Whether the pixel format holds RGB."""
    return VideoFormat(pixels).is_rgb


#: Each encoder thread holds frames: more would not be faster beside the other stages and costs memory.
MAX_THREADS: Final = 4
