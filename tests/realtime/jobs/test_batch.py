"""Many files in one go: each by itself, what fails told and passed over, what is finished not made again."""

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import av
import pytest
from PIL import Image

from realtime.cli import main
from realtime.jobs.batch.record import Record
from realtime.jobs.batch.run import BatchReport
from tests.realtime.clips import talk
from tests.realtime.forked import Mummer
from tests.realtime.tiny import make_model


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two clips, one that is none, a picture, notes, and a model."""
    folder = tmp_path_factory.mktemp("media")
    (clips := folder / "clips").mkdir()
    talk(clips / "a.mp4", (320, 240), 12 / 25, 25)
    with av.open(str(clips / "a.mp4")) as one, av.open(str(clips / "c.flv"), "w") as two:
        (video,) = one.streams.video
        copy = two.add_stream_from_template(video)
        for packet in one.demux(video):
            if packet.dts is not None:
                packet.stream = copy
                two.mux(packet)
    (clips / "b.mp4").write_bytes(b"no video")
    Image.new("RGB", (64, 48), "teal").save(clips / "d.png")
    (clips / "notes.txt").write_text("words")
    make_model(folder / "negative.onnx")
    return folder


def command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: object
) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["mummer", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr()
    return int(ended.value.code or 0), said.out, said.err


def states(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir() if not path.name.startswith(".")}


def test_a_bad_file_stops_nothing_and_what_is_finished_is_not_made_again(
    media: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clips, out, page = media / "clips", tmp_path / "out", tmp_path / "report.json"
    options = ("--model", media / "negative.onnx", "--out-dir", out, "--report", page)
    code, said, err = command(monkeypatch, capsys, "convert", clips, *options)
    assert code == 1
    assert "3 files converted, 24 faces swapped, 1 failed" in said, err
    assert "b.mp4: not a video" in err and "left alone, neither videos nor pictures: notes.txt" in err
    made = states(out)
    assert set(made) == {"a.mp4", "c.mkv", "c.mkv.c2pa", "d.png"}
    report = BatchReport.model_validate_json(page.read_text())
    assert [(each.frames_swapped, Path(each.output.path).name) for each in report.done] == [
        (12, "a.mp4"), (12, "c.mkv"), (0, "d.png"),
    ]  # fmt: skip
    assert [Path(each.path).name for each in report.failed] == ["b.mp4"]

    # Once more: nothing that is there is touched, without --resume it is in the way.
    code, said, err = command(monkeypatch, capsys, "convert", clips, *options)
    assert (code, err.count("exists already")) == (1, 3)
    code, said, err = command(monkeypatch, capsys, "convert", clips, *options, "--resume")
    assert (code, states(out)) == (1, made)
    assert "0 files converted, 0 faces swapped, 3 made before and unchanged, 1 failed" in said

    # What has changed is made anew: an input, an output that is gone, and the settings of one alone.
    (out / "c.mkv").unlink()
    Image.new("RGB", (64, 48), "navy").save(clips / "d.png")
    code, said, err = command(monkeypatch, capsys, "convert", clips, *options, "--resume")
    assert "2 files converted" in said and "1 made before and unchanged" in said, err
    assert states(out)["a.mp4"] == made["a.mp4"]
    code, said, err = command(monkeypatch, capsys, "convert", clips / "a.mp4", *options, "--resume", "--sharpen", 0.1)
    assert code == 0 and "1 file converted" in said, err
    assert states(out)["a.mp4"] != made["a.mp4"]


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_whoever_stops_it_is_told_how_far_it_is(media: Path, tmp_path: Path) -> None:
    clips, out, files = tmp_path / "clips", tmp_path / "out", 12
    clips.mkdir()
    for number in range(files):
        (clips / f"{number:02}.mp4").write_bytes((media / "clips" / "a.mp4").read_bytes())
    words = ["convert", str(clips), "--model", str(media / "negative.onnx"), "--out-dir", str(out)]
    with Mummer(words, stderr=subprocess.PIPE, text=True) as process:
        try:
            while not (out / "00.mp4").exists() and process.poll() is None:
                time.sleep(0.001)
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=120)
        finally:
            process.kill()
    assert process.returncode == 130, err
    told = re.search(rf"(\d+) of {files} files are done: the same command with --resume goes on\n", err)
    assert told and int(told[1]) in (count := len([*out.glob("*.mp4")]), count - 1), err


def test_what_nobody_here_has_made_is_not_replaced(
    media: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "d.png").write_bytes(b"somebody else's")
    words = ("convert", media / "clips" / "d.png", "--out-dir", tmp_path, "--resume")
    code, _, err = command(monkeypatch, capsys, *words)
    assert code == 1 and "exists already" in err
    assert (tmp_path / "d.png").read_bytes() == b"somebody else's"


def test_a_run_that_was_killed_after_the_output_had_its_name(tmp_path: Path) -> None:
    page, target = tmp_path / "page.jsonl", tmp_path / "a.png"
    with pytest.raises(KeyboardInterrupt), Record(page).making(target, "key"):
        target.write_bytes(b"whole")
        raise KeyboardInterrupt
    with page.open("a") as torn:
        torn.write('{"output": "')
    again = Record(page)
    assert again.was_made(target, "key") and again.is_ours(target)
    assert not again.was_made(target, "another key")


def test_a_job_file(
    media: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Paths are from its own folder on, settings are for all, and a job's own win."""
    for name in ("a.mp4", "d.png"):
        (tmp_path / name).write_bytes((media / "clips" / name).read_bytes())
    (tmp_path / "negative.onnx").write_bytes((media / "negative.onnx").read_bytes())
    jobs = tmp_path / "jobs.toml"
    jobs.write_text(
        """
        out_dir = "made"
        [settings]
        model = "negative.onnx"
        codec = "ffv1"
        label = "ALL"
        [[job]]
        input = "a.mp4"
        output = "lossless.mkv"
        [[job]]
        input = "a.mp4"
        codec = "libx264"
        label = "ONE"
        [[job]]
        input = "d.png"
        """
    )
    monkeypatch.chdir("/")
    code, said, err = command(monkeypatch, capsys, "convert", jobs, "--report", tmp_path / "report.json")
    assert code == 0, err
    done = BatchReport.model_validate_json((tmp_path / "report.json").read_text()).done
    assert [(each.output.codec, each.provenance.label, each.output.path) for each in done] == [
        ("ffv1", "ALL", str(tmp_path / "lossless.mkv")),
        ("h264", "ONE", str(tmp_path / "made" / "a.mp4")),
        ("png", "ALL", str(tmp_path / "made" / "d.png")),
    ]
    code, said, _ = command(monkeypatch, capsys, "convert", jobs, "--resume")
    assert code == 0 and "3 made before and unchanged" in said
    assert json.loads((tmp_path / "jobs.toml.batch.jsonl").read_text().splitlines()[0])["made"] is None


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("[[job]\n", "not a job file"),
        ("", "job: field required"),
        ('[[job]]\noutput = "b.mp4"\n', "job 1: input: field required"),
        ('[[job]]\ninput = "a.mp4"\n', "job 1: no output is named"),
        ('[[job]]\ninput = "a.mp4"\ncrf = 99\n', "job 1: crf: "),
        ('[[job]]\ninput = "a.mp4"\ncfr = 9\n', "there is no setting 'job 1: cfr'"),
        ('[settings]\nmodell = "x"\n[[job]]\ninput = "a.mp4"\n', "there is no setting 'settings.modell'"),
        ('[[job]]\ninput = "a.mp4"\noutput = "c.mp4"\n[[job]]\ninput = "b.mp4"\noutput = "c.mp4"\n', "would both be"),
    ],
)
def test_a_job_file_that_makes_no_sense(
    tmp_path: Path, page: str, words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "jobs.toml").write_text(page)
    code, _, err = command(monkeypatch, capsys, "convert", tmp_path / "jobs.toml")
    assert (code, err.count("\n")) == (2, 1)
    assert "jobs.toml" in err or "c.mp4" in err
    assert words in err, err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("a.mp4",), "where to?"),
        (("a.mp4", "b.mp4", "c.mp4"), "name it with --out-dir"),
        (("a/x.mp4", "b/x.mp4", "--out-dir", "out"), "would both be written there"),
        (("a.mp4", "-", "--out-dir", "out"), "- and --format are for one video"),
        (("jobs.toml", "--crf", "9"), "has its settings in itself"),
    ],
)
def test_commands_that_make_no_sense(
    words: tuple[str, ...], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = command(monkeypatch, capsys, "convert", *words)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert said in err
