"""Interlaced video: coded as fields again, and looked at and changed field by field."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from realtime.jobs.convert import Job, convert
from realtime.media.encoding import Encoding
from realtime.media.file_source import FileSource
from realtime.media.frame import Frame
from realtime.media.interlaced import fields_of
from realtime.settings import Look
from tests.realtime.clips import Clip, make
from tests.realtime.jobs.test_convert import Scripted
from tests.realtime.media.test_file_sink import transcode
from tests.realtime.media.test_stream_facts import facts
from tests.realtime.tiny import make_model

FLAGS = {"flags": "+ildct+ilme", "preset": "veryfast"}
CLIP = Clip((160, 128), 6, audio=None)
KINDS = {
    "h264 tt": ("in.mp4", replace(CLIP, options=FLAGS | {"field_order": "tt", "x264-params": "tff=1"}), "tt"),
    "h264 bb": ("in.mp4", replace(CLIP, options=FLAGS | {"field_order": "bb", "x264-params": "bff=1"}), "bb"),
    "prores": (
        "in.mov",
        replace(CLIP, codec="prores_ks", pix_fmt="yuv422p10le", options={"flags": "+ildct", "field_order": "tt"}),
        "tt",
    ),
    "mpeg2": (
        "in.ts",
        replace(CLIP, codec="mpeg2video", options={"flags": "+ildct+ilme"}, time_base=Fraction(1, 25)),
        "bb",
    ),
}


@pytest.mark.parametrize(("name", "clip", "order"), KINDS.values(), ids=KINDS)
def test_fields_stay_fields_in_their_order(tmp_path: Path, name: str, clip: Clip, order: str) -> None:
    path = make(tmp_path / name, clip)
    target = tmp_path / f"out{path.suffix}"
    assert facts(path).fields == order
    assert transcode(path, target) == []
    assert facts(target).fields == order
    with av.open(str(target)) as made:
        assert all(picture.interlaced_frame for picture in made.decode(video=0))


def test_what_codes_no_fields_says_so(tmp_path: Path) -> None:
    name, clip, _ = KINDS["h264 tt"]
    path, target = make(tmp_path / name, clip), tmp_path / "out.mkv"
    told = ["the encoder libx265 codes no fields: its pictures count as whole ones"]
    assert transcode(path, target, Encoding("libx265", preset="ultrafast")) == told


def test_whole_pictures_are_made_of_fields_on_request(tmp_path: Path) -> None:
    name, clip, _ = KINDS["h264 tt"]
    source = FileSource(make(tmp_path / name, clip), deinterlace=True)
    frames = [item for item in source if isinstance(item, Frame)]
    source.close()
    assert len(frames) == 6
    assert [frame.pts for frame in frames] == [512 * i for i in range(6)]
    assert not any(frame.picture.interlaced_frame or frame.fields for frame in frames)
    assert "interlaced" in source.warnings[0]


def interlaced(top: int, bottom: int, pixels: str) -> Frame:
    """Rows of one brightness and of another, as two fields of things that have moved far."""
    grey = np.empty((120, 160, 3), np.uint8)
    grey[::2], grey[1::2] = top, bottom
    picture = av.VideoFrame.from_ndarray(grey, format="rgb24").reformat(format=pixels)
    picture.pts, picture.time_base = 10, Fraction(1, 50)
    return Frame(picture, fields=((0, 0), (1, 1)))


@pytest.mark.parametrize("pixels", ["gbrp", "yuv444p", "yuv422p10le"])
def test_a_field_is_seen_without_the_other(pixels: str) -> None:
    frame = interlaced(200, 50, pixels)
    to_crop = np.array([[0.8, 0.1, -10.0], [-0.1, 0.8, 5.0]])
    top, bottom = fields_of(frame)
    assert (top.pts, bottom.pts) == (10, 11)
    assert np.abs(top.warp(to_crop, 64).astype(int) - 200).max() <= 3
    assert np.abs(bottom.warp(to_crop, 64).astype(int) - 50).max() <= 3


@pytest.mark.parametrize("pixels", ["gbrp", "yuv444p", "yuv422p10le", "yuv420p"])
def test_what_is_pasted_into_a_field_leaves_the_other_as_it_was(pixels: str) -> None:
    frame = interlaced(200, 50, pixels)
    before = [plane.copy() for plane in frame._planes()]
    to_crop = np.array([[0.8, 0.0, -30.0], [0.0, 0.8, -20.0]])
    red = np.zeros((64, 64, 3), np.uint8)
    red[..., 0] = 255
    alpha = np.zeros((64, 64), np.uint8)
    alpha[8:56, 8:56] = 255
    _, bottom = fields_of(frame)
    bottom.paste(red, alpha, to_crop)
    for was, now in zip(before, frame._planes(), strict=True):
        assert np.array_equal(was[::2], now[::2])
        assert not np.array_equal(was[1::2], now[1::2])
    assert np.abs(bottom.warp(to_crop, 64)[20:44, 20:44].astype(int) - (255, 0, 0)).max() <= 4
    assert len(frame.pasted) == len({patch.plane for patch in frame.pasted}) > 0


def test_a_field_is_the_frame_where_nothing_moves() -> None:
    """The geometry of fields is that of the frame, chroma included: the same face in the same place."""
    x, y = np.meshgrid(np.arange(160), np.arange(120))
    smooth = np.stack([x + 40, y + 60, 200 - x], axis=-1).clip(0, 255).astype(np.uint8)
    picture = av.VideoFrame.from_ndarray(smooth, format="rgb24").reformat(format="yuv420p")
    frame = Frame(picture, fields=((0, 0), (1, 1)))
    to_crop = np.array([[0.9, 0.1, -20.0], [-0.1, 0.9, -5.0]])
    whole = frame.warp(to_crop, 64).astype(int)
    for field in fields_of(frame):
        off = np.abs(field.warp(to_crop, 64) - whole)
        assert off.mean() < 1
        assert off.max() <= 6


def test_a_job_swaps_both_fields(tmp_path: Path) -> None:
    model = make_model(tmp_path / "negative.onnx")
    name, clip, _ = KINDS["h264 tt"]
    source, target = make(tmp_path / name, clip), tmp_path / "out.mp4"
    report = convert(Job(source, target, Look(model=str(model), label=None)), finder=Scripted((20, 20, 64)))
    assert (report.frames_swapped, report.faces) == (6, 12)
    with av.open(str(source)) as before, av.open(str(target)) as after:
        for one, other in zip(before.decode(video=0), after.decode(video=0), strict=True):
            face = [each.to_ndarray(format="rgb24")[48:56, 48:56].astype(int) for each in (one, other)]
            assert np.abs(255 - face[0] - face[1]).mean() < 12
