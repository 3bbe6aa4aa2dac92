"""How to encode: codec, options, and what each codec understands."""

import os
from dataclasses import dataclass
from typing import Final

from av.codec import Codec
from av.codec.codec import UnknownCodecError

from realtime.runtime.errors import OutputError

__all__ = ["Encoding", "bounded", "check_encoding", "encoder_options", "find_encoder", "is_lossless"]


@dataclass(frozen=True, slots=True)
class Encoding:
    """How to encode.

    ``None`` stands for the default: the input's codec where it can be had, else the container's; the codec's own crf,
    preset and profile; no bound on the bit rate. A ``codec`` of ``same`` insists on the input's. ``bitrate``, in bits a
    second, takes the place of crf. ``group`` is how many seconds lie between two pictures from which decoding can
    begin, at most. ``instant`` holds no picture back, and bounds the bit rate: for the network. ``sets``, where it is
    not 0, is a number for the encoder's parameter sets, because there are those of another one in the same stream:
    libx264 gives it to its own, libx265 repeats its own with every picture from which decoding can begin.
    """

    codec: str | None = None
    crf: float | None = None
    preset: str | None = None
    bitrate: int | None = None
    group: float | None = None
    instant: bool = False
    profile: str | None = None
    sets: int = 0


def _quantiser(scale: int) -> dict[str, str]:
    """Constant quality for codecs of the MPEG family, which know no crf; lower is better, 1 is best."""
    return {"flags": "+qscale", "global_quality": str(scale * _LAMBDA)}


#: FFmpeg's FF_QP2LAMBDA.
_LAMBDA: Final = 118
#: What a codec is asked for when nothing is asked for. Other codecs run with their own defaults.
_DEFAULTS: Final[dict[str, dict[str, str]]] = {
    "libx264": {"crf": "20", "preset": "veryfast"},
    "libx264rgb": {"crf": "20", "preset": "veryfast"},
    "libx265": {"crf": "22", "preset": "veryfast"},
    "libvpx-vp9": {"crf": "28", "deadline": "good", "cpu-used": "5", "row-mt": "1"},
    "libvpx": {"crf": "10", "deadline": "good", "cpu-used": "5", "b": "4M"},
    "libsvtav1": {"crf": "28", "preset": "9"},
    "mpeg1video": _quantiser(2),
    "mpeg2video": _quantiser(2),
    "mpeg4": _quantiser(2),
    "mjpeg": _quantiser(2),
}
#: Options that no choice is left about: quiet libraries, bounded thread pools, JPEG in the range that the
#: video has.
_ALWAYS: Final[dict[str, dict[str, str]]] = {
    "libx265": {"x265-params": "log-level=none:pools=2"},
    "mjpeg": {"strict": "unofficial"},
}
#: What makes an encoder's parameter sets go together with others: an option, and what it is given.
_SETS: Final[dict[str, tuple[str, str]]] = {
    "libx264": ("x264-params", "sps-id={}"),
    "libx265": ("x265-params", "repeat-headers=1"),
}
#: Variables that keep a library from writing to stderr by itself.
_QUIET: Final[dict[str, tuple[str, str]]] = {"libsvtav1": ("SVT_LOG", "1")}


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


def is_lossless(encoding: Encoding) -> bool:
    """Whether an encoding that names its encoder gives every bit back: one that cannot lose any, or is told not to."""
    return encoding.codec is not None and (not find_encoder(encoding.codec).lossy or encoding.crf == 0)


def encoder_options(codec: Codec, encoding: Encoding) -> dict[str, str]:
    """The options to open ``codec`` with. Raises ``OutputError`` for one that it does not have."""
    context = codec.create("video")
    known = {option.name: option for option in context.supported_options.private}
    asked = {
        "crf": None if encoding.crf is None else f"{encoding.crf:g}",
        "preset": encoding.preset,
        "profile": encoding.profile,
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
    if encoding.instant and "tune" in known and codec.name.startswith("libx26"):
        options["tune"] = "zerolatency"
    if encoding.group is not None and "forced-idr" in known:
        options["forced-idr"] = "1"
    if encoding.bitrate is not None or encoding.instant:
        options = {name: value for name, value in options.items() if name not in ("flags", "global_quality")}
    if encoding.bitrate is not None:
        options.pop("crf", None)
        options |= bounded(encoding.bitrate) | {"b": str(encoding.bitrate)}
    options |= _ALWAYS.get(codec.name, {})
    if encoding.sets and codec.name in _SETS:
        name, value = _SETS[codec.name]
        options[name] = ":".join(filter(None, (options.get(name), value.format(encoding.sets))))
    return options


def bounded(bits: int) -> dict[str, str]:
    """Options that keep every second at ``bits`` or below."""
    return {"maxrate": str(bits), "bufsize": str(bits)}
