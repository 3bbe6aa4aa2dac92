"""What goes beside the pictures: read as FFmpeg reads it, and there again in what is written."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.bitstream import BitStreamFilterContext

from realtime.media.encoding import Encoding
from realtime.media.file_source import FileSource
from realtime.media.hdr import Hdr
from realtime.media.pixel_formats import Siting
from realtime.media.stream_facts import StreamFacts, stream_facts
from tests.realtime.boxes import APERTURE, LIGHT, MASTERING, SPHERE, describe
from tests.realtime.clips import Clip, make
from tests.realtime.media.test_file_sink import transcode

QUICK = Clip(frames=4, audio=None)
PQ = Clip(
    frames=4,
    audio=None,
    codec="libx265",
    pix_fmt="yuv420p10le",
    tags=(9, 9, 16, 1),
    options={
        "preset": "ultrafast",
        "x265-params": "log-level=none:hdr10=1:max-cll=1000,400:master-display="
        "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)",
    },
)


def facts(path: Path) -> StreamFacts:
    with av.open(str(path)) as container:
        return stream_facts(container, container.streams.video[0].index)


def hdr(path: Path) -> Hdr | None:
    with av.open(str(path)) as container:
        return Hdr.read(next(container.decode(video=0)))


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_what_stands_beside_the_pictures_is_carried_over(tmp_path: Path, suffix: str) -> None:
    path = describe(make(tmp_path / "in.mp4", QUICK), MASTERING, LIGHT, APERTURE, SPHERE)
    target = tmp_path / f"out{suffix}"
    assert facts(path).side_data.keys() >= {"Frame Cropping", "Spherical Mapping", "Mastering display metadata"}
    assert transcode(path, target) == []
    assert facts(target) == facts(path)


def test_another_codec_says_what_it_cannot_carry(tmp_path: Path) -> None:
    path = describe(make(tmp_path / "in.mp4", QUICK), MASTERING, LIGHT, APERTURE, SPHERE)
    told = transcode(path, tmp_path / "out.mp4", Encoding("libx265", preset="ultrafast"))
    assert told == [
        "its crop (the borders that players hide) was left out",
        "its spherical projection was left out",
    ]
    assert hdr(tmp_path / "out.mp4") == hdr(path)
    assert len(transcode(path, tmp_path / "out.mkv", Encoding("ffv1"))) == 4


@pytest.mark.parametrize("encoding", [Encoding(), Encoding("libsvtav1")], ids=["hevc", "av1"])
def test_hdr10_in_the_stream_is_written_again(tmp_path: Path, encoding: Encoding) -> None:
    path, target = make(tmp_path / "in.mp4", PQ), tmp_path / "out.mkv"
    transcode(path, target, encoding)
    graded, made = hdr(path), hdr(target)
    assert graded is not None
    assert made is not None
    assert (graded.luminance, graded.light) == ((Fraction(1, 200), Fraction(1000)), (1000, 400))
    for name in ("red", "green", "blue", "white", "luminance"):
        assert [float(x) for x in getattr(made, name)] == pytest.approx(
            [float(x) for x in getattr(graded, name)], abs=0.005
        )
    assert made.light == graded.light


@pytest.mark.parametrize("place", ["left", "topleft", "center", "bottomleft"])
def test_chroma_stays_where_it_lies_and_is_sampled_there(tmp_path: Path, place: str) -> None:
    clip = Clip(frames=3, audio=None, options={"preset": "ultrafast", "chroma_sample_location": place})
    path, target = make(tmp_path / "in.mp4", clip), tmp_path / "out.mkv"
    assert transcode(path, target) == []
    assert facts(path).chroma == facts(target).chroma == place
    source = FileSource(path)
    source.close()
    sitings = {
        "left": Siting.LEFT,
        "topleft": Siting.TOP_LEFT,
        "center": Siting.CENTRE,
        "bottomleft": Siting.BOTTOM_LEFT,
    }
    assert source.first.kind.siting is sitings[place]


def test_a_crop_at_the_left_shows_no_hidden_column(tmp_path: Path) -> None:
    """H.264 crops by any even number; decoders round at the left, where nobody asks them not to."""
    whole, path = make(tmp_path / "whole.mp4", QUICK), tmp_path / "in.mp4"
    with av.open(str(whole)) as container, av.open(str(path), "w") as out:
        video = container.streams.video[0]
        copy = out.add_stream_from_template(video, opaque=True)
        crop = BitStreamFilterContext("h264_metadata=crop_left=6:crop_right=2", in_stream=video, out_stream=copy)
        for packet in container.demux(video):
            for cropped in crop.filter(packet if packet.size else None):
                cropped.stream = copy
                out.mux(cropped)
    target = tmp_path / "out.mkv"
    transcode(path, target, Encoding("ffv1"))
    with av.open(str(whole)) as before, av.open(str(target)) as after:
        for one, other in zip(before.decode(video=0), after.decode(video=0), strict=True):
            assert (other.width, other.height) == (152, 120)
            assert np.array_equal(one.to_ndarray(format="gray")[:, 6:158], other.to_ndarray(format="gray"))
