"""Notes of other programs in a stream of H.264 or HEVC: unregistered SEI, like a drone's flight or a camera's clock."""

from typing import Final, cast

from av.sidedata.sidedata import SideDataContainer, Type
from av.video.frame import VideoFrame

__all__ = ["NOTING", "has_notes"]

#: Encoders, by FFmpeg's name, that pass notes on.
NOTING: Final = frozenset({"libx264", "libx265", "h264_nvenc", "hevc_nvenc"})
#: Who writes of itself: x264 and x265 name their settings, which are no longer true.
_ENCODERS: Final = frozenset(
    {bytes.fromhex("dc45e9bde6d948b7962cd820d923eeef"), bytes.fromhex("2ca2de09b51747dbbb55a4fe7fc2fc4e")}
)


def has_notes(picture: VideoFrame) -> bool:
    """Whether the picture carries a note that is not its encoder's."""
    try:
        # The stub calls the side data of a frame a dictionary of motion vectors.
        data = cast(SideDataContainer, picture.side_data)
    except ValueError:  # PyAV looks at none of it where one kind is unknown to it
        return False
    return Type.SEI_UNREGISTERED in data and bytes(data[Type.SEI_UNREGISTERED])[:16] not in _ENCODERS
