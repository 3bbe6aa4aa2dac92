"""Writes the sample clip: the animated portrait with its voice, as an ordinary MP4."""

import os
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
import numpy as np
from av.video.reformatter import Colorspace, ColorRange

from realtime.demo.animate import Puppet
from realtime.demo.gesture import gesture
from realtime.demo.portrait import load_portrait
from realtime.demo.sound import SAMPLE_RATE, synthesise
from realtime.demo.speech import babble
from realtime.errors import InputError, OutputError

__all__ = ["write_sample"]

_BT709: Final = 1  # the code for primaries, transfer and matrix alike in ITU-T H.273
_SOUND_PACKET: Final = 1024


def write_sample(
    path: Path, size: tuple[int, int] = (1280, 720), seconds: float = 7.0, fps: int = 30, preset: str = "veryfast"
) -> int:
    """Write the talking portrait to ``path`` and return the number of frames.

    The clip is H.264 4:2:0 8 bit, tagged BT.709 limited range, ``size`` (width, height; even numbers) at ``fps``
    frames a second, with mono AAC at 48 kHz. The same arguments draw the same frames. An existing file is replaced,
    and only by a whole one. Raises ``InputError`` without the photograph and ``OutputError`` where ``path`` cannot
    be written.
    """
    puppet = Puppet(load_portrait(), *size)
    speech = babble(seconds)
    sound = synthesise(speech, seconds)
    frames = max(round(seconds * fps), 1)
    part = path.with_name(f".{path.name}.part")
    try:
        with av.open(str(part), "w", format="mp4", options={"movflags": "+faststart"}) as container:
            video = container.add_stream("libx264", rate=fps, options={"preset": preset, "crf": "18"})
            video.width, video.height = size
            video.pix_fmt = "yuv420p"
            video.time_base = Fraction(1, fps)
            context = video.codec_context
            context.colorspace = context.color_primaries = context.color_trc = _BT709
            context.color_range = ColorRange.MPEG.value
            audio = container.add_stream("aac", rate=SAMPLE_RATE, layout="mono", bit_rate=96_000)

            said = 0
            for number in range(frames):
                drawn = puppet.draw(gesture(number / fps, seconds, speech))
                picture = av.VideoFrame.from_ndarray(drawn, format="rgb24").reformat(
                    format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG
                )
                picture.pts, picture.time_base = number, Fraction(1, fps)
                container.mux(video.encode(picture))
                # The sound goes along, so that a player finds both together.
                while said < min((number + 1) * SAMPLE_RATE // fps, len(sound)):
                    heard = av.AudioFrame.from_ndarray(
                        np.ascontiguousarray(sound[None, said : said + _SOUND_PACKET]), format="fltp", layout="mono"
                    )
                    heard.sample_rate, heard.pts, heard.time_base = SAMPLE_RATE, said, Fraction(1, SAMPLE_RATE)
                    said += heard.samples
                    container.mux(audio.encode(heard))
            container.mux(video.encode(None))
            container.mux(audio.encode(None))
        os.replace(part, path)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        part.unlink(missing_ok=True)
    return frames
