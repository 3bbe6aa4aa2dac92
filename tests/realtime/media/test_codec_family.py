"""The codec of the output: the input's, unless somebody says otherwise or it cannot be had."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from realtime.media.encoding import Encoding
from realtime.media.file_sink import FileSink
from realtime.media.file_source import FileSource
from realtime.runtime.errors import OutputError
from tests.realtime.clips import Clip, decoded, make
from tests.realtime.media.test_file_sink import transcode

MILLI = Fraction(1, 1000)
#: Encoder, pixel format, suffix, the codec's name, its tag in the file (None: not looked at).
FAMILIES = [
    ("libx264", "yuv420p", ".mp4", "h264", "avc1"),
    ("libx265", "yuv420p10le", ".mp4", "hevc", "hvc1"),
    ("libx265", "yuv420p", ".mov", "hevc", "hvc1"),
    ("libx265", "yuv420p", ".mkv", "hevc", None),
    ("libvpx-vp9", "yuv420p", ".webm", "vp9", None),
    ("libvpx", "yuv420p", ".webm", "vp8", None),
    ("libsvtav1", "yuv420p", ".mkv", "av1", None),
    ("prores_ks", "yuv422p10le", ".mov", "prores", "apch"),
    ("mpeg2video", "yuv422p", ".ts", "mpeg2video", None),
    ("mpeg4", "yuv420p", ".avi", "mpeg4", None),
    ("mjpeg", "yuvj422p", ".mov", "mjpeg", None),
    ("ffv1", "yuv444p", ".mkv", "ffv1", None),
    ("utvideo", "yuv422p", ".avi", "utvideo", None),
    ("qtrle", "rgb24", ".mov", "qtrle", None),
]


def clip(encoder: str, pixels: str) -> Clip:
    options = {"libx265": {"preset": "ultrafast", "x265-params": "log-level=none"}, "prores_ks": {"profile": "hq"}}
    clock = Fraction(1, 25) if encoder in ("mpeg4", "utvideo", "mpeg2video") else MILLI
    return Clip((160, 120), 6, codec=encoder, options=options.get(encoder, {}), pix_fmt=pixels, time_base=clock)


@pytest.mark.parametrize(("encoder", "pixels", "suffix", "codec", "tag"), FAMILIES)
def test_what_came_in_goes_out(
    tmp_path: Path, encoder: str, pixels: str, suffix: str, codec: str, tag: str | None
) -> None:
    sound = {".webm": "libopus", ".avi": "pcm_s16le"}.get(suffix, "aac")
    path = make(tmp_path / f"in{suffix}", replace(clip(encoder, pixels), audio=sound))
    target = tmp_path / f"out{suffix}"
    assert transcode(path, target) == []
    with av.open(str(path)) as before, av.open(str(target)) as after:
        given, made = before.streams.video[0].codec_context, after.streams.video[0].codec_context
        assert given.codec.canonical_name == made.codec.canonical_name == codec
        assert made.pix_fmt == given.pix_fmt
        if encoder == "prores_ks":
            assert made.profile == given.profile == "HQ"
        if tag is not None:
            assert made.codec_tag == tag


def test_where_it_cannot_be_had_it_is_said_or_refused(tmp_path: Path) -> None:
    path = make(tmp_path / "in.mp4", Clip(frames=3, audio=None))
    target = tmp_path / "out.webm"
    assert transcode(path, target) == ["webm does not hold h264: the video is encoded with libvpx-vp9"]
    source = FileSource(path)
    try:
        with pytest.raises(OutputError, match=r"out\.webm: webm does not hold h264; use another --codec"):
            FileSink(target, source, Encoding("same"))
    finally:
        source.close()


def test_who_names_an_encoder_gets_it(tmp_path: Path) -> None:
    path, target = make(tmp_path / "in.mp4", Clip(frames=3, audio=None)), tmp_path / "out.mp4"
    assert transcode(path, target, Encoding("libx265", preset="ultrafast")) == []
    with av.open(str(target)) as made:
        assert made.streams.video[0].codec_context.codec_tag == "hvc1"


@pytest.mark.parametrize("encoder", ["libx264", "libx265", "libvpx-vp9", "libvpx", "libsvtav1", "mpeg2video", "mpeg4"])
def test_what_nobody_asks_for_is_visually_lossless(tmp_path: Path, encoder: str) -> None:
    """42 dB of luma on every frame; on the clips that the defaults were set by, that is an SSIM of 0.975 and more."""
    made = clip("ffv1", "yuv420p")
    path, target = make(tmp_path / "in.mkv", replace(made, audio=None)), tmp_path / "out.mkv"
    transcode(path, target, Encoding(encoder))
    for (_, before), (_, after) in zip(decoded(path), decoded(target), strict=True):
        luma = (np.frombuffer(each, np.uint8)[: 160 * 120].astype(float) for each in (before, after))
        error = np.subtract(*luma)
        assert 10 * np.log10(255**2 / (error**2).mean()) > 42
