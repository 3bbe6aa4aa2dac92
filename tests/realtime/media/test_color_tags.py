"""Colour tags: kept as a whole, and called by FFmpeg's names everywhere."""

from pathlib import Path

import av
import pytest
from av.video.reformatter import ColorPrimaries, ColorTrc

from models.faceset.colors import colors_of
from models.faceset.record import Colors
from realtime.jobs.report import media_facts
from realtime.media.color_tags import BT709, ColorTags, matrix_name, primaries_name, transfer_name
from realtime.media.colorspace import ColorMatrix
from realtime.media.file_source import FileSource
from tests.realtime.clips import Clip, make

#: BT.2020 primaries and matrix, HLG, limited.
HLG = (9, 9, 18, 1)


@pytest.mark.parametrize("option", ["colorspace", "color_primaries", "color_trc"])
def test_names_are_those_that_ffmpeg_takes(option: str) -> None:
    generic = {each.name: each for each in av.CodecContext.create("h264", "r").supported_options.generic}
    known = {choice.name for choice in generic[option].choices or ()}
    names = {
        "colorspace": [matrix_name(code) for code in ColorMatrix],
        "color_primaries": [primaries_name(code) for code in ColorPrimaries],
        "color_trc": [transfer_name(code) for code in ColorTrc],
    }[option]
    assert len(names) == len(set(names)) > 6
    assert set(names) <= known


def test_a_report_and_a_faceset_call_colours_the_same(tmp_path: Path) -> None:
    path = make(tmp_path / "hlg.mp4", Clip(frames=8, tags=HLG))
    source = FileSource(path)
    report, faceset = media_facts(path, source.container, source.video).color, colors_of(source.first)
    source.close()
    assert (report.matrix, report.primaries, report.transfer) == ("bt2020nc", "bt2020", "arib-std-b67")
    assert (faceset.matrix, faceset.primaries, faceset.transfer) == ("bt2020nc", "bt2020", "arib-std-b67")


def test_what_is_left_open_is_unknown(tmp_path: Path) -> None:
    source = FileSource(make(tmp_path / "plain.mp4", Clip(frames=8)))
    faceset = colors_of(source.first)
    source.close()
    assert (faceset.primaries, faceset.transfer) == ("unknown", "unknown")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (("bt601", "smpte170m", "arib_std_b67"), ("smpte170m", "smpte170m", "arib-std-b67")),
        (("bt2020", "bt2020", "iec61966_2_1"), ("bt2020nc", "bt2020", "iec61966-2-1")),
        (("bt2020_cl", "unspecified", "unspecified"), ("bt2020c", "unknown", "unknown")),
        (("bt709", "film", "log_sqrt"), ("bt709", "film", "log316")),
    ],
)
def test_earlier_facesets_are_read(old: tuple[str, str, str], new: tuple[str, str, str]) -> None:
    fields = ("matrix", "primaries", "transfer")
    assert Colors.model_validate(dict(zip(fields, old, strict=True))) == Colors(**dict(zip(fields, new, strict=True)))
    assert Colors.model_validate(dict(zip(fields, new, strict=True))) == Colors(**dict(zip(fields, new, strict=True)))


def test_tags_go_from_one_picture_to_another() -> None:
    first, second = av.VideoFrame(16, 16, "yuv420p"), av.VideoFrame(16, 16, "yuv420p")
    tags = ColorTags(*HLG[:1], HLG[3], HLG[1], HLG[2])
    tags.put_on(first)
    ColorTags.of(first).put_on(second)
    assert (second.colorspace, second.color_primaries, second.color_trc, second.color_range) == HLG
    BT709.put_on(second)
    assert ColorTags.of(second) == BT709
