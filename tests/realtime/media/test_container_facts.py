"""The words around the pictures: tags, programs, languages, the place of the index, transparency, range, notes."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from realtime.media.container_facts import ContainerFacts, container_facts
from realtime.media.containers import CONTAINERS
from realtime.media.encoding import Encoding
from realtime.media.file_source import FileSource
from tests.realtime.clips import Clip, decoded, make
from tests.realtime.media.test_file_sink import transcode

QUICK = Clip(frames=4, audio=None)
MILLI = Fraction(1, 1000)
PHONE = {
    "com.apple.quicktime.location.ISO6709": "+27.5916+086.5640+8850/",
    "com.apple.quicktime.make": "Maker",
    "com.apple.quicktime.creationdate": "2026-01-01T12:00:00+0100",
}


def tagged(path: Path, target: Path, tags: dict[str, str], stream: dict[str, str], **options: str) -> Path:
    """A copy of ``path`` with other words in its header."""
    with av.open(str(path)) as container, av.open(str(target), "w", container_options=options) as out:
        out.metadata.update(tags)
        copy = out.add_stream_from_template(container.streams.video[0], opaque=True)
        copy.metadata.update(stream)
        for packet in container.demux(video=0):
            if packet.size:
                packet.stream = copy
                out.mux(packet)
    return target


def seen(path: Path) -> ContainerFacts:
    with av.open(str(path)) as container:
        return container_facts(path, container)


def tags_of(path: Path) -> tuple[dict[str, str], dict[str, str]]:
    with av.open(str(path)) as container:
        return container.metadata, container.streams.video[0].metadata


@pytest.mark.parametrize("suffix", [".mov", ".mp4"])
def test_what_a_phone_notes_stays(tmp_path: Path, suffix: str) -> None:
    path = make(tmp_path / "plain.mp4", QUICK)
    path = tagged(path, tmp_path / f"in{suffix}", PHONE, {"title": "A"}, movflags="use_metadata_tags")
    target = tmp_path / f"out{suffix}"
    assert transcode(path, target) == []
    whole, video = tags_of(target)
    assert {name: whole.get(name) for name in PHONE} == PHONE
    assert video["name"] == "A"


def test_the_index_stays_in_front_and_fragments_are_joined_with_a_word(tmp_path: Path) -> None:
    plain = make(tmp_path / "plain.mp4", QUICK)
    quick = tagged(plain, tmp_path / "quick.mp4", {}, {}, movflags="faststart")
    pieces = tagged(plain, tmp_path / "pieces.mp4", {}, {}, movflags="frag_keyframe+empty_moov")
    assert [seen(path).index_first for path in (plain, quick, pieces)] == [False, True, False]
    for path, first, told in (
        (plain, False, []),
        (quick, True, []),
        (pieces, False, ["the input's fragments were joined"]),
    ):
        assert transcode(path, tmp_path / "out.mp4") == told
        assert seen(tmp_path / "out.mp4").index_first is first


def test_counts_of_the_old_packets_do_not_come_along(tmp_path: Path) -> None:
    stale = {"BPS": "1", "NUMBER_OF_FRAMES-eng": "9", "_STATISTICS_TAGS": "BPS", "ALPHA_MODE": "1", "Camera": "B"}
    path = tagged(make(tmp_path / "plain.mp4", QUICK), tmp_path / "in.mkv", {}, stale)
    transcode(path, tmp_path / "out.mkv")
    _, video = tags_of(tmp_path / "out.mkv")
    assert {name for name in video if name.upper() != "DURATION"} == {"CAMERA"}


def test_services_and_languages(tmp_path: Path) -> None:
    path = tagged(make(tmp_path / "plain.mp4", QUICK), tmp_path / "in.ts", {"service_name": "One"}, {})
    assert seen(path).service["service_name"] == "One"
    assert transcode(path, tmp_path / "out.ts") == []
    assert seen(tmp_path / "out.ts").service == seen(path).service
    assert "has no names of services: One" in transcode(path, tmp_path / "out.mp4")[0]
    many = replace(seen(path), programs=({"service_name": "a"}, {"service_name": "b"}), nested=True)
    told = ["the input's 2 programs were made one", "chapters within chapters were put in one row"]
    assert many.losses(CONTAINERS[".ts"]) == told


def test_languages_that_say_more_than_three_letters(tmp_path: Path) -> None:
    path = tagged(make(tmp_path / "plain.mp4", QUICK), tmp_path / "in.mkv", {}, {"title": "x" * 20})
    data, title = path.read_bytes(), b"\x53\x6e\x94" + b"x" * 20  # an element as long takes the title's place
    assert data.count(title) == 1
    path.write_bytes(data.replace(title, b"\x22\xb5\x9d\x87zh-Hant" + b"\xec\x8a" + b"\0" * 10))
    assert seen(path).languages == ("zh-Hant",)
    assert transcode(path, tmp_path / "out.mkv") == ["languages were shortened to three letters: zh-Hant"]


def test_so_do_those_of_mp4(tmp_path: Path) -> None:
    path = make(tmp_path / "in.mp4", QUICK)
    data = path.read_bytes()
    box = b"\0\0\0\x14elng\0\0\0\0zh-Hant\0"
    after = data.index(b"mdhd") - 4 + int.from_bytes(data[data.index(b"mdhd") - 4 :][:4], "big")
    for name in (b"moov", b"trak", b"mdia"):  # what it lies in grows by it; the packets lie before them
        size = data.index(name) - 4
        longer = int.from_bytes(data[size : size + 4], "big") + len(box)
        data = data[:size] + longer.to_bytes(4, "big") + data[size + 4 :]
    assert data.index(b"mdat") < data.index(b"moov")
    path.write_bytes(data[:after] + box + data[after:])
    assert seen(path).languages == ("zh-Hant",)
    assert transcode(path, tmp_path / "out.mp4") == ["languages were shortened to three letters: zh-Hant"]


def test_transparency_of_vp9_comes_and_goes(tmp_path: Path) -> None:
    clip = Clip(frames=4, audio=None, codec="libvpx-vp9", pix_fmt="yuva420p", time_base=MILLI, options={"crf": "10"})
    plain = make(tmp_path / "plain.webm", clip)
    path = tmp_path / "in.webm"
    with av.open(str(plain)) as container, av.open(str(path), "w") as out:
        copy = out.add_stream_from_template(container.streams.video[0], opaque=True)
        copy.metadata["alpha_mode"] = "1"
        for packet in container.demux(video=0):
            if packet.size:
                packet.stream = copy
                out.mux(packet)
    source = FileSource(path)
    assert source.first.picture.format.name == "yuva420p"
    source.close()
    assert transcode(path, tmp_path / "out.webm") == []
    again = FileSource(tmp_path / "out.webm")
    assert again.first.picture.format.name == "yuva420p"
    again.close()
    assert transcode(path, tmp_path / "out.mkv", Encoding("libx264")) == [
        "the encoder libx264 takes no yuva420p of 160x120: encoded as yuv420p"
    ]
    assert not any(name.lower() == "alpha_mode" for name in tags_of(tmp_path / "out.mkv")[1])


def test_a_full_range_is_made_limited_where_nobody_could_say_it(tmp_path: Path) -> None:
    clip = Clip(frames=4, audio=None, codec="mjpeg", pix_fmt="yuvj420p", options={"q": "2"}, time_base=Fraction(1, 25))
    path, target = make(tmp_path / "in.avi", clip), tmp_path / "out.avi"
    told = ["the encoder mpeg4 cannot say that a range is full: made limited"]
    assert transcode(path, target, Encoding("mpeg4")) == told
    with av.open(str(path)) as before, av.open(str(target)) as after:
        for one, other in zip(before.decode(video=0), after.decode(video=0), strict=True):
            shown = [each.to_ndarray(format="rgb24").astype(float) for each in (one, other)]
            assert abs(shown[0].mean() - shown[1].mean()) < 1
            assert np.abs(shown[0] - shown[1]).mean() < 5
    assert transcode(path, target) == []
    assert len(decoded(target)) == 4


def test_notes_of_others_stay(tmp_path: Path) -> None:
    note = bytes(range(16)) + b"flight"
    plain, path = make(tmp_path / "plain.mp4", QUICK), tmp_path / "in.mp4"
    with av.open(str(plain)) as container, av.open(str(path), "w") as out:
        video = container.streams.video[0]
        copy = out.add_stream_from_template(video, opaque=True)
        for packet in container.demux(video):
            if packet.size:
                own, data = b"\x06\x05" + bytes([len(note)]) + note + b"\x80", bytes(packet)
                if data[4] & 31 == 6:  # what x264 says of itself, in the first packet
                    data = data[4 + int.from_bytes(data[:4]) :]
                noted = av.Packet(len(own).to_bytes(4) + own + data)
                noted.pts, noted.dts, noted.time_base = packet.pts, packet.dts, packet.time_base
                noted.is_keyframe, noted.stream = packet.is_keyframe, copy
                out.mux(noted)
    target = tmp_path / "out.mp4"
    assert transcode(path, target) == []
    assert target.read_bytes().count(b"flight") == 4
    told = "notes of other programs beside the pictures (unregistered SEI) were left out"
    assert transcode(path, tmp_path / "out.mkv", Encoding("ffv1")) == [told]
