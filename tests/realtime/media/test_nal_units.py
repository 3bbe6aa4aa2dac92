"""Parameter sets, as FFmpeg writes them and as they are written here; groups of pictures in what was put together."""

from fractions import Fraction
from pathlib import Path

import av
import pytest

from realtime.jobs.segments.plan import read_plan
from realtime.media.closed_groups import UncopiableError, read_closed_groups
from realtime.media.file_source import FileSource
from realtime.media.nal_units import Described, avc_description, in_lengths, rewritten, units_of
from tests.realtime.clips import Clip, make


def described(path: Path) -> bytes:
    with av.open(str(path)) as container:
        return bytes(container.streams.video[0].codec_context.extradata or b"")


def clip(path: Path, pixels: str, **options: str) -> Path:
    return make(
        path, Clip(frames=3, audio=None, pix_fmt=pixels, options={"preset": "ultrafast", "crf": "40"} | options)
    )


@pytest.mark.parametrize(
    ("pixels", "options"),
    [("yuv420p", {"profile": "main"}), ("yuv420p", {}), ("yuv420p", {"preset": "veryfast"}), ("yuv422p10le", {}),
     ("yuv444p", {})],
)  # fmt: skip
def test_a_description_is_written_as_ffmpeg_does(tmp_path: Path, pixels: str, options: dict[str, str]) -> None:
    held = described(clip(tmp_path / "a.mp4", pixels, **options))
    read = Described.read("h264", held)
    assert read.lengths == 4
    assert avc_description(read.sets) == held


def test_a_description_asks_for_what_the_most_demanding_part_does(tmp_path: Path) -> None:
    """Two encoders in one stream: both sets are there, and the profile and level of whichever has the higher one."""
    low = described(clip(tmp_path / "a.mp4", "yuv420p", profile="baseline", level="41"))
    high = described(clip(tmp_path / "b.mp4", "yuv420p", preset="veryfast", **{"x264-params": "sps-id=1"}))
    sets = [*Described.read("h264", low).sets, *Described.read("h264", high).sets]
    both = avc_description(sets)
    assert (both[1], both[3], both[5] & 31) == (high[1], 41, 2)
    assert Described.read("h264", both).sets == (sets[0], sets[2], sets[1], sets[3])
    with pytest.raises(ValueError, match="another pixel format"):
        avc_description([*sets, *Described.read("h264", described(clip(tmp_path / "c.mp4", "yuv444p"))).sets])


def test_a_packet_goes_from_one_form_into_the_other_and_back() -> None:
    sets, slice_ = (b"\x67\x64\0\x1f\xac", b"\x68\xef"), b"\x65\x88\x84\0\0\3\1"
    beside = Described("h264", 4, sets)
    among = rewritten(in_lengths([slice_]), beside, beside=False)
    assert units_of(among, 0) == [*sets, slice_]
    assert rewritten(among, Described("h264", 0, sets), beside=False) is among
    assert rewritten(among, Described("h264", 0, sets), beside=True) == in_lengths([*sets, slice_])
    with pytest.raises(ValueError, match="cut off"):
        units_of(in_lengths([slice_])[:-1], 4)


def test_what_two_encoders_made_in_turn_is_left_alone(tmp_path: Path) -> None:
    """Their parameter sets have the same number: what follows a copy would be decoded by the wrong ones."""
    parts = [clip(tmp_path / "a.ts", "yuv420p"), clip(tmp_path / "b.ts", "yuv420p", preset="veryfast")]
    with av.open(str(tmp_path / "both.ts"), "w") as out:
        video = None
        for number, part in enumerate(parts):
            with av.open(str(part)) as container:
                video = video or out.add_stream_from_template(container.streams.video[0])
                for packet in container.demux(video=0):
                    if packet.size and packet.pts is not None and packet.dts is not None:
                        later = round(number / packet.time_base) + round(Fraction(1) / packet.time_base)
                        packet.pts, packet.dts, packet.stream = packet.pts + later, packet.dts + later, video
                        out.mux(packet)
    source = FileSource(tmp_path / "both.ts")
    with pytest.raises(UncopiableError, match="parameter sets change on the way"):
        read_closed_groups(source, read_plan(source).times)
    source.close()
