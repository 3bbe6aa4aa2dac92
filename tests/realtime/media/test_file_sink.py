"""Sinks, and the threads that feed them: times, packets, formats, tags, refusals, errors."""

import threading
import traceback
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.sidedata.sidedata import Type
from av.video.frame import PictureType

from realtime.jobs.pipeline import ProcessFrame, run
from realtime.media.encoding import Encoding
from realtime.media.file_sink import FileSink
from realtime.media.file_source import FileSource, Item
from realtime.media.frame import Frame
from realtime.runtime.errors import InputError, MummerError, OutputError
from tests.realtime.clips import Clip, decoded, make, payloads, times

LOSSLESS = Encoding("ffv1")
MILLI = Fraction(1, 1000)
RGB = Clip(
    codec="libx265",
    options={"crf": "4", "x265-params": "log-level=none"},
    pix_fmt="gbrp",
    time_base=MILLI,
    frames=8,
)


def transcode(
    path: Path, target: Path, encoding: Encoding | None = None, process: ProcessFrame | None = None
) -> list[str]:
    """Through all three threads; returns the warnings of both ends."""
    source = FileSource(path)
    try:
        sink = FileSink(target, source, encoding or Encoding())
        sink.open()
        run(source, process, sink)
    finally:
        source.close()
    assert sink.frames == source.frames
    return [*source.warnings, *sink.warnings]


MP4 = {
    "b-frames": Clip(),
    "variable rate": Clip(pts=[512 * i + i * i % 300 for i in range(30)]),
    "late start": Clip(pts=[1001 + 512 * i for i in range(20)], audio_start=3000),
    "late sound": Clip(audio_start=9600),
    "long sound": Clip(frames=10, audio_seconds=3.0),
    "short sound": Clip(frames=50, audio_seconds=0.3),
    "29.97": Clip(pts=[1001 * i for i in range(30)], time_base=Fraction(1, 30000), rate=30),
    "opus": Clip(audio="libopus"),
    "silent": Clip(audio=None),
    "one frame": Clip(frames=1),
    "intra only": Clip(options={"g": "1", "crf": "20"}),
}


@pytest.mark.parametrize("clip", MP4.values(), ids=MP4)
def test_times_and_sound_stay_as_they_were(tmp_path: Path, clip: Clip) -> None:
    path, target = make(tmp_path / "in.mp4", clip), tmp_path / "out.mp4"
    assert transcode(path, target) == []
    assert times(target) == times(path)
    assert payloads(target) == payloads(path)
    with av.open(str(target)) as out, av.open(str(path)) as original:
        assert out.streams.video[0].time_base == original.streams.video[0].time_base
        rates = [float(container.streams.video[0].average_rate or 0) for container in (out, original)]
        assert rates[0] == pytest.approx(rates[1], rel=0.02)  # the last frame's length is the encoder's guess


def test_edit_list_that_hides_frames_is_followed(tmp_path: Path) -> None:
    """A copy that starts between key frames: the hidden frames are for the decoder only."""
    whole = make(tmp_path / "whole.mp4", Clip(frames=40, options={"g": "20", "bf": "0"}, audio=None))
    path = tmp_path / "cut.mp4"
    with av.open(str(whole)) as container, av.open(str(path), "w") as out:
        video = container.streams.video[0]
        copy = out.add_stream_from_template(video, opaque=True)
        for packet in container.demux(video):
            if packet.dts is not None and packet.pts is not None:
                packet.pts -= 5 * 512
                packet.dts -= 5 * 512
                packet.stream = copy
                out.mux(packet)
    assert len(times(path)) == 35
    target = tmp_path / "out.mp4"
    transcode(path, target)
    assert times(target) == times(path)


@pytest.mark.parametrize("suffix", [".mov", ".mkv", ".ts", ".mp4"])
def test_containers_keep_whole_milliseconds(tmp_path: Path, suffix: str) -> None:
    path = make(tmp_path / "in.mp4", Clip(pts=[40 * i + i % 3 for i in range(30)], time_base=Fraction(1, 1000)))
    target = tmp_path / f"out{suffix}"
    assert transcode(path, target) == []
    assert times(target) == times(path)
    if suffix != ".ts":  # which wraps each packet of AAC
        assert payloads(target) == payloads(path)


def test_mkv_and_webm_sources(tmp_path: Path) -> None:
    path = make(tmp_path / "in.mkv", Clip(time_base=Fraction(1, 1000), audio="libopus"))
    for name in ("out.mkv", "out.mp4", "out.webm"):
        target = tmp_path / name
        told = ["webm does not hold h264: the video is encoded with libvpx-vp9"]
        assert transcode(path, target) == (told if name == "out.webm" else [])
        assert times(target) == times(path)
        assert payloads(target) == payloads(path)
    with av.open(str(tmp_path / "out.webm")) as webm:
        assert webm.streams.video[0].codec_context.name == "vp9"


def test_rounded_times_are_in_the_warnings(tmp_path: Path) -> None:
    clip = Clip(pts=[1001 * i for i in range(30)], time_base=Fraction(1, 30000), rate=30)
    path, target = make(tmp_path / "in.mp4", clip), tmp_path / "out.mkv"
    (warning,) = transcode(path, target)
    assert "1/1000 s" in warning
    assert "29 frame" in warning
    pairs = zip(times(path), times(target), strict=True)
    assert max(abs(a - b) for a, b in pairs) <= Fraction(1, 2000)


@pytest.mark.parametrize(
    "pix_fmt",
    ["yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "yuv422p10le", "yuvj420p", "gray", "yuva420p"],
)
def test_lossless_keeps_every_bit(tmp_path: Path, pix_fmt: str) -> None:
    codec = "ffv1" if pix_fmt != "yuvj420p" else "mjpeg"
    clip = Clip(codec=codec, options={}, pix_fmt=pix_fmt, time_base=Fraction(1, 1000), frames=6)
    path, target = make(tmp_path / "in.mkv", clip), tmp_path / "out.mkv"
    assert transcode(path, target, LOSSLESS) == []
    assert decoded(target) == decoded(path)


@pytest.mark.parametrize(
    ("pix_fmt", "codec", "expected"),
    [
        ("yuv422p", "libx264", "yuv422p"),
        ("yuv444p", "libx264", "yuv444p"),
        ("yuv420p10le", "libx264", "yuv420p10le"),
        ("yuv422p10le", "libx265", "yuv422p10le"),
        ("yuv444p", "mpeg4", "yuv420p"),
        ("gbrp", "libx264", "yuv444p"),
    ],
)
def test_the_nearest_pixel_format_is_encoded(tmp_path: Path, pix_fmt: str, codec: str, expected: str) -> None:
    clip = RGB if pix_fmt == "gbrp" else Clip(codec="ffv1", options={}, pix_fmt=pix_fmt, time_base=MILLI, frames=8)
    path, target = make(tmp_path / "in.mkv", clip), tmp_path / "out.mkv"
    warnings = transcode(path, target, Encoding(codec))
    with av.open(str(target)) as out:
        stream = out.streams.video[0]
        assert stream.codec_context.pix_fmt == expected
        frames = list(out.decode(stream))
    assert bool(warnings) == (pix_fmt != expected)
    assert len(frames) == 8
    with av.open(str(path)) as container:
        before = next(container.decode(video=0)).to_ndarray(format="rgb24").astype(int)
    after = frames[0].to_ndarray(format="rgb24").astype(int)
    assert abs(after - before).mean() < 6


@pytest.mark.parametrize(
    ("size", "expected"), [((159, 119), "yuv444p"), ((160, 119), "yuv422p"), ((160, 120), "yuv420p")]
)
@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_odd_sizes_are_encoded_with_whole_chroma(
    tmp_path: Path, codec: str, size: tuple[int, int], expected: str
) -> None:
    path = make(tmp_path / "in.mkv", Clip(codec="ffv1", options={}, size=size, time_base=MILLI, frames=4))
    warnings = transcode(path, tmp_path / "out.mkv", Encoding(codec))
    with av.open(str(tmp_path / "out.mkv")) as out:
        context = out.streams.video[0].codec_context
        assert (context.width, context.height, context.pix_fmt) == (*size, expected)
    assert warnings == (
        []
        if expected == "yuv420p"
        else [f"the encoder {codec} takes no yuv420p of {size[0]}x{size[1]}: encoded as {expected}"]
    )


def test_an_animation_with_transparency_becomes_webm(tmp_path: Path) -> None:
    path = make(
        tmp_path / "in.gif", Clip(codec="gif", options={}, pix_fmt="rgb8", time_base=Fraction(1, 100), audio=None)
    )
    warnings = transcode(path, tmp_path / "out.webm")
    assert any("encoded as yuva420p" in warning for warning in warnings)
    assert len(times(tmp_path / "out.webm")) == 30


def test_lost_transparency_is_in_the_warnings(tmp_path: Path) -> None:
    path = make(tmp_path / "in.mkv", Clip(codec="ffv1", options={}, pix_fmt="yuva420p", time_base=MILLI, frames=3))
    (warning,) = transcode(path, tmp_path / "out.mkv", Encoding("libx264"))
    assert "takes no yuva420p" in warning


def test_lossless_keeps_rgb(tmp_path: Path) -> None:
    path, target = make(tmp_path / "in.mkv", RGB), tmp_path / "out.mkv"
    transcode(path, target, LOSSLESS)
    with av.open(str(path)) as before, av.open(str(target)) as after:
        for one, other in zip(before.decode(video=0), after.decode(video=0), strict=True):
            assert np.array_equal(one.to_ndarray(format="rgb24"), other.to_ndarray(format="rgb24"))


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize("tags", [(1, 1, 1, 1), (6, 6, 6, 1), (9, 9, 16, 1), (5, 5, 6, 2)])
def test_tags_aspect_and_rotation_stay(tmp_path: Path, suffix: str, tags: tuple[int, int, int, int]) -> None:
    path = make(tmp_path / "in.mp4", Clip(tags=tags, aspect=Fraction(4, 3), rotation=90, frames=4, audio=None))
    target = tmp_path / f"out{suffix}"
    transcode(path, target)

    def facts(file: Path) -> tuple[object, ...]:
        with av.open(str(file)) as container:
            stream = container.streams.video[0]
            frame = next(container.decode(stream))
            seen = frame.colorspace, frame.color_primaries, frame.color_trc, frame.color_range
            return (
                *seen,
                stream.sample_aspect_ratio,
                frame.rotation,
                bytes(frame.side_data[Type.DISPLAYMATRIX]),
            )

    assert facts(target) == facts(path)
    assert facts(target)[:6] == (*tags, Fraction(4, 3), 90)


def test_titles_languages_and_chapters_stay(tmp_path: Path) -> None:
    plain = make(tmp_path / "plain.mkv", Clip(time_base=Fraction(1, 1000)))
    path = tmp_path / "in.mkv"
    with av.open(str(plain)) as container, av.open(str(path), "w") as out:
        copies = [out.add_stream_from_template(stream, opaque=True) for stream in container.streams]
        copies[1].metadata["language"] = "swe"
        out.metadata["title"] = "Mask"
        out.set_chapters(
            [{"id": 1, "start": 0, "end": 500, "time_base": Fraction(1, 1000), "metadata": {"title": "One"}}]
        )
        for packet in container.demux():
            if packet.size:
                packet.stream = copies[packet.stream.index]
                out.mux(packet)
    target = tmp_path / "out.mp4"
    transcode(path, target)
    with av.open(str(target)) as out_again:
        assert out_again.metadata["title"] == "Mask"
        assert out_again.streams.audio[0].language == "swe"
        assert [chapter["metadata"]["title"] for chapter in out_again.chapters()] == ["One"]


def test_every_track_of_sound_and_the_timecode_stay(tmp_path: Path) -> None:
    plain = make(tmp_path / "plain.mp4")
    path = tmp_path / "in.mov"
    with av.open(str(plain)) as container, av.open(str(path), "w") as out:
        video = out.add_stream("mpeg4", rate=25)
        assert isinstance(video, av.VideoStream)
        video.width, video.height, video.pix_fmt = 160, 120, "yuv420p"
        video.metadata["timecode"] = "01:00:00:00"
        sound = container.streams.audio[0]
        tracks = [out.add_stream_from_template(sound) for _ in range(2)]
        tracks[1].metadata["language"] = "fra"
        packets = [packet for packet in container.demux(sound) if packet.size]
        for number in range(30):
            frame = av.VideoFrame(160, 120, "yuv420p")
            frame.pts = number
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
        for packet in packets:
            for track in tracks:
                copy = av.Packet(bytes(packet))
                copy.pts, copy.dts, copy.duration = packet.pts, packet.dts, packet.duration
                copy.time_base, copy.stream = packet.time_base, track
                out.mux(copy)
    target = tmp_path / "out.mov"
    assert transcode(path, target) == []
    assert payloads(target) == payloads(path)
    assert len(payloads(target)) == 2
    assert times(target) == times(path)
    with av.open(str(target)) as after:
        assert [stream.type for stream in after.streams] == ["video", "audio", "audio", "data"]
        assert after.streams.audio[1].language == "fra"
        assert after.streams[3].metadata["timecode"] == "01:00:00:00"


@pytest.mark.parametrize("suffix", [".m4v", ".3gp", ".m2ts"])
def test_lesser_containers_hold_all_frames(tmp_path: Path, suffix: str) -> None:
    path, target = make(tmp_path / "in.mp4"), tmp_path / f"out{suffix}"
    transcode(path, target)
    assert times(target) == times(path)


@pytest.mark.parametrize("codec", ["mpeg4", "mpeg2video", "mjpeg", "libx265", "prores_ks"])
def test_other_encoders_keep_times_too(tmp_path: Path, codec: str, capfd: pytest.CaptureFixture[str]) -> None:
    path, target = make(tmp_path / "in.mp4", Clip(time_base=Fraction(1, 90000))), tmp_path / "out.mov"
    transcode(path, target, Encoding(codec))
    assert times(target) == times(path)
    assert capfd.readouterr().err == ""  # no library talks on its own


def test_avi_numbers_frames(tmp_path: Path) -> None:
    path, target = make(tmp_path / "in.mov", Clip(audio="pcm_s16le")), tmp_path / "out.avi"
    transcode(path, target)
    steps = np.diff([float(time) for time in times(target)])
    assert len(steps) == 29
    assert steps == pytest.approx(0.04)
    assert payloads(target) == payloads(path)


@pytest.mark.parametrize("rate", [25, 30, 15])
def test_avi_keeps_the_times_of_a_constant_rate(tmp_path: Path, rate: int) -> None:
    clip = Clip(rate=rate, audio="pcm_s16le", time_base=Fraction(1, 600), frames=20)
    path, target = make(tmp_path / "in.mov", clip), tmp_path / "out.avi"
    assert transcode(path, target) == ["avi gives h264 back at wrong times: the video is encoded with mpeg4"]
    assert times(target) == times(path)


def test_avi_starts_at_nought_and_says_so(tmp_path: Path) -> None:
    path = make(tmp_path / "in.mov", Clip(pts=[512 * (i + 3) for i in range(10)], audio="pcm_s16le"))
    _, warning = transcode(path, tmp_path / "out.avi")
    assert "starts at 0 s" in warning


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_sound_that_does_not_name_its_channels_is_copied(tmp_path: Path, suffix: str) -> None:
    """As in AVI; MP4 must name them, and FFmpeg would notice at the very end."""
    clip = Clip(codec="mpeg4", options={}, time_base=Fraction(1, 25), audio="pcm_s16le")
    path, target = make(tmp_path / "in.avi", clip), tmp_path / f"out{suffix}"
    assert transcode(path, target) == []
    assert b"".join(payloads(target)[0]) == b"".join(payloads(path)[0])


@pytest.mark.parametrize("sound", ["pcm_s16le", "flac"])
def test_sound_that_would_get_lost_in_a_transport_stream_is_refused(tmp_path: Path, sound: str) -> None:
    source = FileSource(make(tmp_path / "in.mkv", Clip(time_base=MILLI, audio=sound, frames=4)))
    with pytest.raises(OutputError, match=f"mpegts cannot hold the sound \\({sound}\\)"):
        FileSink(tmp_path / "out.ts", source, Encoding())
    source.close()


@pytest.mark.parametrize("sound", ["mp2", "ac3", "libopus", "libmp3lame", "eac3", "aac"])
def test_sound_that_a_transport_stream_holds(tmp_path: Path, sound: str) -> None:
    path = make(tmp_path / "in.mkv", Clip(time_base=MILLI, audio=sound, frames=20))
    assert transcode(path, tmp_path / "out.ts") == []
    assert len(payloads(tmp_path / "out.ts")[0]) == len(payloads(path)[0])


def test_times_finer_than_a_transport_streams_are_in_the_warnings(tmp_path: Path) -> None:
    path = make(tmp_path / "in.mp4", Clip(pts=[512 * i + i % 3 for i in range(10)]))
    (warning,) = transcode(path, tmp_path / "out.ts")
    assert "1/90000 s: 6 frame times were rounded" in warning


def with_subtitles(tmp_path: Path) -> Path:
    plain = make(tmp_path / "plain.mkv", Clip(time_base=Fraction(1, 1000)))
    path = tmp_path / "in.mkv"
    with av.open(str(plain)) as container, av.open(str(path), "w") as out:
        copies = [out.add_stream_from_template(stream, opaque=True) for stream in container.streams]
        words = out.add_mux_stream("subrip", time_base=Fraction(1, 1000))
        out.add_attachment("note.txt", "text/plain", b"kept")
        for packet in container.demux():
            if packet.size:
                packet.stream = copies[packet.stream.index]
                out.mux(packet)
        for start in (100, 600):
            packet = av.Packet(b"hello")
            packet.pts = packet.dts = start
            packet.duration, packet.time_base = 300, Fraction(1, 1000)
            packet.stream = words
            out.mux(packet)
    return path


def test_subtitles_are_copied_where_the_container_takes_them(tmp_path: Path) -> None:
    path = with_subtitles(tmp_path)
    assert payloads(path, "subtitle") == [[b"hello", b"hello"]]
    assert transcode(path, tmp_path / "out.mkv") == []
    assert payloads(tmp_path / "out.mkv", "subtitle") == payloads(path, "subtitle")
    with av.open(str(tmp_path / "out.mkv")) as out:
        assert [stream.type for stream in out.streams] == ["video", "audio", "subtitle", "attachment"]
    warnings = transcode(path, tmp_path / "out.mp4")
    assert len(warnings) == 2
    assert "subtitle" in warnings[0]
    assert payloads(tmp_path / "out.mp4") == payloads(path)


def test_the_decoders_frame_types_are_no_orders(tmp_path: Path) -> None:
    path = make(tmp_path / "in.mp4", Clip(frames=40, options={"g": "1"}, audio=None))
    target = tmp_path / "out.mp4"
    transcode(path, target)
    with av.open(str(target)) as container:
        kinds = [frame.pict_type for frame in container.decode(video=0)]
    assert kinds.count(PictureType.I) < 5


@pytest.mark.parametrize(
    ("name", "encoding", "words"),
    [
        ("out.mp4", Encoding("no-such-codec"), "unknown encoder 'no-such-codec'"),
        ("out.mp4", Encoding("aac"), "'aac' encodes audio"),
        ("out.mp4", Encoding("h264x"), "unknown encoder"),
        ("out.mp4", Encoding("ffv1", crf=20), "ffv1 has no --crf"),
        ("out.mkv", Encoding("libvpx-vp9", preset="fast"), "libvpx-vp9 has no --preset"),
        ("out.mp4", Encoding("libx264", preset="hasty"), "check --codec, --preset"),
        ("out.mp4", Encoding("prores_ks"), "mp4 does not hold what prores_ks"),
        ("out.webm", Encoding("libx264"), "webm does not hold what libx264"),
        ("out.ts", Encoding("ffv1"), "mpegts does not hold what ffv1"),
        ("out.webm", Encoding(), r"webm cannot hold the sound \(aac\)"),
        ("out.xyz", Encoding(), "unknown kind of output '.xyz'"),
        ("out", Encoding(), "without a suffix"),
        ("out.png", Encoding(), "unknown kind of output"),
        ("out.m3u8", Encoding(), "unknown kind of output"),
    ],
)
def test_what_cannot_be_written_is_known_before_anything_is(
    tmp_path: Path, name: str, encoding: Encoding, words: str
) -> None:
    source = FileSource(make(tmp_path / "in.mp4", Clip(frames=3)))
    target = tmp_path / name
    with pytest.raises(OutputError, match=words):
        FileSink(target, source, encoding)
    source.close()
    assert not target.exists()


def test_repeated_times_are_moved_apart(tmp_path: Path) -> None:
    path = make(tmp_path / "in.mp4", Clip(frames=10, audio=None))

    def stumble(frame: Frame) -> None:
        if frame.pts == 5 * 512:
            frame.picture.pts = 4 * 512

    (warning,) = transcode(path, tmp_path / "out.mp4", process=stumble)
    assert "1 frames" in warning
    assert times(tmp_path / "out.mp4")[5] == Fraction(4 * 512 + 1, 12800)


def test_a_full_disk_is_one_clear_line(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    target = tmp_path / "out.mp4"
    target.symlink_to("/dev/full")
    path = make(tmp_path / "in.mp4", Clip(frames=60))
    with pytest.raises(OutputError, match="no space left"):
        transcode(path, target)


# threads


def names() -> set[str]:
    return {thread.name for thread in threading.enumerate()}


def test_three_named_threads_and_none_left(tmp_path: Path) -> None:
    path = make(tmp_path / "in.mp4", Clip(frames=20))
    seen: set[str] = set()
    transcode(path, tmp_path / "out.mp4", process=lambda frame: seen.update(names()))
    assert {"decode", "swap", "encode"} <= seen
    assert not names() & {"decode", "swap", "encode"}


class BrokenError(Exception):
    pass


def fail_at(number: int) -> ProcessFrame:
    count = 0

    def process(frame: Frame) -> None:
        nonlocal count
        count += 1
        if count == number:
            raise BrokenError("in the middle")

    return process


@pytest.mark.parametrize("number", [1, 2, 60])
def test_an_error_while_performing_stops_all_with_its_traceback(tmp_path: Path, number: int) -> None:
    path = make(tmp_path / "in.mp4", Clip(frames=60))
    with pytest.raises(BrokenError) as caught:
        transcode(path, tmp_path / "out.mp4", process=fail_at(number))
    assert "in process" in "".join(traceback.format_exception(caught.value))
    assert not names() & {"decode", "swap", "encode"}


class BrokenSink(FileSink):
    def write(self, item: Item) -> None:
        if self.frames == 5:
            raise BrokenError("while writing")
        super().write(item)


def test_an_error_while_writing_wakes_a_waiting_decoder(tmp_path: Path) -> None:
    source = FileSource(make(tmp_path / "in.mp4", Clip(frames=80)))
    sink = BrokenSink(tmp_path / "out.mp4", source, Encoding())
    sink.open()
    with pytest.raises(BrokenError):
        run(source, None, sink)
    source.close()
    assert not names() & {"decode", "swap", "encode"}


class BrokenSource:
    def __init__(self, source: FileSource) -> None:
        self._source = source

    def __iter__(self) -> Iterator[Item]:
        for number, item in enumerate(self._source):
            if number == 10:
                raise InputError("torn")
            yield item

    def close(self) -> None:
        self._source.close()


def test_an_error_while_reading_is_raised_and_the_output_is_not_finished(tmp_path: Path) -> None:
    source = FileSource(make(tmp_path / "in.mp4", Clip(frames=80)))
    sink = FileSink(tmp_path / "out.mp4", source, Encoding())
    sink.open()
    with pytest.raises(MummerError, match="torn"):
        run(BrokenSource(source), None, sink)
    source.close()


def test_sound_that_runs_far_ahead_does_not_block(tmp_path: Path) -> None:
    """All the sound first, then all the pictures, as a careless muxer may leave them."""
    plain = make(tmp_path / "plain.mkv", Clip(frames=30, audio_seconds=8.0, time_base=Fraction(1, 1000)))
    path = tmp_path / "in.flv"
    with av.open(str(plain)) as container:
        packets = [packet for packet in container.demux() if packet.size]
        with av.open(str(path), "w", format="matroska", container_options={"max_interleave_delta": "1"}) as out:
            copies = [out.add_stream_from_template(stream, opaque=True) for stream in container.streams]
            for packet in sorted(packets, key=lambda packet: packet.stream.type):
                packet.stream = copies[packet.stream.index]
                out.mux(packet)
    first_picture = next(
        number for number, packet in enumerate(av.open(str(path)).demux()) if packet.stream.type == "video"
    )
    assert first_picture > 200
    transcode(path, tmp_path / "out.mkv")
    assert times(tmp_path / "out.mkv") == times(path)
    assert payloads(tmp_path / "out.mkv") == payloads(path)
    assert np.all(np.diff([float(t) for t in times(path)]) > 0)
