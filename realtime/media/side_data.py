"""What a decoder puts beside a picture: how it is to be turned, the display it was graded on, other programs' notes."""

from av.sidedata.sidedata import SideDataContainer, Type
from av.video.frame import VideoFrame

__all__ = ["side_data"]


def side_data(picture: VideoFrame, kind: Type) -> bytes | None:
    """The side data of that kind, as the decoder has it; None where there is none."""
    try:
        # Not ``picture.side_data``: the frame would keep it, and it the frame, so that the picture and its decoder's
        # pool of pictures stayed in memory until the garbage collector came.
        data = SideDataContainer(picture)  # type: ignore[call-arg]
    except ValueError:  # PyAV looks at none of it where one kind is unknown to it, like EXIF
        return None
    return bytes(data[kind]) if kind in data else None
