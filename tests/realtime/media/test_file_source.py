"""Sources: every frame with its own time, packets in file order, and nothing but media files opened."""

import re
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import ExifTags, Image

from realtime.media.file_source import FileSource, display_matrix
from realtime.media.frame import Frame
from realtime.runtime.errors import InputError
from tests.realtime.clips import Clip, make, payloads, times


def read(path: Path) -> tuple[list[Frame], list[bytes], FileSource]:
    source = FileSource(path)
    frames, packets = [], []
    for item in source:
        if isinstance(item, Frame):
            frames.append(item)
        else:
            packets.append(bytes(item))
    source.close()
    return frames, packets, source


@pytest.mark.parametrize(
    ("name", "clip"),
    [
        ("b-frames.mp4", Clip()),
        ("vfr.mp4", Clip(pts=[512 * i + i * i % 300 for i in range(30)])),
        ("late.mp4", Clip(pts=[1000 + 512 * i for i in range(20)], audio_start=3000)),
        ("opus.mkv", Clip(time_base=Fraction(1, 1000), audio="libopus")),
        ("stream.ts", Clip(time_base=Fraction(1, 90000))),
        ("silent.mp4", Clip(audio=None)),
        ("one.mp4", Clip(frames=1)),
    ],
)
def test_every_frame_and_packet_comes_as_the_file_has_it(tmp_path: Path, name: str, clip: Clip) -> None:
    path = make(tmp_path / name, clip)
    frames, packets, source = read(path)
    assert [frame.pts * frame.time_base for frame in frames if frame.pts is not None] == times(path)
    assert packets == [packet for stream in payloads(path) for packet in stream]
    assert source.frames == len(clip.times())
    assert source.expected_frames == pytest.approx(source.frames, abs=2)
    assert source.first is frames[0]
    assert source.warnings == []


def test_avi_without_presentation_times_gets_rising_ones(tmp_path: Path) -> None:
    path = make(tmp_path / "old.avi", Clip(codec="mpeg4", options={}, time_base=Fraction(1, 25), audio="pcm_s16le"))
    frames, _, source = read(path)
    pts = [frame.pts for frame in frames if frame.pts is not None]
    assert len(pts) == source.frames == 30
    assert sorted(set(pts)) == pts


@pytest.mark.parametrize(
    ("codec", "options"), [("libx264", {"bf": "3", "preset": "veryfast"}), ("mpeg4", {"bf": "2"}), ("mpeg4", {})]
)
def test_avi_with_reordered_pictures_is_timed_evenly(tmp_path: Path, codec: str, options: dict[str, str]) -> None:
    clip = Clip(codec=codec, options=options, time_base=Fraction(1, 25), audio="pcm_s16le")
    frames, _, source = read(make(tmp_path / "old.avi", clip))
    assert source.frames == 30
    pts = [frame.pts for frame in frames if frame.pts is not None]
    assert pts == list(range(pts[0], pts[0] + 30))
    assert pts[0] <= 1


def test_pictures_of_unknown_layout_are_converted_once_and_noted(tmp_path: Path) -> None:
    path = tmp_path / "packed.mkv"
    make(path, Clip(codec="rawvideo", options={}, pix_fmt="uyvy422", time_base=Fraction(1, 1000), frames=5))
    frames, _, source = read(path)
    assert len(frames) == 5
    assert [frame.pts for frame in frames] == [0, 40, 80, 120, 160]
    known = frames[0].picture.format.name
    assert (known != "uyvy422") == bool(source.warnings)


def test_cover_picture_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "song.m4a"
    with av.open(str(path), "w", format="mp4") as out:
        cover = out.add_stream("mjpeg", rate=1)
        assert isinstance(cover, av.VideoStream)
        cover.width = cover.height = 64
        cover.pix_fmt = "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        sound = out.add_stream("aac", rate=48000)
        assert isinstance(sound, av.AudioStream)
        block = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), format="fltp", layout="stereo")
        block.sample_rate = 48000
        picture = av.VideoFrame(64, 64, "yuvj420p")
        picture.pts = 0
        out.mux([*cover.encode(picture), *cover.encode(None), *sound.encode(block), *sound.encode(None)])
    with pytest.raises(InputError, match="no video in this file"):
        FileSource(path)


def test_picture_size_may_not_change_on_the_way(tmp_path: Path) -> None:
    sizes = (160, 120), (200, 120)
    parts = [make(tmp_path / f"{size[0]}.h264", Clip(size=size, audio=None)) for size in sizes]
    both = tmp_path / "both.h264"
    both.write_bytes(b"".join(part.read_bytes() for part in parts))
    with pytest.raises(InputError, match=r"changes from 160x120 yuv420p to 200x120 yuv420p after frame 30"):
        read(both)


@pytest.mark.parametrize("suffix", [".mp4", ".m3u8", ".txt"])
def test_playlists_that_name_other_files_are_refused(tmp_path: Path, suffix: str) -> None:
    clip = make(tmp_path / "secret.ts", Clip(time_base=Fraction(1, 90000)))
    scripts = {
        "hls": f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:1.2,\n{clip}\n#EXT-X-ENDLIST\n",
        "concat": f"ffconcat version 1.0\nfile {clip.name}\n",
        "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n"
        "a=rtpmap:96 H264/90000\n",
    }
    for name, text in scripts.items():
        path = tmp_path / f"{name}{suffix}"
        path.write_text(text)
        with pytest.raises(InputError, match="not a video that can be read"):
            FileSource(path)


def test_protocol_words_are_file_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = make(tmp_path / "a.mp4", Clip(frames=3))
    monkeypatch.chdir(tmp_path)
    for name in ("concat:a.mp4|a.mp4", "subfile,,start,0,end,0,,:a.mp4", "http://localhost:1/a.mp4"):
        with pytest.raises(InputError, match="no such file"):
            FileSource(Path(name))
    odd = clip.rename(tmp_path / "concat:b.mp4")
    source = FileSource(Path(odd.name))
    assert source.first.width == 160
    source.close()


@pytest.mark.parametrize("share", [0.98, 0.6, 0.2])
@pytest.mark.parametrize(
    ("name", "clip"),
    [
        ("end.mp4", Clip()),
        ("start.mp4", Clip(container_options={"movflags": "faststart"})),
        (
            "pieces.mp4",
            Clip(container_options={"movflags": "frag_keyframe+empty_moov", "frag_duration": "300000"}),
        ),
        ("clip.mkv", Clip(time_base=Fraction(1, 1000))),
        ("live.mkv", Clip(time_base=Fraction(1, 1000), container_options={"live": "1", "cluster_time_limit": "200"})),
        ("clip.avi", Clip(codec="mpeg4", options={}, time_base=Fraction(1, 25), audio="pcm_s16le")),
        ("clip.ts", Clip(time_base=Fraction(1, 90000))),
        ("clip.flv", Clip(time_base=Fraction(1, 1000))),
    ],
)
def test_a_file_cut_short_is_not_taken_for_a_shorter_one(tmp_path: Path, name: str, clip: Clip, share: float) -> None:
    path = make(tmp_path / name, clip)
    read(path)
    whole = path.read_bytes()
    size = int(len(whole) * share)
    path.write_bytes(whole[: size + (size % 188 == 0 or size in flv_borders(whole))])
    with pytest.raises(InputError, match=r"cut short"):
        read(path)


def flv_borders(whole: bytes) -> set[int]:
    """Where the tags of an FLV file end, and no cut shows; where they happen to lie hangs on the encoder's threads."""
    if not whole.startswith(b"FLV"):
        return set()
    borders, place = set(), 13
    while place < len(whole):
        borders.add(place)
        place += 15 + int.from_bytes(whole[place + 1 : place + 4], "big")
    return borders


def test_a_broken_recording_shows_by_its_last_block(tmp_path: Path) -> None:
    """Browsers leave the length of clusters open as well as that of the segment."""
    clip = Clip(time_base=Fraction(1, 1000), container_options={"live": "1", "cluster_time_limit": "200"})
    whole = bytearray(make(tmp_path / "live.webm.mkv", clip).read_bytes())
    clusters = [found.start() + 4 for found in re.finditer(rb"\x1f\x43\xb6\x75(?=[\x40-\x7f])", whole)]
    assert len(clusters) > 3
    for length in clusters:
        whole[length : length + 2] = b"\x7f\xff"
    path = tmp_path / "open.mkv"
    path.write_bytes(whole)
    assert len(read(path)[0]) == clip.frames
    path.write_bytes(whole[: len(whole) * 3 // 5])
    with pytest.raises(InputError, match=r"cut short: its last block ends at byte [\d,]+ and the file at"):
        read(path)


def test_damage_in_the_middle_says_where(tmp_path: Path) -> None:
    path = make(tmp_path / "clip.mp4", Clip(audio=None, frames=40, options={"preset": "veryfast", "crf": "5"}))
    whole = bytearray(path.read_bytes())
    middle = len(whole) // 2
    whole[middle : middle + 600] = np.random.default_rng(3).bytes(600)
    path.write_bytes(whole)
    with pytest.raises(InputError, match=r"after frame \d+ \(\d\.\d\d s\)"):
        read(path)


@pytest.mark.parametrize(
    "head", [b"G", b"GIF", b"FLV", b"FLV\x01\x05\0\0\0\x09", b"RIFF", b"\0\0\0\x08ftyp", b"\x1a\x45\xdf\xa3"]
)
def test_the_first_few_bytes_of_a_file_are_no_video(tmp_path: Path, head: bytes) -> None:
    path = tmp_path / "in.mp4"
    path.write_bytes(head)
    with pytest.raises(InputError, match=r"not a video that can be read|cut short"):
        FileSource(path)


def test_a_gif_is_no_transport_stream(tmp_path: Path) -> None:
    clip = Clip(codec="gif", options={}, pix_fmt="rgb8", time_base=Fraction(1, 100), frames=7, audio=None)
    frames, _, source = read(make(tmp_path / "in.gif", clip))
    assert len(frames) == 7
    assert "pictures were converted" in source.warnings[0]


def test_a_cover_picture_is_left_out_with_a_note(tmp_path: Path) -> None:
    plain, path = make(tmp_path / "plain.mp4", Clip(frames=5)), tmp_path / "in.mp4"
    with av.open(str(plain)) as container, av.open(str(path), "w") as out:
        copies = [out.add_stream_from_template(stream) for stream in container.streams]
        cover = out.add_stream("mjpeg", rate=1)
        assert isinstance(cover, av.VideoStream)
        cover.width = cover.height = 64
        cover.pix_fmt = "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        picture = av.VideoFrame(64, 64, "yuvj420p")
        picture.pts = 0
        out.mux([*cover.encode(picture), *cover.encode(None)])
        for packet in container.demux():
            if packet.size:
                packet.stream = copies[packet.stream.index]
                out.mux(packet)
    frames, _, source = read(path)
    assert (len(frames), frames[0].width) == (5, 160)
    assert source.warnings == ["the cover picture was left out: it may show a face"]


def test_damaged_sound_is_passed_on_with_a_note(tmp_path: Path) -> None:
    clip = Clip(frames=60, codec="mpeg1video", options={}, time_base=Fraction(1, 25), audio="mp2")
    path = make(tmp_path / "in.mpg", clip)
    assert read(path)[2].warnings == []
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * 0.98)])  # the pictures end before
    frames, packets, source = read(path)
    assert len(frames) == 60
    assert packets == [packet for stream in payloads(path) for packet in stream]
    assert source.warnings == ["stream 1 (audio) is damaged in places: copied as it is"]


def test_exif_beside_the_picture_does_no_harm(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Maker"
    Image.new("RGB", (64, 64)).save(tmp_path / "a.avif", exif=exif)
    with av.open(str(tmp_path / "a.avif")) as container:
        (picture,) = container.decode(video=0)
    assert display_matrix(picture) is None
