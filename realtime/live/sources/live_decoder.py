"""From an open container to frames and sound on the monotonic clock: what cameras and streams share."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from time import monotonic_ns
from typing import Final, TypeAlias

import av
from av.audio.frame import AudioFrame
from av.codec.context import Flags, ThreadType
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter
from av.video.stream import VideoStream

from realtime.live.reformatter import OUTPUT_PIXELS
from realtime.live.source import LiveItem, Sound
from realtime.media.color_tags import BT709
from realtime.media.frame import Frame
from realtime.media.pixel_formats import siting_of
from realtime.media.pixel_limit import limit_pixels
from realtime.runtime.errors import InputError

__all__ = ["Decoder", "Times", "video_of"]

#: When something was captured, in ns of the monotonic clock: from its time in the stream in seconds (None where it has
#: none) and the clock when it arrived.
Times: TypeAlias = Callable[[Fraction | None, int], int]

#: Threads of a decoder, each with a part of one picture: whole pictures for each would hold pictures back.
_THREADS: Final = 2


def video_of(container: InputContainer, address: str) -> VideoStream:
    """The stream with the pictures, its decoder set to hold nothing back. Raises ``InputError`` where there is none."""
    if not container.streams.video:
        raise InputError(f"{address}: no video comes from there; check the address")
    video = container.streams.video[0]
    context = video.codec_context
    if context is None:
        raise InputError(f"{address}: no decoder for its video; have it sent as H.264")
    limit_pixels(address, video)
    context.thread_count, context.thread_type = _THREADS, ThreadType.SLICE
    context.flags |= Flags.low_delay
    return video


class Decoder:
    """Packets in, frames and sound out, each with the time at which it was captured.

    Pictures come out in the formats that live frames are sent in. Damaged ones are left out: packets get lost on
    networks, and half a picture is none.
    """

    def __init__(self, video: VideoStream, times: Times) -> None:
        self.damaged = 0
        self._times = times
        self._siting = siting_of(video.codec_context.name)
        self._reformatter = VideoReformatter()
        self._last_ns = 0

    def decode(self, packet: "Packet[Stream]") -> Iterator[LiveItem]:
        """What is in the packet."""
        arrived_ns = monotonic_ns()
        try:
            items = packet.decode()
        except av.error.InvalidDataError:
            self.damaged += 1
            return
        for item in items:
            if not isinstance(item, AudioFrame | VideoFrame):
                continue
            time = None if item.pts is None or item.time_base is None else item.pts * item.time_base
            captured_ns = self._times(time, arrived_ns)
            if isinstance(item, AudioFrame):
                yield Sound(item, captured_ns)
            elif item.is_corrupt:
                self.damaged += 1
            else:
                self._last_ns = max(captured_ns, self._last_ns + 1)
                yield Frame(self._plain(item), self._last_ns, self._siting)

    def _plain(self, picture: VideoFrame) -> VideoFrame:
        """``picture`` in a format that is sent as it is, limited in range as everybody expects of it."""
        if picture.format.name in OUTPUT_PIXELS:
            return picture
        rgb = picture.format.is_rgb
        full = rgb or picture.format.name.startswith("yuvj") or picture.color_range == ColorRange.JPEG
        plain = self._reformatter.reformat(
            picture,
            format=OUTPUT_PIXELS[0],
            src_color_range=ColorRange.JPEG if full else ColorRange.MPEG,
            dst_color_range=ColorRange.MPEG,
            dst_colorspace=Colorspace.ITU709 if rgb else None,
        )
        plain.pts, plain.time_base = picture.pts, picture.time_base
        if rgb:
            BT709.put_on(plain)
        return plain
