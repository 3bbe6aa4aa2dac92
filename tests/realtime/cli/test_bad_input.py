"""Bad input: one clear line that names the file, exit code 1, and nothing left behind."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from realtime.cli import main
from tests.realtime.clips import Clip, make
from tests.realtime.tiny import make_model


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a good clip and a good model."""
    folder = tmp_path_factory.mktemp("good")
    make(folder / "clip.mp4", Clip(frames=10))
    make(folder / "cut.mp4", Clip(frames=50, container_options={"movflags": "faststart"}))
    make_model(folder / "model.onnx")
    return folder


def fails(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *words: str,
    code: int = 1,
) -> str:
    """Run ``mummer`` and return its one line on stderr; the folder must be as it was."""
    monkeypatch.setattr(sys, "argv", ["mummer", *words])
    before = sorted(folder.rglob("*"))
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr()
    assert ended.value.code == code, said.err
    assert sorted(folder.rglob("*")) == before
    assert said.out == ""
    if code == 1:
        assert said.err.count("\n") == 1
        assert said.err.startswith("mummer: ")
        assert "Traceback" not in said.err
    return said.err


def missing(path: Path, parts: Path) -> None:
    """Nothing there."""


def empty(path: Path, parts: Path) -> None:
    path.touch()


def random(path: Path, parts: Path) -> None:
    path.write_bytes(np.random.default_rng(5).bytes(50_000))


def truncated(path: Path, parts: Path) -> None:
    whole = (parts / "cut.mp4").read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


def headless(path: Path, parts: Path) -> None:
    whole = (parts / "clip.mp4").read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


def folder_instead(path: Path, parts: Path) -> None:
    path.mkdir()


def sound_only(path: Path, parts: Path) -> None:
    with av.open(str(parts / "clip.mp4")) as container, av.open(str(path), "w", format="mp4") as out:
        sound = container.streams.audio[0]
        copy = out.add_stream_from_template(sound)
        for packet in container.demux(sound):
            if packet.size:
                packet.stream = copy
                out.mux(packet)


def no_frames(path: Path, parts: Path) -> None:
    with av.open(str(path), "w", format="matroska") as out:
        video = out.add_stream("libx264", rate=25)
        assert isinstance(video, av.VideoStream)
        video.width, video.height, video.pix_fmt = 64, 64, "yuv420p"
        sound = out.add_stream("aac", rate=48000)
        assert isinstance(sound, av.AudioStream)
        for number in range(4):
            block = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), format="fltp", layout="stereo")
            block.sample_rate, block.pts = 48000, number * 1024
            out.mux(sound.encode(block))
        out.mux(sound.encode(None))


def playlist(path: Path, parts: Path) -> None:
    path.write_text(f"ffconcat version 1.0\nfile '{parts / 'clip.mp4'}'\n")


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (missing, "no such file"),
        (empty, "is empty"),
        (random, "not a video that can be read"),
        (headless, "cut short"),
        (folder_instead, "a folder"),
        (sound_only, "no video in this file, only audio"),
        (no_frames, "no frames"),
        (playlist, "not a video that can be read"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_inputs(
    parts: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    kind: Callable[[Path, Path], None],
    words: str,
) -> None:
    source = tmp_path / "in.mp4"
    kind(source, parts)
    model = str(parts / "model.onnx")
    said = fails(tmp_path, monkeypatch, capsys, "convert", str(source), str(tmp_path / "out.mp4"), "--model", model)
    assert words in said
    assert str(source) in said


def test_a_video_that_is_cut_short_is_refused_where_that_is_asked_for(
    parts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    truncated(tmp_path / "in.mp4", parts)
    model = str(parts / "model.onnx")
    words = ("convert", str(tmp_path / "in.mp4"), str(tmp_path / "out.mp4"), "--model", model, "--on-damage", "stop")
    assert "cut short" in fails(tmp_path, monkeypatch, capsys, *words)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("n" * 300 + ".mp4", "name too long"),
        ("loop.mp4", "loop.mp4"),
        ("/dev/zero", "not a regular file"),
        ("", "folder"),
    ],
)
def test_input_names_that_lead_nowhere(
    parts: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    source: str,
    words: str,
) -> None:
    (tmp_path / "loop.mp4").symlink_to(tmp_path / "loop.mp4")
    monkeypatch.chdir(tmp_path)
    for command in (("convert", source, "out.mp4"), ("faces", source), ("bench", "convert", source)):
        assert words in fails(tmp_path, monkeypatch, capsys, *command)


def test_addresses_are_no_files(
    parts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for address in ("https://example.org/key.mp4", "rtmp://example.org/live/key", "file:///etc/key"):
        said = fails(tmp_path, monkeypatch, capsys, "convert", address, str(tmp_path / "out.mp4"))
        assert "this command reads files" in said
        assert address.removesuffix("key.mp4").removesuffix("live/key").removesuffix("etc/key") in said
        assert "key" not in said  # the last part of an address may be a secret


@pytest.mark.parametrize(
    ("target", "options", "words"),
    [
        ("out.xyz", (), "unknown kind of output '.xyz'"),
        ("out", (), "without a suffix"),
        ("nowhere/out.mp4", (), "does not exist"),
        ("clip.mp4/out.mp4", (), "does not exist"),
        ("folder.mp4", (), "a folder"),
        ("there.mp4", (), "--force"),
        ("clip.mp4", ("--force",), "the output is the input"),
        ("soft.mp4", ("--force",), "the output is the input"),
        ("hard.mp4", ("--force",), "the output is the input"),
        ("out.mp4", ("--codec", "h269"), "unknown encoder 'h269'"),
        ("out.mp4", ("--codec", "prores_ks"), "mp4 does not hold what prores_ks"),
        ("out.mp4", ("--codec", "ffv1", "--crf", "3"), "ffv1 has no --crf"),
        ("out.mp4", ("--preset", "hasty"), "--preset"),
        ("out.mp4", ("--detector", "radar"), "unknown detector 'radar'"),
        ("out.mp4", ("--model", "nobody"), "nobody"),
        ("out.mp4", ("--model", "note.onnx"), "note.onnx"),
        ("out.mp4", ("--model", "foreign.onnx"), "foreign.onnx"),
        ("out.mp4", ("--model", "nowhere.onnx"), "nowhere.onnx"),
        ("out.mp4", ("--report", "nowhere/report.json"), "does not exist"),
        ("out.mp4", ("--report", "clip.mp4"), "cannot be the report"),
        ("out.mp4", ("--report", ""), "a folder"),
        ("out.mp4", ("--model", "/dev/zero"), "not a regular file"),
        ("out.mp4", ("--model", "n" * 300 + ".onnx"), "name too long"),
        ("out.mp4", ("--model", "loop.mp4"), "loop.mp4"),
        ("n" * 300 + ".mp4", (), "name too long"),
        ("loop.mp4", (), "loop"),
        ("out.mp4", ("--report", "n" * 300), "name too long"),
        ("udp://localhost:1/out.mp4", (), "does not exist"),
    ],
)
def test_outputs_and_options(
    parts: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    target: str,
    options: tuple[str, ...],
    words: str,
) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes((parts / "clip.mp4").read_bytes())
    (tmp_path / "soft.mp4").symlink_to(clip)
    (tmp_path / "hard.mp4").hardlink_to(clip)
    (tmp_path / "loop.mp4").symlink_to(tmp_path / "loop.mp4")
    (tmp_path / "folder.mp4").mkdir()
    (tmp_path / "there.mp4").write_bytes(b"precious")
    (tmp_path / "note.onnx").write_text("not a model")
    detector = Path(__file__).parents[3] / "realtime" / "assets" / "landmarks.onnx"
    (tmp_path / "foreign.onnx").write_bytes(detector.read_bytes())
    monkeypatch.chdir(tmp_path)
    words_in = ("convert", "clip.mp4", target, *options)
    if "--model" not in options:
        words_in += ("--model", str(parts / "model.onnx"))
    assert words in fails(tmp_path, monkeypatch, capsys, *words_in)
    assert (tmp_path / "there.mp4").read_bytes() == b"precious"


@pytest.mark.skipif(sys.platform != "linux", reason="a folder that nobody can write to, root included")
def test_a_folder_that_cannot_be_written_to(
    parts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    model = str(parts / "model.onnx")
    folder = f"/proc/{os.getpid()}"
    said = fails(
        tmp_path,
        monkeypatch,
        capsys,
        "convert",
        str(parts / "clip.mp4"),
        f"{folder}/out.mp4",
        "--model",
        model,
    )
    assert "cannot be written" in said


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--faces", "none"), "faces"),
        (("--sharpen", "2"), "sharpen"),
        (("--crf", "-1"), "crf"),
        (("--color", "sepia"), "sepia"),
        (("--blend", "sharp"), "sharp"),
        (("--label-place", "middle"), "middle"),
        (("--label", "x" * 3000), "--label: is 3,000 characters long; give at most 80"),
        (("--nonsense",), "nonsense"),
    ],
)
def test_wrong_usage_is_two(
    parts: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: tuple[str, ...],
    words: str,
) -> None:
    target = str(tmp_path / "out.mp4")
    model = ("--model", str(parts / "model.onnx"))
    said = fails(tmp_path, monkeypatch, capsys, "convert", str(parts / "clip.mp4"), target, *model, *options, code=2)
    assert words in said
