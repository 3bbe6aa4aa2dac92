"""Image sequences at either end: numbers, depth, gaps, marks, transparency, and what a pattern may not reach."""

import os
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from realtime.cli import main
from realtime.jobs.convert import Job
from realtime.jobs.one_file import convert_one
from realtime.jobs.report import Report
from realtime.marking.provenance.verify import verify
from realtime.media.encoding import Encoding
from realtime.media.file_source import FileSource
from realtime.media.sequence import Pattern, gaps
from realtime.media.still import read_still
from realtime.runtime.errors import MummerError, OutputError
from realtime.settings import Conversion, Look
from tests.realtime.clips import Clip, decoded, make, talk
from tests.realtime.jobs.test_convert import Scripted
from tests.realtime.tiny import make_model


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("model") / "negative.onnx")


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    """Six pictures of 16 bits, numbered 8 to 15 with two gaps, and others that are not of the sequence."""
    (folder := tmp_path / "frames").mkdir()
    y, x = np.mgrid[0:120, 0:160]
    for number in (8, 9, 11, 12, 13, 15):
        deep = np.dstack([x * 400 + number, y * 500 + x * 3, (x + y) * 230 + 77]).astype(np.uint16)
        cv2.imwrite(str(folder / f"a{number:04d}.png"), deep)
    for other in ("a16.png", "a00017.png", "b0010.png", "a0018.jpg", "a0019.png.bak"):
        (folder / other).write_bytes(b"not read")
    return folder


def run(source: Path, target: Path, model: Path, label: str | None = None, **changes: object) -> Report:
    look = Look(model=str(model), label=label, device="cpu")
    return convert_one(Job(source, target, look, **changes), finder=Scripted((20, 20, 64)))  # type: ignore[arg-type]


def test_pictures_that_stand_stay_and_the_rest_follows(frames: Path, model: Path, tmp_path: Path) -> None:
    whole, out = tmp_path / "whole", tmp_path / "out"
    job = Job(frames / "a%04d.png", out / "%06d.png", Look(model=str(model), label=None, device="cpu"))

    def stopped(after: int, **changes: object) -> None:
        def stop(done: int, _: int) -> None:
            if done == after:
                raise OutputError("lights out")

        with pytest.raises(
            MummerError, match=rf"lights out \({after} pictures are finished and kept.*--resume goes on"
        ):
            convert_one(replace(job, **changes), stop, Scripted((20, 20, 64)))  # type: ignore[arg-type]

    def times() -> list[int]:
        return [path.stat().st_mtime_ns for path in sorted(out.glob("*.png"))]

    run(job.source, whole / "%06d.png", model)
    stopped(3)
    first = times()
    with pytest.raises(MummerError, match="3 pictures are finished and kept: --resume goes on, and --force starts"):
        run(job.source, job.target, model)
    with pytest.raises(MummerError, match="cannot be resumed: the settings changed since; --force without --resume"):
        run(job.source, job.target, model, label="NEW", resume=True)
    assert run(job.source, job.target, model, resume=True).frames_out == 6
    assert len(times()) == 6 and times()[1:3] == first[1:3]
    assert sorted(path.name for path in out.iterdir()) == sorted(path.name for path in whole.iterdir())
    # What stood there before is not taken for finished.
    before = times()
    stopped(2, force=True)
    os.utime(frames / "a0012.png", (1, 1))
    with pytest.raises(MummerError, match="cannot be resumed: the input changed since"):
        run(job.source, job.target, model, resume=True)
    run(job.source, job.target, model, force=True)
    assert all(new > old for new, old in zip(times(), before, strict=True))
    for path in sorted(whole.iterdir()):
        assert np.array_equal(read_still(out / path.name).samples, read_still(path).samples)


def test_pictures_become_pictures_with_their_numbers(frames: Path, model: Path, tmp_path: Path) -> None:
    report = run(frames / "a%04d.png", tmp_path / "out" / "%06d.png", model)
    names = ["000008.png", "000009.png", "000011.png", "000012.png", "000013.png", "000015.png"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == names
    assert (report.frames_out, report.frames_swapped, report.output.pix_fmt) == (6, 6, "rgb, 16 bits")
    assert [line for line in report.warnings if "2 numbers are missing (10, 14)" in line]
    before, after = read_still(frames / "a0011.png").samples, read_still(tmp_path / "out" / "000011.png").samples
    assert after.dtype == np.uint16 and np.array_equal(before[100:], after[100:]), "what is not the face keeps its bits"
    assert np.abs(before[30:60, 30:60].astype(int) - after[30:60, 30:60]).mean() > 5000
    verdict = verify(tmp_path / "out" / "000015.png")
    assert (verdict.verdict, verdict.signature.state) == ("marked", "valid")
    with pytest.raises(MummerError, match=r"000008\.png: exists already"):
        run(frames / "a%04d.png", tmp_path / "out" / "%06d.png", model)
    run(frames / "a%04d.png", tmp_path / "out" / "%06d.png", model, start_number=100)
    assert (tmp_path / "out" / "000107.png").exists()


def test_pictures_become_a_video(frames: Path, model: Path, tmp_path: Path) -> None:
    report = run(frames / "a%04d.png", tmp_path / "out.mp4", model, fps=Fraction(30), label="SYNTHETIC")
    assert (report.output.codec, report.output.frame_rate, report.frames_out) == ("h264", "30/1", 6)
    assert (report.output.pix_fmt, report.output.color.matrix, report.output.color.range) == (
        "yuv420p",
        "bt709",
        "limited",
    )
    assert [float(time) for time, _ in decoded(tmp_path / "out.mp4")] == pytest.approx([n / 30 for n in range(6)])
    assert any("8 of 16 bits" in line for line in report.warnings)
    assert verify(tmp_path / "out.mp4").signature.state == "valid"
    # Where a codec loses nothing, every bit outside the face is there.
    report = run(frames / "a%04d.png", tmp_path / "out.mkv", model, encoding=Encoding("ffv1"))
    assert report.output.pix_fmt == "gbrp16le"
    with av.open(str(tmp_path / "out.mkv")) as made:
        rgb = next(made.decode(video=0)).to_ndarray(format="rgb48le")
    assert np.array_equal(rgb[100:], read_still(frames / "a0008.png").samples[100:])


@pytest.mark.parametrize(("pixels", "dtype"), [("yuv420p", np.uint8), ("yuv422p10le", np.uint16)])
def test_a_video_becomes_pictures_as_deep_as_it_is(pixels: str, dtype: type, model: Path, tmp_path: Path) -> None:
    source = make(tmp_path / "in.mkv", Clip(frames=4, codec="ffv1", pix_fmt=pixels, options={}))
    report = run(source, tmp_path / "out" / "f%03d.tif", model)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [f"f00{n}.tif" for n in (1, 2, 3, 4)]
    assert any("no sound" in line for line in report.warnings)
    samples = read_still(tmp_path / "out" / "f001.tif").samples
    assert samples.dtype == dtype and samples.shape == (120, 160, 3)
    shown = FileSource(source).first.warp(np.eye(2, 3), (160, 120)).astype(float)
    scaled = samples / (257 if dtype is np.uint16 else 1)
    assert np.abs(scaled[100:] - shown[100:]).mean() < 2, "the colours of the video"
    assert verify(tmp_path / "out" / "f004.tif").signature.state == "valid"
    with pytest.raises(MummerError, match="with --strict nothing may be lost: pictures hold no sound"):
        run(source, tmp_path / "strict" / "%03d.png", model, strict=True)
    assert not (tmp_path / "strict").exists()


def test_a_turned_video_is_upright(model: Path, tmp_path: Path) -> None:
    source = make(tmp_path / "in.mp4", Clip(frames=3, rotation=90, pix_fmt="yuv420p10le", audio=None))
    run(source, tmp_path / "%d.png", model)
    shown = FileSource(source).first.warp(np.eye(2, 3), (120, 160)).astype(float)
    made = read_still(tmp_path / "1.png").samples / 257
    assert made.shape == (160, 120, 3) and np.abs(made[120:] - shown[120:]).mean() < 2


def test_a_layer_of_pictures_has_the_face_alone(frames: Path, model: Path, tmp_path: Path) -> None:
    source = make(tmp_path / "in.mp4", Clip(frames=3))
    for number, given in enumerate((source, frames / "a%04d.png")):
        run(given, tmp_path / f"out{number}" / "%04d.png", model, layer=True, label="NONE")
        first = min((tmp_path / f"out{number}").iterdir())
        still = read_still(first)
        assert still.alpha is not None and still.alpha[100:].max() == 0 and still.alpha[40:60, 40:60].min() > 200
        assert still.samples[100:].max() < 9, "nothing but the watermark"
        assert verify(first).signature.state == "valid"


def test_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """There and back, with a face that is found."""
    talk(tmp_path / "in.mp4", (320, 240), 6 / 25, 25)
    for words in (
        ("in.mp4", "mid/%02d.jpg", "--start-number", "0"),
        ("mid/%02d.jpg", "out.mp4", "--fps", "30000/1001", "--label", "off"),
    ):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["mummer", "convert", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        assert ended.value.code in (0, None), said.err
        assert "6 of 6 frames swapped" in said.out
    assert sorted(path.name for path in (tmp_path / "mid").iterdir()) == [f"0{n}.jpg" for n in range(6)]
    with av.open(str(tmp_path / "out.mp4")) as made:
        assert str(made.streams.video[0].average_rate) == "30000/1001"


@pytest.mark.parametrize(
    ("source", "target", "changes", "words"),
    [
        ("frames/c%04d.png", "o.mp4", {}, "no picture is called so; c0001.png would be one"),
        ("none/%04d.png", "o.mp4", {}, "cannot be read"),
        ("frames/a%04d.png", "frames/a%04d.png", {"force": True}, "the output is the input"),
        ("frames/a%04d.png", "o/%d.png", {"workers": 2}, "for videos that become videos"),
        ("frames/a%04d.png", "o.mp4", {"resume": True}, "made in one piece"),
        ("frames/a%04d.png", "o/%d.jpg", {"layer": True}, "JPEG holds no transparency"),
        ("frames/a%04d.png", "o.xyz", {}, "unknown kind of output"),
        ("in.mp4", "o/%d.png", {"fps": Fraction(25)}, "--fps is for a sequence"),
        ("in.mp4", "o.mp4", {"start_number": 3}, "are for numbered pictures"),
        ("in.mp4", "o/%d.png", {"encoding": Encoding("ffv1")}, "leave them out for pictures"),
    ],
)
def test_what_makes_no_sense(
    source: str, target: str, changes: dict[str, object], words: str, frames: Path, model: Path
) -> None:
    folder = frames.parent
    make(folder / "in.mp4", Clip(frames=2))
    with pytest.raises(MummerError, match=words):
        run(folder / source, folder / target, model, **changes)
    assert sorted(path.name for path in folder.iterdir()) == ["frames", "in.mp4"]


def test_a_pattern_reaches_nothing_but_numbered_pictures_of_its_folder(tmp_path: Path, model: Path) -> None:
    """A file that is called like a pattern is that file; two numbers, other letters, or a video are no pattern."""
    Image.new("RGB", (64, 48)).save(tmp_path / "100%d.png")
    assert Pattern.read(tmp_path / "100%d.png") is None
    for name in ("%d%d.png", "%s.png", "%06d.mp4", "%x.png", "%-3d.png", "%*d.png", "concat:%d", "%00d.png"):
        assert Pattern.read(tmp_path / name) is None, name
    (tmp_path / "1.png").write_text(f"#EXTM3U\n{tmp_path / '100%d.png'}\n")
    with pytest.raises(MummerError, match=r"1\.png: not a picture"):
        run(tmp_path / "%d.png", tmp_path / "o.mp4", model)
    with pytest.raises(MummerError, match="no such file"):
        run(tmp_path / "%06d.mp4", tmp_path / "o.mp4", model)


def test_gaps_and_rates() -> None:
    assert gaps([3, 4, 5]) is None and gaps([7]) is None
    assert gaps([1, 5]) == "3 numbers are missing (2 to 4)"
    assert gaps([1, 3]) == "1 number is missing (2)"
    assert (gaps(range(0, 40, 2)) or "").endswith("11, ...)")
    assert [Conversion.model_validate({"fps": rate}).fps for rate in (25, "23.976", "30000/1001")] == [
        "25", "2997/125", "30000/1001",
    ]  # fmt: skip
    for rate in ("0", "x", "1/0", "5000", "nan"):
        with pytest.raises(ValueError, match="fps"):
            Conversion.model_validate({"fps": rate})
