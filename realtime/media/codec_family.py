"""Which encoder gives a video back in the codec that it came in."""

from dataclasses import dataclass, replace
from typing import Final

from av.codec import Codec
from av.codec.codec import UnknownCodecError
from av.video.stream import VideoStream

from realtime.media.containers import Container
from realtime.media.encoding import Encoding
from realtime.runtime.errors import OutputError

__all__ = ["SAME", "Choice", "choose_codec", "codec_of"]

#: What a user writes for the codec of the input.
SAME: Final = "same"


@dataclass(frozen=True, slots=True)
class Choice:
    """An encoding that names its encoder, and what is to be said where that is not the input's codec."""

    encoding: Encoding
    warning: str | None = None


def codec_of(video: VideoStream) -> str:
    """FFmpeg's name of the codec of an opened stream, whichever decoder reads it."""
    return video.codec_context.codec.canonical_name


def choose_codec(encoding: Encoding, video: VideoStream, kind: Container, name: str) -> Choice:
    """``encoding`` with the encoder that stays in the codec of ``video``, or with the one that it names.

    Where nothing is named, and there is no such encoder or ``kind`` does not hold the codec, the container's own is
    chosen, with a warning. Raises ``OutputError``, naming ``name``, where the same codec was asked for and cannot be
    had.
    """
    if encoding.codec not in (None, SAME):
        return Choice(encoding)
    codec = codec_of(video)
    encoder = _encoder(codec)
    profiles = _PROFILES.get(codec)
    profile = None if profiles is None else profiles.get(video.codec_context.profile or "")
    if encoder is None or (profiles is not None and profile is None):
        why = f"there is no encoder for {codec} like this here"
    elif not kind.muxes(codec, encoder):
        why = f"{kind.muxer} does not hold {codec}"
    elif codec in kind.mistimed and encoding.codec is None:
        why = f"{kind.muxer} gives {codec} back at wrong times"
    else:
        return Choice(replace(encoding, codec=encoder, profile=profile))
    if encoding.codec == SAME:
        raise OutputError(f"{name}: {why}; use another --codec or another suffix, .mkv holds most")
    return Choice(replace(encoding, codec=kind.codec), f"{why}: the video is encoded with {kind.codec}")


def _encoder(codec: str) -> str | None:
    """The encoder for ``codec`` (FFmpeg's names); None where this build has none that is fit."""
    name = _ENCODERS.get(codec)
    if name is None:
        return None
    try:
        return Codec(name, "w").name
    except UnknownCodecError:
        return None


#: By codec. Left out are those that play nowhere any more.
_ENCODERS: Final = {
    "h264": "libx264",
    "hevc": "libx265",
    "vp9": "libvpx-vp9",
    "vp8": "libvpx",
    "av1": "libsvtav1",
    "prores": "prores_ks",
    "dnxhd": "dnxhd",
    "mpeg1video": "mpeg1video",
    "mpeg2video": "mpeg2video",
    "mpeg4": "mpeg4",
    "mjpeg": "mjpeg",
    **{
        lossless: lossless
        for lossless in ("ffv1", "huffyuv", "ffvhuff", "utvideo", "magicyuv", "qtrle", "png", "rawvideo", "v210")
    },
}
#: Codecs of which there are kinds: the encoder's names for them, by the decoder's.
_PROFILES: Final[dict[str, dict[str, str]]] = {
    "prores": {"Proxy": "proxy", "LT": "lt", "Standard": "standard", "HQ": "hq", "4444": "4444", "XQ": "4444xq"},
    "dnxhd": {f"DNXHR {kind}": f"dnxhr_{kind.lower()}" for kind in ("LB", "SQ", "HQ", "HQX", "444")},
}
