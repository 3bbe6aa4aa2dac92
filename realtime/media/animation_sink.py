"""Pictures that move, written: GIF with a palette for each picture, and WebP."""

import os
import struct
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import av
import av.filter
import numpy as np
from av.video.stream import VideoStream

from realtime.runtime.arrays import Bytes
from realtime.runtime.errors import OutputError, reason

if TYPE_CHECKING:
    from realtime.media.animation import Moment

__all__ = ["ANIMATIONS", "AnimationSink"]

#: By suffix: FFmpeg's muxer and encoder, the pixel format given to it, seconds a unit of time, and its options.
ANIMATIONS: Final[dict[str, tuple[str, str, str, Fraction, dict[str, str]]]] = {
    ".gif": ("gif", "gif", "pal8", Fraction(1, 100), {}),
    ".webp": ("webp", "libwebp_anim", "bgra", Fraction(1, 1000), {"quality": "90"}),
}


class AnimationSink:
    """Encodes moments as they come; ``path`` is whole after ``finish``.

    ``loops`` is how often it starts again, 0 for ever; ``name`` is what messages call the file. Raises ``OutputError``.
    """

    def __init__(self, path: Path, loops: int, name: Path) -> None:
        muxer, self._encoder, self._pixels, self._clock, self._options = ANIMATIONS[path.suffix.lower()]
        self._path, self._name, self._now, self._last = path, name, 0, 0
        self._container = av.open(str(path.absolute()), "w", format=muxer, container_options={"loop": str(loops)})
        self._stream: VideoStream | None = None
        self._palette: av.filter.Graph | None = None

    def write(self, moment: "Moment") -> None:
        """Add one picture; all are of the size of the first."""
        self._stream = self._stream or self._add_stream(moment.samples.shape[1], moment.samples.shape[0])
        opaque = np.full(moment.samples.shape[:2], 255, np.uint8) if moment.alpha is None else moment.alpha
        blue_first: Bytes = np.dstack([moment.samples[..., ::-1], opaque]).astype(np.uint8)
        picture = av.VideoFrame.from_ndarray(blue_first, format="bgra")
        picture.pts, picture.time_base = round(self._now / 1000 / self._clock), self._clock
        self._now += moment.duration
        self._last = moment.duration
        duration = round(self._now / 1000 / self._clock) - picture.pts
        if self._palette is not None:
            pts = picture.pts
            self._palette.push(picture)
            picture = cast(av.VideoFrame, self._palette.pull())
            picture.pts, picture.time_base = pts, self._clock
        picture.duration = duration
        self._encode(picture, duration)

    def finish(self) -> None:
        """Write what is still held back."""
        if self._stream is not None:
            self._encode(None, 0)
        try:
            self._container.close()
            if self._path.suffix.lower() == ".webp":
                _set_last_duration(self._path, self._last)
        except (av.error.FFmpegError, OSError) as error:
            raise OutputError(f"{self._name}: cannot be finished: {reason(error)}") from error

    def abort(self) -> None:
        """Let go of the file without making it whole."""
        try:
            self._container.close()
        except (av.error.FFmpegError, OSError):
            return

    def _add_stream(self, width: int, height: int) -> VideoStream:
        stream = cast(VideoStream, self._container.add_stream(self._encoder, rate=50, options=self._options))
        context = stream.codec_context
        context.width, context.height = width, height
        context.pix_fmt, context.time_base = self._pixels, self._clock
        self._palette = _palette((width, height), self._clock) if self._pixels == "pal8" else None
        return stream

    def _encode(self, picture: av.VideoFrame | None, duration: int) -> None:
        stream = cast(VideoStream, self._stream)
        try:
            for packet in stream.encode(picture):
                if duration:
                    packet.duration = duration
                self._container.mux_one(packet)
        except (av.error.FFmpegError, OSError) as error:
            raise OutputError(f"{self._name}: cannot be written: {reason(error)}") from error


def _palette(size: tuple[int, int], clock: Fraction) -> av.filter.Graph:
    """A filter that gives every picture 256 colours of its own."""
    graph = av.filter.Graph()
    source = graph.add_buffer(width=size[0], height=size[1], format=av.VideoFormat("bgra"), time_base=clock)
    split = graph.add("split")
    palette = graph.add("palettegen", "stats_mode=single")
    use = graph.add("paletteuse", "new=1:dither=sierra2_4a")
    sink = graph.add("buffersink")
    source.link_to(split)
    split.link_to(palette, 0, 0)
    split.link_to(use, 1, 0)
    palette.link_to(use, 0, 1)
    use.link_to(sink)
    graph.configure()
    return graph


def _set_last_duration(path: Path, milliseconds: int) -> None:
    """Put right the last picture of a WebP (RFC 9649, 2.7.1.1), shown as long as the others on average."""
    with path.open("r+b") as file:
        size, at, last = file.seek(0, os.SEEK_END), 12, None
        while at + 8 <= size:
            file.seek(at)
            name, length = struct.unpack("<4sI", file.read(8))
            last = at if name == b"ANMF" else last
            at += 8 + length + length % 2
        if last is not None:
            file.seek(last + 8 + 12)  # behind place and size, which have 24 bits each
            file.write(milliseconds.to_bytes(3, "little"))
