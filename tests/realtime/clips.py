"""Small real clips, encoded on the fly: moving gradients with a tone, or the demo's portrait that talks.

What is asked for again is copied: the same arguments give the same bytes, and encoding is most of what a test costs.
"""

import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.frame import PictureType

from realtime.demo.sample import write_sample
from realtime.runtime.arrays import Bytes

#: The variable of the environment that names the folder where clips are kept: one for all workers.
KEPT = "MUMMER_TEST_CLIPS"


@dataclass(frozen=True)
class Clip:
    """What to encode. ``pts`` are the video's, in ``time_base``; by default one frame each 1/25 s from 0."""

    size: tuple[int, int] = (160, 120)
    frames: int = 30
    pts: Sequence[int] | None = None
    time_base: Fraction = Fraction(1, 12800)
    rate: int = 25
    codec: str = "libx264"
    options: dict[str, str] = field(default_factory=lambda: {"preset": "veryfast", "crf": "20"})
    pix_fmt: str = "yuv420p"
    audio: str | None = "aac"
    audio_start: int = 0
    audio_seconds: float | None = None
    #: colorspace, color_primaries, color_trc, color_range as FFmpeg numbers them.
    tags: tuple[int, int, int, int] | None = None
    aspect: Fraction | None = None
    rotation: int | None = None
    container_options: dict[str, str] = field(default_factory=dict)

    def times(self) -> list[int]:
        if self.pts is not None:
            return list(self.pts)
        step = int(1 / self.rate / self.time_base)
        return [i * step for i in range(self.frames)]


def picture(index: int, size: tuple[int, int]) -> Bytes:
    """A gradient that drifts, with a bright square that moves: uint8 (H, W, 3)."""
    width, height = size
    x = np.arange(width)[None, :]
    y = np.arange(height)[:, None]
    rgb = np.stack(
        [
            np.broadcast_to((x * 255 // width + index * 3) % 256, (height, width)),
            np.broadcast_to((y * 255 // height + index * 2) % 256, (height, width)),
            np.broadcast_to((x + y + index) % 256, (height, width)),
        ],
        axis=-1,
    ).astype(np.uint8)
    left = (index * 4) % (width - 20)
    rgb[20:40, left : left + 20] = 240
    return np.ascontiguousarray(rgb)


def make(path: Path, clip: Clip | None = None) -> Path:
    """Encode ``clip`` to ``path``; the container is that of the suffix."""
    shown = clip or Clip()
    if KEPT in os.environ:
        shutil.copyfile(_kept(f"{shown} {shown.times()}", path.suffix, lambda kept: _encode(kept, shown)), path)
    else:  # a bench, not a test
        _encode(path, shown)
    return path


def talk(path: Path, size: tuple[int, int], seconds: float, fps: int) -> Path:
    """Write the demo's sample clip to ``path``: a portrait that talks."""
    shutil.copyfile(talking(size, seconds, fps), path)
    return path


def talking(size: tuple[int, int], seconds: float, fps: int) -> Path:
    """The demo's sample clip, not to be changed."""

    def write(kept: Path) -> None:
        assert write_sample(kept, size, seconds, fps) == round(seconds * fps)

    return _kept(f"{size} {seconds} {fps}", ".mp4", write)


def _kept(arguments: str, suffix: str, write: Callable[[Path], object]) -> Path:
    """The file that ``write`` makes of ``arguments``, made once."""
    folder = Path(os.environ[KEPT])
    path = folder / f"{hashlib.sha256(arguments.encode()).hexdigest()[:24]}{suffix}"
    if not path.exists():
        part = folder / f"{os.getpid()}-{path.name}"
        write(part)
        part.replace(path)  # it appears when it is whole, whichever worker makes it
    return path


def _encode(path: Path, clip: Clip) -> None:
    with av.open(str(path), "w", container_options=clip.container_options) as out:
        video = out.add_stream(clip.codec, rate=clip.rate, options=dict(clip.options))
        assert isinstance(video, av.VideoStream)
        context = video.codec_context
        video.width, video.height = clip.size
        video.pix_fmt = clip.pix_fmt
        context.time_base = clip.time_base
        if clip.tags:
            context.colorspace, context.color_primaries, context.color_trc, context.color_range = clip.tags
        if clip.aspect:
            context.sample_aspect_ratio = clip.aspect
        if clip.rotation is not None:
            video.set_display_rotation(clip.rotation)
        sound = None
        if clip.audio:
            sound = out.add_stream(clip.audio, rate=48000)
            assert isinstance(sound, av.AudioStream)
            sound.codec_context.open()
        times = clip.times()
        end = float(times[-1] * clip.time_base) + 1 / clip.rate if times else 1.0
        blocks = iter(_tone(sound, clip, clip.audio_seconds or end)) if sound else iter(())
        block = next(blocks, None)
        for index, pts in enumerate(times):
            while sound and block is not None and block.pts / 48000 <= float(pts * clip.time_base):
                out.mux(sound.encode(block))
                block = next(blocks, None)
            frame = av.VideoFrame.from_ndarray(picture(index, clip.size), format="rgb24")
            frame = frame.reformat(format=clip.pix_fmt)
            frame.pts, frame.time_base = pts, clip.time_base
            frame.pict_type = PictureType.NONE
            if clip.tags:
                frame.colorspace, frame.color_primaries, frame.color_trc, frame.color_range = clip.tags
            out.mux(video.encode(frame))
        while sound and block is not None:
            out.mux(sound.encode(block))
            block = next(blocks, None)
        out.mux(video.encode(None))
        if sound:
            out.mux(sound.encode(None))


def _tone(stream: av.AudioStream, clip: Clip, seconds: float) -> Iterator[av.AudioFrame]:
    context = stream.codec_context
    size = context.frame_size or 1024
    for start in range(0, int(seconds * 48000), size):
        t = (start + np.arange(size)) / 48000
        wave = (0.2 * np.sin(2 * np.pi * 440 * t * (1 + 0.1 * t))).astype(np.float32)
        stereo = np.stack([wave, wave])
        planar = context.format.is_planar
        bits = {"s16": 16, "s32": 32}.get(context.format.name.removesuffix("p"))
        data = stereo if bits is None else (stereo * (2 ** (bits - 1) - 256)).astype(f"int{bits}")
        if not planar:
            data = data.T.reshape(1, -1)
        data = np.ascontiguousarray(data)
        block = av.AudioFrame.from_ndarray(data, format=context.format.name, layout="stereo")
        block.sample_rate = 48000
        block.pts, block.time_base = start + clip.audio_start, Fraction(1, 48000)
        yield block


def decoded(path: Path) -> list[tuple[Fraction, bytes]]:
    """Time in seconds and the planes' bytes of every frame, in the stream's own pixel format."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        out = []
        for frame in container.decode(stream):
            assert frame.pts is not None
            assert frame.time_base is not None
            out.append((frame.pts * frame.time_base, b"".join(_visible(frame))))
        return out


def _visible(frame: av.VideoFrame) -> Iterable[bytes]:
    """Each plane's rows without the padding behind them."""
    for plane in frame.planes:
        rows = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)
        used = plane.line_size if plane.width == 0 else _row_bytes(frame, plane)
        yield rows[:, :used].tobytes()


def _row_bytes(frame: av.VideoFrame, plane: av.video.plane.VideoPlane) -> int:
    deep = max(component.bits for component in frame.format.components) > 8
    return plane.width * (2 if deep else 1)


def times(path: Path) -> list[Fraction]:
    return [time for time, _ in decoded(path)]


def payloads(path: Path, kind: str = "audio") -> list[list[bytes]]:
    """The packets' bytes of every stream of ``kind``, in file order."""
    with av.open(str(path)) as container:
        streams = [stream for stream in container.streams if stream.type == kind]
        out: dict[int, list[bytes]] = {stream.index: [] for stream in streams}
        for packet in container.demux():
            if packet.size and packet.stream.index in out:
                out[packet.stream.index].append(bytes(packet))
        return list(out.values())
