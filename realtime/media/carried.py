"""What a video stream says beside its pictures, carried over to the stream that an encoder makes.

PyAV has no way to write it. But a bitstream filter that does nothing hands the parameters of one stream on to another,
side data and all; whatever the encoder decides itself is then set again. It works within a codec.
"""

from collections.abc import Iterable
from typing import Final

from av.bitstream import BitStreamFilterContext
from av.video.stream import VideoStream

from realtime.media.hdr import can_tell

__all__ = ["carries", "carry", "left_behind"]

#: By FFmpeg's name: what it is for people, and the containers (FFmpeg's muxers) that hold it.
_CARRIED: Final[dict[str, tuple[str, frozenset[str]]]] = {
    name: (words, frozenset({"mp4", "mov", "matroska", "webm"}))
    for name, words in {
        "Frame Cropping": "its crop (the borders that players hide)",
        "Stereo 3D": "its 3D layout",
        "Spherical Mapping": "its spherical projection",
        "Mastering display metadata": "the display that its HDR was graded on",
        "Content light level metadata": "the light level of its HDR",
        "Ambient viewing environment": "the surroundings that its HDR was graded in",
    }.items()
}
#: What encoders may also write into the stream itself.
_IN_STREAM: Final = frozenset({"Mastering display metadata", "Content light level metadata"})
#: What belongs to the bits of the old pictures, and would be wrong beside new ones.
_LEFT: Final = {
    "DOVI configuration record": "its Dolby Vision layer",
    "HDR Dynamic Metadata SMPTE2094-40 (HDR10+)": "its HDR10+ curves",
    "ICC profile": "its ICC profile",
}


def carries(side_data: Iterable[str]) -> bool:
    """Whether there is anything to carry, and nothing that must not come along."""
    names = set(side_data)
    return bool(names & _CARRIED.keys()) and not names & _LEFT.keys()


def left_behind(side_data: Iterable[str], same_codec: bool, encoder: str, muxer: str) -> list[str]:
    """What of ``side_data`` does not reach a file of ``muxer`` from ``encoder``, in words."""
    names = set(side_data)
    carried = same_codec and carries(names)
    lost = [words for name, words in _LEFT.items() if name in names]
    for name, (words, muxers) in _CARRIED.items():
        told = name in _IN_STREAM and can_tell(encoder)
        if name in names and not told and not (carried and muxer in muxers):
            lost.append(words)
    return lost


def carry(source: VideoStream, target: VideoStream) -> None:
    """Give ``target``, of the same codec and new, what ``source`` says beside its pictures.

    Size, pixel format, clock and colours come along, and are to be set anew.
    """
    BitStreamFilterContext("null", in_stream=source, out_stream=target)
    context = target.codec_context
    context.codec_tag = "\0\0\0\0"
    context.bit_rate = 0  # that of the source would be an order to some encoders
    context.level = UNKNOWN_LEVEL


#: FFmpeg's AV_LEVEL_UNKNOWN: the encoder finds out.
UNKNOWN_LEVEL: Final = -99
