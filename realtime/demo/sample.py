"""Writes the sample clip: the animated portrait with its voice, as an ordinary MP4."""

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.reformatter import ColorRange, Colorspace
from av.video.stream import VideoStream

from realtime.demo.animate import Puppet
from realtime.demo.gesture import gesture
from realtime.demo.portrait import load_portrait
from realtime.demo.sound import SAMPLE_RATE, synthesise
from realtime.demo.speech import babble
from realtime.jobs.convert import OnFrame
from realtime.media.color_tags import BT709
from realtime.runtime.arrays import Bytes, Floats
from realtime.runtime.errors import OutputError, reason
from realtime.runtime.files import whole_or_nothing

__all__ = ["write_sample"]

_SOUND_BLOCK: Final = 1024  # what AAC takes at once


def write_sample(
    path: Path,
    size: tuple[int, int] = (1280, 720),
    seconds: float = 7.0,
    fps: int = 30,
    on_frame: OnFrame | None = None,
) -> int:
    """Write the talking portrait to ``path`` and return the number of frames.

    The clip is H.264 4:2:0 8 bit, tagged BT.709 limited range, ``size`` (width, height; even numbers) at
    ``fps`` frames a second, with mono AAC at 48 kHz. The same arguments draw the same frames. An existing
    file is replaced, and only by a whole one. ``on_frame`` is called after each frame with the number drawn
    and the number of all. Raises ``InputError`` without the photograph and ``OutputError`` where ``path``
    cannot be written.
    """
    puppet = Puppet(load_portrait(), *size)
    speech = babble(seconds)
    sound = synthesise(speech, seconds)
    frames = max(round(seconds * fps), 1)
    with whole_or_nothing(path) as part, _muxing(part, path) as container:
        video, audio = _streams(container, size, fps)
        blocks = range(0, len(sound), _SOUND_BLOCK)
        for number in range(frames):
            drawn = puppet.draw(gesture(number / fps, seconds, speech))
            container.mux(video.encode(_picture(drawn, number, fps)))
            # The sound goes along, so that a player finds both together.
            said, blocks = _split(blocks, (number + 1) * SAMPLE_RATE // fps)
            for start in said:
                container.mux(audio.encode(_heard(sound, start)))
            if on_frame is not None:
                on_frame(number + 1, frames)
        container.mux(video.encode(None))
        container.mux(audio.encode(None))
    return frames


@contextmanager
def _muxing(part: Path, path: Path) -> Iterator[OutputContainer]:
    """The container at ``part``; what fails there is said of ``path``."""
    try:
        with av.open(str(part), "w", format="mp4", options={"movflags": "+faststart"}) as container:
            yield container
    except (OSError, av.FFmpegError) as error:
        raise OutputError(f"{path}: cannot be written: {reason(error)}") from error


def _split(blocks: range, until: int) -> tuple[range, range]:
    """The blocks that begin before the sample ``until``, and the rest."""
    said = len(range(blocks.start, min(until, blocks.stop), blocks.step))
    return blocks[:said], blocks[said:]


def _streams(container: OutputContainer, size: tuple[int, int], fps: int) -> tuple[VideoStream, AudioStream]:
    video = container.add_stream("libx264", rate=fps, options={"preset": "veryfast", "crf": "18"})
    video.width, video.height = size
    video.pix_fmt = "yuv420p"
    context = video.codec_context
    context.time_base = Fraction(1, fps)
    BT709.put_on(context)
    return video, container.add_stream("aac", rate=SAMPLE_RATE, layout="mono", bit_rate=96_000)


def _picture(drawn: Bytes, number: int, fps: int) -> av.VideoFrame:
    picture = av.VideoFrame.from_ndarray(drawn, format="rgb24").reformat(
        format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG
    )
    picture.pts, picture.time_base = number, Fraction(1, fps)
    return picture


def _heard(sound: Floats, start: int) -> av.AudioFrame:
    block = av.AudioFrame.from_ndarray(
        np.ascontiguousarray(sound[None, start : start + _SOUND_BLOCK]), format="fltp", layout="mono"
    )
    block.sample_rate = SAMPLE_RATE
    block.pts, block.time_base = start, Fraction(1, SAMPLE_RATE)
    return block
