"""A drawn performer on video, with sound."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from realtime.live.sources.portrait import Portrait, Pose
from realtime.media.color_tags import BT709

SIZE = (320, 240)
RATE = 25


def film(path: Path, poses: list[Pose | None], size: tuple[int, int] = SIZE) -> Path:
    """Encode the portrait in ``poses``, None for an empty picture, with a tone."""
    portrait = Portrait(*size)
    empty = np.full((size[1], size[0], 3), 90, np.uint8)
    with av.open(str(path), "w") as out:
        video = out.add_stream("libx264", rate=RATE, options={"preset": "veryfast", "crf": "12"})
        assert isinstance(video, av.VideoStream)
        video.width, video.height, video.pix_fmt = *size, "yuv420p"
        BT709.put_on(video.codec_context)
        sound = out.add_stream("aac", rate=48000, layout="mono")
        for number, pose in enumerate(poses):
            drawn = empty if pose is None else portrait.draw(pose)
            frame = av.VideoFrame.from_ndarray(drawn, format="rgb24").reformat(
                format="yuv420p", dst_colorspace="ITU709"
            )
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            out.mux(video.encode(frame))
        for start in range(0, len(poses) * 48000 // RATE, 1024):
            wave = np.sin((start + np.arange(1024)) / 20).astype(np.float32)[None] * np.float32(0.2)
            block = av.AudioFrame.from_ndarray(wave, format="fltp", layout="mono")
            block.sample_rate, block.pts, block.time_base = 48000, start, Fraction(1, 48000)
            out.mux(sound.encode(block))
        out.mux(video.encode(None))
        out.mux(sound.encode(None))
    return path


def swing(frames: int, pose: Callable[[float], Pose]) -> list[Pose | None]:
    """``pose`` at even steps of 0..1."""
    return [pose(number / (frames - 1)) for number in range(frames)]
