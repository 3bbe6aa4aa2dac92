"""The encoder that every sink has: settings, and what the containers are known to hold."""

import os
import subprocess
import sys
from contextlib import suppress
from fractions import Fraction
from io import BytesIO
from pathlib import Path

import av
import pytest

from realtime.media.color_tags import BT709, ColorTags
from realtime.media.containers import CONTAINERS, Container, muxed_by
from realtime.media.encoding import Encoding
from realtime.media.video_encoder import VideoEncoder, VideoShape
from realtime.runtime.errors import OutputError
from tests.realtime.clips import Clip, make, picture

RATE = Fraction(25)
SIZE = (160, 120)


def encoder(encoding: Encoding, pixels: str = "yuv420p", muxer: str = "matroska") -> VideoEncoder:
    container = av.open(BytesIO(), "w", format=muxer)
    return VideoEncoder(container, "out", VideoShape(*SIZE, pixels, RATE, 1 / RATE, BT709), encoding)


def shown(index: int, pixels: str = "yuv420p") -> av.VideoFrame:
    frame = av.VideoFrame.from_ndarray(picture(index, SIZE), format="rgb24").reformat(format=pixels)
    frame.pts, frame.time_base = index, 1 / RATE
    return frame


def test_instant_holds_no_picture_back_and_bounds_the_rate() -> None:
    slow, quick = encoder(Encoding(preset="fast")), encoder(Encoding(preset="fast", instant=True))
    assert "maxrate" not in slow.context.options
    assert quick.context.options["maxrate"] == "300000"
    for each in (slow, quick):
        each.open()
    assert not slow.encode(shown(0))
    assert len(quick.encode(shown(0))) == 1


REPEATED = """
import sys
from fractions import Fraction
from io import BytesIO
import av
from av.video.frame import PictureType
from realtime.media.color_tags import BT709
from realtime.media.encoding import Encoding
from realtime.media.video_encoder import VideoEncoder, VideoShape

rate, seen = Fraction(25), set()
with av.open(sys.argv[1]) as clip:
    pictures = list(clip.decode(video=0))[100:]
for turn in range(60):
    rubbish = [bytes([turn]) * (3000 + 97 * turn * i % 9000) for i in range(300)]
    shape = VideoShape(96, 64, "yuv420p", rate, 1 / rate, BT709)
    made = VideoEncoder(av.open(BytesIO(), "w", format="matroska"), "out", shape, Encoding())
    made.context.thread_count = 1  # it is no question of threads
    made.open()
    packets = []
    for index, each in enumerate(pictures):
        each.pts, each.time_base, each.pict_type = index, 1 / rate, PictureType.NONE
        packets += [bytes(packet) for packet in made.encode(each)]
    seen.add(tuple(packets + [bytes(packet) for packet in made.encode(None)]))
    del rubbish
print(len(seen))
"""


def test_what_lay_in_memory_before_changes_no_bit(tmp_path: Path) -> None:
    """libx264's functions for AVX-512 read some that they have not written, at widths such as this."""
    clip = make(tmp_path / "in.mp4", Clip((96, 64), 160, options={"preset": "ultrafast"}))
    done = subprocess.run([sys.executable, "-c", REPEATED, str(clip)], capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"


def test_a_bit_rate_takes_the_place_of_a_quality() -> None:
    options = encoder(Encoding(bitrate=500_000, instant=True)).context.options
    assert (options["b"], options["maxrate"], options["bufsize"]) == ("500000",) * 3
    assert "crf" not in options


def test_groups_are_as_short_as_asked() -> None:
    made = encoder(Encoding(group=0.4))
    made.open()
    packets = [packet for index in range(40) for packet in made.encode(shown(index))] + made.encode(None)
    keys = [packet.pts for packet in packets if packet.is_keyframe]
    assert keys == [0, 10, 20, 30]


def test_other_pixels_are_converted_with_their_times_and_tags() -> None:
    made = encoder(Encoding("mpeg4"), "yuv444p")
    assert made.warnings == ["the encoder mpeg4 takes no yuv444p of 160x120: encoded as yuv420p"]
    made.open()
    packets = [packet for index in range(3) for packet in made.encode(shown(index, "yuv444p"))] + made.encode(None)
    assert [packet.pts for packet in packets] == [0, 1, 2]
    assert ColorTags.of(made.context) == BT709


def test_rgb_becomes_plain_video_with_the_tags_of_it() -> None:
    made = encoder(Encoding(), "rgb24")
    assert (made.context.colorspace, made.context.color_range) == (BT709.matrix, BT709.range)


@pytest.mark.parametrize("muxer", sorted({row.muxer for row in CONTAINERS.values()}))
def test_every_container_takes_its_own_codec(muxer: str) -> None:
    made = encoder(Encoding(), muxer=muxer)
    assert made.codec.name == muxed_by(muxer).codec
    made.open()


def test_a_container_that_is_in_no_table_is_asked_itself() -> None:
    assert muxed_by("nut") == Container("nut")
    assert encoder(Encoding("ffv1"), muxer="nut").codec.name == "ffv1"


def test_what_a_container_does_not_hold_is_one_line() -> None:
    for muxer, codec in (("mpegts", "ffv1"), ("webm", "libx264")):
        with pytest.raises(OutputError, match=f"out: {muxer} does not hold what {codec} encodes; use another"):
            encoder(Encoding(codec), muxer=muxer)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root may ask for real time")
def test_no_encoder_works_in_real_time() -> None:
    made = encoder(Encoding("libsvtav1"))
    made.open()
    policies = set()
    for thread in Path("/proc/self/task").iterdir():
        with suppress(ProcessLookupError):  # it has ended
            policies.add(os.sched_getscheduler(int(thread.name)))
    assert policies == {os.SCHED_OTHER}
    made.encode(None)
