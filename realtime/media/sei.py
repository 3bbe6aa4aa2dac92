"""Notes of other programs in a stream of H.264 or HEVC: unregistered SEI, like a drone's flight or a camera's clock."""

from typing import Final

from av.sidedata.sidedata import Type
from av.video.frame import VideoFrame

from realtime.media.side_data import side_data

__all__ = ["NOTING", "has_notes"]

#: Encoders, by FFmpeg's name, that pass notes on.
NOTING: Final = frozenset({"libx264", "libx265", "h264_nvenc", "hevc_nvenc"})
#: Who writes of itself: x264 and x265 name their settings, which are no longer true.
_ENCODERS: Final = frozenset(
    {bytes.fromhex("dc45e9bde6d948b7962cd820d923eeef"), bytes.fromhex("2ca2de09b51747dbbb55a4fe7fc2fc4e")}
)


def has_notes(picture: VideoFrame) -> bool:
    """Whether the picture carries a note that is not its encoder's."""
    note = side_data(picture, Type.SEI_UNREGISTERED)
    return note is not None and note[:16] not in _ENCODERS
