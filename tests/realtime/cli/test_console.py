"""What is printed moves no terminal, whatever files and addresses are called, and is no markup."""

import json
import os
import pty
import re
import sys
from pathlib import Path

import pytest

from realtime.cli import main
from realtime.cli.console import harmless
from tests.realtime.clips import Clip, make
from tests.realtime.forked import Mummer
from tests.realtime.tiny import make_model

ROOT = Path(__file__).parents[3]
TITLE = "\x1b]0;owned\x07"

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="names and terminals of POSIX")


def test_what_acts_is_escaped_and_all_else_is_shown() -> None:
    assert harmless("a\tb äöü 日本 👩\u200d🔬 \udcff") == "a\tb äöü 日本 👩\u200d🔬 \udcff"
    acting = "\x1b[2J\x07\r\n\x9b\u202e\u2028"
    assert harmless(acting).isprintable()
    assert json.loads(f'"{harmless(acting)}"') == acting


def test_errors_notes_and_results_escape_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source, model = tmp_path / f"{TITLE}.mp4", make_model(tmp_path / "negative.onnx")
    for target, code in ((tmp_path / f"{TITLE}.mkv", 0), (tmp_path / f"{TITLE}.xyz", 1)):
        make(source, Clip(frames=3))
        monkeypatch.setattr(sys, "argv", ["mummer", "convert", str(source), str(target), "--model", str(model)])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == code
        said = capsys.readouterr()
        assert "\\u001b]0;owned\\u0007" in said.out + said.err
        assert "\x1b" not in said.out + said.err


def on_a_terminal(*words: str) -> tuple[int, str]:
    """Exit code of ``mummer`` and what it wrote to a terminal."""
    reader, writer = pty.openpty()
    with Mummer([*words], stdin=writer, stdout=writer, stderr=writer) as process:
        os.close(writer)
        pieces = []
        try:
            while piece := os.read(reader, 4096):
                pieces.append(piece)
        except OSError:  # its end, on Linux
            pass
    os.close(reader)
    return process.returncode, b"".join(pieces).decode()


@pytest.mark.parametrize("name", ["[/x]", f"[red]{TITLE}"])
def test_names_are_no_markup_for_the_progress_bar(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "[red]"
    folder.mkdir()
    source = make(folder / f"{name.replace('/', ']')}.mp4", Clip(frames=3))
    model = make_model(tmp_path / "negative.onnx")
    code, said = on_a_terminal("convert", str(source), str(tmp_path / "out.mp4"), "--model", str(model))
    assert code == 0, said
    assert TITLE not in said


def test_a_table_says_what_became_of_each_of_many_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "300")  # whole names
    (folder := tmp_path / "in").mkdir()
    make(folder / f"[red]{TITLE}.mp4", Clip(frames=3))
    (folder / "[b]broken.mp4").write_bytes(b"no video")
    (folder / "notes.txt").write_text("words")
    words = ("convert", str(folder), "--out-dir", str(tmp_path / "out"), "--model")
    model = str(make_model(tmp_path / "negative.onnx"))
    for again in (False, True):
        code, said = on_a_terminal(*words, model, *(["--resume"] if again else []))
        assert code == 1 and TITLE not in said, said
        lines = [line.rstrip() for line in re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", said).split("\r\n")]
        assert any("[b]broken.mp4: not a video" in line for line in lines), said
        assert any(line.endswith("neither videos nor pictures: notes.txt") for line in lines)
        assert any(re.fullmatch(r"\S*/\[b\]broken\.mp4 +failed", line) for line in lines), said
        if again:
            assert lines[-2] == "0 files converted, 0 faces swapped, 1 made before and unchanged, 1 failed"
            assert any(re.fullmatch(r"\S*/\[red\]\S+\.mp4 +unchanged", line) for line in lines), said
        else:
            assert lines[-2] == "1 file converted, 0 faces swapped, 1 failed"
            assert any(re.fullmatch(r"\S*/\[red\]\S+\.mp4 +3 +0 +\d+\.\d", line) for line in lines), said


def test_addresses_are_no_markup_for_the_status_line(tmp_path: Path) -> None:
    camera = str(make(tmp_path / "in.mp4", Clip(frames=25)))
    sink = "udp://[/bold]localhost:9"
    code, said = on_a_terminal("live", "--camera", camera, "--to", "null:", "--to", sink, "--duration", "3")
    assert "Traceback" not in said
    assert code in (0, 1)


@pytest.mark.parametrize(
    "words",
    [
        ("--duration", "inf"),
        ("--duration", "nan"),
        ("--duration", "1e300"),
        ("--size", "16384x16384"),
        ("--photo", "me.jpg"),
        ("--embedder", "arcface.onnx"),
        ("--consent", "me.json"),
    ],
)
def test_what_cannot_be_is_one_line(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        sys, "argv", ["mummer", "live", "--camera", "test:", "--to", "null:", "--duration", "1", *words]
    )
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert sum(words[0] in said for said in capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize("option", ["photo", "embedder", "consent"])
def test_options_of_other_models_are_an_error(
    option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source, model = make(tmp_path / "in.mp4", Clip(frames=3)), make_model(tmp_path / "negative.onnx")
    words = ["convert", str(source), str(tmp_path / "out.mp4"), "--model", str(model), f"--{option}", "file"]
    monkeypatch.setattr(sys, "argv", ["mummer", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert f"--{option} is for one-image models" in said
