"""Interlaced video: two fields a picture, taken one after the other, each every second row.

They are coded as fields again where the encoder can. Whatever looks at a picture or changes it must take them one by
one: between them the face has moved.
"""

from typing import Final

from av.codec import Codec
from av.codec.context import Flags
from av.video.codeccontext import VideoCodecContext

__all__ = ["code_fields", "codes_fields", "parities"]

#: What encoders, by FFmpeg's name, are told beyond the order of fields. Those that are not here code whole pictures
#: only, or hold every bit of a row anyway.
_FLAGS: Final = {
    "libx264": Flags.interlaced_dct | Flags.interlaced_me,
    "mpeg2video": Flags.interlaced_dct | Flags.interlaced_me,
    "mpeg4": Flags.interlaced_dct | Flags.interlaced_me,
    "prores_ks": Flags.interlaced_dct,
    "dnxhd": Flags.interlaced_dct,
    "dvvideo": Flags.interlaced_dct,
}


def codes_fields(codec: Codec) -> bool:
    """Whether pictures of two fields come back from ``codec`` as such."""
    return codec.name in _FLAGS or not codec.lossy


def code_fields(context: VideoCodecContext) -> None:
    """Let the encoder of ``context``, not yet open, code the two fields of its pictures apart."""
    context.flags |= _FLAGS.get(context.name, Flags(0))


def parities(fields: str) -> tuple[int, int]:
    """The first rows of the first and the second field of a picture, by its order of fields (``tt``, ``bb``, ...)."""
    return (0, 1) if fields[1] == "t" else (1, 0)
