"""The command line: help without heavy imports, exit codes, signals, other packages' commands."""

import inspect
import json
import os
import re
import signal
import subprocess
import sys
import time
from importlib import import_module
from importlib.metadata import EntryPoint, version
from pathlib import Path

import pytest
import typer

import realtime.cli
from realtime.cli import _COMMANDS, main
from realtime.media.file_source import FileSource
from tests.realtime.clips import Clip, make, times
from tests.realtime.forked import Mummer, run
from tests.realtime.tiny import make_model

ROOT = Path(__file__).parents[3]
MUMMER = [sys.executable, "-m", "realtime"]


def exit_code(monkeypatch: pytest.MonkeyPatch, *words: str) -> object:
    monkeypatch.setattr(sys, "argv", ["mummer", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code


def test_help_lists_the_commands_and_imports_nothing_heavy() -> None:
    code = (
        "import sys, realtime.cli\n"
        "sys.argv = ['mummer', '--help']\n"
        "try:\n    realtime.cli.main()\n"
        "finally:\n    print(*sys.modules, file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in ("convert", "demo", "faces", "models", "inspect", "bench"):
        assert f"  {name} " in done.stdout
    loaded = set(done.stderr.split())
    assert "typer" in loaded
    heavy = {"numpy", "cv2", "av", "onnxruntime", "pydantic", "rich", "torch", "models", "export"}
    assert not loaded & heavy


def test_a_video_is_converted_without_what_only_pictures_batches_and_readers_need(clip: Path, tmp_path: Path) -> None:
    code = (
        "import sys, realtime.cli\n"
        f"sys.argv = ['mummer', 'convert', {str(clip)!r}, {str(tmp_path / 'out.mp4')!r}, '--quiet']\n"
        "try:\n    realtime.cli.main()\n"
        "finally:\n    print(*sys.modules, file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = set(done.stderr.split())
    assert "realtime.jobs.convert" in loaded
    jobs = {f"realtime.jobs.{name}" for name in ("animation", "batch.plan", "photo", "sequence")}
    assert not loaded & {"PIL", "realtime.marking.watermark.read", *jobs}


def test_the_help_says_of_each_command_what_the_command_says_of_itself() -> None:
    for name, words in _COMMANDS.items():
        command = getattr(import_module(f"realtime.cli.{name}"), name)
        if isinstance(command, typer.Typer):
            assert command.registered_callback is not None
            command = command.registered_callback.callback
        assert " ".join((inspect.getdoc(command) or "").split("\n\n")[0].split()) == words


@pytest.mark.parametrize("command", ["convert", "bench", "demo", "faces", "models", "inspect"])
def test_every_command_has_help(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(monkeypatch, command, "--help") == 0
    assert "Usage: " in capsys.readouterr().out


@pytest.mark.parametrize("words", [["nonsense"], ["convert"], ["convert", "only-one.mp4"], ["--nonsense"]])
def test_wrong_usage(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert exit_code(monkeypatch, *words) == 2


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("clip") / "clip.mp4", Clip(frames=12))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("model") / "negative.onnx")


def test_convert_prints_one_line_and_writes_the_report(clip: Path, model: Path, tmp_path: Path) -> None:
    target, page = tmp_path / "out.mp4", tmp_path / "report.json"
    done = run(["convert", str(clip), str(target), "--model", str(model), "--report", str(page)])
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1
    assert "of 12 frames swapped" in done.stdout
    assert done.stderr == "mummer: note: no face was found: the pictures are as they were\n"
    assert times(target) == times(clip)
    assert json.loads(page.read_text())["frames_out"] == 12


def test_the_version(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(monkeypatch, "--version") == 0
    assert capsys.readouterr().out == f"mummer {version('mummer')}\n"


@pytest.mark.parametrize("words", [[], ["convert"], ["consent", "new"], ["serve"]])
def test_short_help(words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(monkeypatch, *words, "-h") == 0
    assert capsys.readouterr().out.startswith(" ".join(["Usage: mummer", *words]))


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("mummer conv", ["convert"]),
        ("mummer convert --mod", ["--model"]),
        ("mummer consent new --ki", ["--kind"]),
        ("mummer train --res", ["--resume"]),
    ],
)
def test_a_shell_completes_commands_and_options(line: str, found: list[str]) -> None:
    """As bash asks: with the line in a variable. The command in it is imported, and no other."""
    asked = {"_MUMMER_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(line.count(" "))}
    done = run([], env=os.environ | asked)
    assert done.stdout.split() == found, done.stderr


def test_quiet_prints_nothing(
    clip: Path,
    model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ("convert", str(clip), str(tmp_path / "out.mp4"), "--model", str(model), "--quiet")
    assert exit_code(monkeypatch, *words) == 0
    said = capsys.readouterr()
    assert said.out == said.err == ""


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", None)])
def test_a_signal_ends_cleanly(number: signal.Signals, model: Path, tmp_path: Path) -> None:
    """Interrupted while frames flow: exit code 130, one line, no file."""
    source = make(tmp_path / "in.mp4", Clip(size=(320, 240), frames=400, options={"preset": "ultrafast"}))
    words = ["convert", str(source), str(tmp_path / "out.mp4"), "--model", str(model), "--preset", "placebo"]
    with Mummer(words, stderr=subprocess.PIPE, text=True) as process:
        try:
            while process.poll() is None and not list(tmp_path.glob(".mummer-*")):
                time.sleep(0.01)
            time.sleep(0.2)
            process.send_signal(number)
            _, said = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 130
    assert said == "mummer: interrupted\n"
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]


def test_bench_convert_prints_json(
    clip: Path, model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("bench", "convert", str(clip), "--json", "--rounds", "1", "--model", str(model))
    assert exit_code(monkeypatch, *words) == 0
    result = json.loads(capsys.readouterr().out)
    assert set(result) == {"frames", "transcode_fps", "convert_fps", "ratio", "stages_ms", "rss_mb"}
    assert result["frames"] == 12
    assert result["ratio"] == pytest.approx(result["convert_fps"] / result["transcode_fps"], rel=0.01, abs=6e-4)
    assert {"decode", "find", "label", "encode"} <= set(result["stages_ms"])


@pytest.mark.skipif(sys.platform == "win32", reason="a shell of POSIX")
class TestShell:
    """Streams that are closed, full, or of no interest to anybody, and names that are no text."""

    def sh(self, line: str, folder: Path, model: Path) -> "subprocess.CompletedProcess[str]":
        words = f"mummer() {{ '{sys.executable}' -m realtime \"$@\"; }}; {line}"
        own = {"MODEL": str(model), "DIR": str(folder), "PYTHONPATH": str(ROOT)}
        return subprocess.run(
            ["/bin/bash", "-c", words], cwd=folder, env=os.environ | own, capture_output=True, text=True, timeout=60,
            check=False, errors="surrogateescape",
        )  # fmt: skip

    @pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
    def test_closed_streams(self, clip: Path, model: Path, tmp_path: Path, closed: str) -> None:
        done = self.sh(f"mummer convert '{clip}' out.mp4 --model $MODEL {closed}", tmp_path, model)
        assert done.returncode == 0, done.stderr
        assert times(tmp_path / "out.mp4") == times(clip)
        assert "Traceback" not in done.stderr

    def test_a_closed_stderr_and_an_error(self, model: Path, tmp_path: Path) -> None:
        assert self.sh("mummer convert none.mp4 out.mp4 2>&-", tmp_path, model).returncode == 1

    def test_a_reader_who_leaves(self, clip: Path, model: Path, tmp_path: Path) -> None:
        done = self.sh(f"mummer faces --json '{clip}' '{clip}' | head -1", tmp_path, model)
        assert json.loads(done.stdout)["frame"] == 0
        assert done.stderr == ""

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="devices of Linux")
    @pytest.mark.parametrize("words", ["faces CLIP", "models", "inspect MODEL", "inspect MODEL --json"])
    def test_a_full_standard_output(self, clip: Path, model: Path, words: str) -> None:
        given = words.replace("CLIP", str(clip)).replace("MODEL", str(model))
        with Path("/dev/full").open("w") as full:
            done = run(given.split(), stdout=full)
        assert done.returncode == 1
        assert done.stderr == "mummer: the standard output cannot be written: no space left on device\n"

    def test_a_disk_that_fills_up(self, model: Path, tmp_path: Path) -> None:
        """Files may grow to 40 KB here, as after a shell's ``ulimit``, and the system says no in the middle."""
        make(tmp_path / "in.mp4", Clip(size=(320, 240), frames=60))
        small = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (40_960, 40_960))"
        for suffix in ("mp4", "mkv", "ts"):
            words = ["convert", "in.mp4", f"out.{suffix}", "--model", str(model), "--crf", "1"]
            done = run(words, before=small, cwd=tmp_path)
            assert done.returncode == 1
            assert re.fullmatch(f"mummer: out.{suffix}: cannot be (written|finished): file too large\n", done.stderr)
        assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]

    @pytest.mark.skipif(sys.platform != "linux", reason="file names that are bytes")
    @pytest.mark.parametrize(
        "name", [b"\xff\xfe", "日本 ü".encode(), b"two\nlines", b"-x", b"a:b|c", b"%d", b"n" * 240]
    )
    def test_names_of_any_kind(self, clip: Path, model: Path, tmp_path: Path, name: bytes) -> None:
        folder = os.fsencode(tmp_path)
        with open(folder + b"/" + name + b".mp4", "wb") as copy:  # noqa: PTH123
            copy.write(clip.read_bytes())
        word = os.fsdecode(name)
        here = {"cwd": tmp_path, "errors": "surrogateescape"}
        line = ["convert", "--model", str(model), "--report", "r.json", "--", f"{word}.mp4", f"{word}.mkv"]
        done = run(line, **here)
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith(f"{word}.mkv: ".replace("\n", "\\u000a"))
        report = json.loads((tmp_path / "r.json").read_text())
        assert os.fsencode(report["output"]["path"]) == name + b".mkv"
        seen = run(["faces", "--json", "--", f"{word}.mkv"], **here)
        assert os.fsencode(json.loads(seen.stdout.splitlines()[-1])["source"]) == name + b".mkv"


def extras(monkeypatch: pytest.MonkeyPatch, target: str) -> None:
    entry = EntryPoint("train", target, "mummer.commands")
    monkeypatch.setattr(realtime.cli, "entry_points", lambda group: [entry] if group == entry.group else [])


def test_commands_of_other_packages_are_imported_when_called(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "trainer.py").write_text(
        'print("imported")\ndef train(folder: str) -> None:\n    """Trains."""\n    print("on", folder)\n'
    )
    monkeypatch.syspath_prepend(tmp_path)
    extras(monkeypatch, "trainer:train")
    assert exit_code(monkeypatch, "--help") == 0
    listed = capsys.readouterr().out
    assert "  train " in listed
    assert "imported" not in listed
    assert exit_code(monkeypatch, "train", "faces") == 0
    assert capsys.readouterr().out == "imported\non faces\n"


@pytest.mark.parametrize(("command", "words", "option"), [
    ("train", ("--out", "run"), "--resume"),
    ("export", ("run", "run/model.onnx"), "--calibrate"),
])  # fmt: skip
def test_only_the_work_itself_needs_torch(tmp_path: Path, command: str, words: tuple[str, ...], option: str) -> None:
    code = "import sys\nsys.modules['torch'] = None\nimport realtime.cli\nrealtime.cli.main()"
    helped, begun = (
        subprocess.run(
            [sys.executable, "-c", code, command, *given],
            cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
        )
        for given in (("--help",), words)
    )  # fmt: skip
    assert helped.returncode == 0 and option in helped.stdout
    assert begun.returncode == 2 and not list(tmp_path.iterdir())
    needed = "needs torch, which is not installed: pip install 'mummer[train]'"
    assert begun.stderr == f"mummer: `mummer {command}` {needed}\n"


def test_a_missing_extra_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    extras(monkeypatch, "no_such_package:train")
    assert exit_code(monkeypatch, "train", "--help") == 2
    said = capsys.readouterr().err
    assert "no_such_package" in said
    assert "pip install" in said


def test_a_bug_keeps_its_traceback(clip: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def broken(self: FileSource, path: Path, *rest: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(FileSource, "__init__", broken)
    monkeypatch.setattr(
        sys,
        "argv",
        ["mummer", "convert", str(clip), str(tmp_path / "o.mp4"), "--model", str(make_model(tmp_path / "m"))],
    )
    with pytest.raises(ZeroDivisionError):
        main()
