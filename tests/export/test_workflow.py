"""Folders of faces to a model file, with the commands that a user types."""

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from export.cli import export
from models.cli import train
from realtime.cli.inspect import inspect
from realtime.cli.models import models
from realtime.errors import MummerError, UsageError
from realtime.swap import open_model


def call(*words: object) -> str:
    app = typer.Typer()
    for command in (train, export, inspect, models):
        app.command()(command)
    result = CliRunner().invoke(app, [str(word) for word in words])
    if isinstance(result.exception, MummerError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def faces(folder: Path, seed: int) -> Path:
    folder.mkdir()
    random = np.random.default_rng(seed)
    for index in range(3):
        picture = cv2.resize(random.integers(0, 256, (4, 4, 3), np.uint8), (64, 64))
        cv2.imwrite(str(folder / f"{index}.jpg"), picture)
    return folder


def test_from_folders_to_a_model_file(tmp_path: Path) -> None:
    a, b, run, file = (
        faces(tmp_path / "a", 0),
        faces(tmp_path / "b", 1),
        tmp_path / "run",
        tmp_path / "b.onnx",
    )
    common = ("train", "--a", a, "--b", b, "--out", run, "--size", 64, "--batch", 2, "--threads", 1)
    call(*common, "--iterations", 1)
    with pytest.raises(UsageError, match="resume"):
        call(*common, "--iterations", 2)
    call(*common, "--iterations", 2, "--resume")
    say_who = ("--identity", "Mrs B", "--kind", "public-domain", "--licence", "CC0-1.0", "--color", "mean")
    said = call("export", run, file, *say_who, "--samples", b)
    assert "Mrs B" in said

    facts = json.loads(call("inspect", file, "--json"))
    manifest = facts["manifest"]
    assert manifest["identities"] == [{"id": "mrs-b", "name": "Mrs B", "kind": "public-domain", "consent": None}]
    assert manifest["architecture"]["name"] == "lite"
    assert manifest["training"]["counts"] == [3, 3]
    assert manifest["training"]["iterations"] == 2
    assert sorted(manifest["training"]["sources"]) == ["A", "B"]
    assert (manifest["licence"], manifest["color"], manifest["size"]) == ("CC0-1.0", "mean", 64)
    assert [port["name"] for port in facts["inputs"] + facts["outputs"]] == ["face", "swapped", "mask"]
    assert "Mrs B" in call("inspect", file)
    listed = call("models", file)
    assert str(file) in listed
    assert "public-domain" in listed
    assert open_model(str(file)).size == 64

    with pytest.raises(MummerError, match="replace"):
        call("export", run, file, *say_who)
    with pytest.raises(UsageError, match="purple"):
        call("export", run, tmp_path / "c.onnx", "--identity", "Me", "--kind", "synthetic", "--color", "purple")
    with pytest.raises(MummerError, match="licence"):
        call("export", run, tmp_path / "c.onnx", "--identity", "Me", "--kind", "synthetic", "--licence", "")
    with pytest.raises(UsageError, match="size 64, not 128"):
        call(*common[:-6], "--size", 128, "--iterations", 3, "--resume")
    with pytest.raises(UsageError, match="consent"):
        call("export", run, tmp_path / "c.onnx", "--identity", "Me", "--kind", "self")
    assert not (tmp_path / "c.onnx").exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--iterations", "1"), "--pairs"),
        (("--pairs", "p", "--a", "a", "--b", "b", "--iterations", "1"), "--pairs"),
        (("--a", "a", "--b", "b"), "end"),
        (("--a", "a", "--b", "b", "--iterations", "1"), "folder"),
        (("--pairs", "p", "--iterations", "1"), r"input\.npy"),
        (("--pairs", "p", "--a", "a", "--iterations", "1"), "--pairs"),
        (("--a", "a", "--b", "b", "--iterations", "1", "--skips", "2"), "--skips"),
        (("--a", "a", "--b", "b", "--iterations", "1", "--size", "100"), "100"),
        (("--a", "a", "--b", "b", "--iterations", "1", "--arch", "huge"), "huge"),
        (("--a", "a", "--b", "b", "--iterations", "1", "--template", "ear"), "ear"),
    ],
)
def test_wrong_requests_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MummerError, match=says):
        call("train", "--out", "run", *words)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("train", "--a", "good", "--b", "cut", "--iterations", "1", "--size", "64", "--out", "run"), 1, "cut"),
        (("train", "--a", "good", "--b", "good", "--iterations", "1", "--out", "good/0.jpg"), 1, "good/0.jpg"),
        (("train", "--a", "good", "--b", "good", "--iterations", "1", "--device", "meta", "--out", "run"), 2, "meta"),
        (("export", "nowhere", "x.onnx", "--identity", "X", "--kind", "synthetic"), 1, "nowhere"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing(tmp_path: Path, words: tuple[str, ...], code: int, says: str) -> None:
    faces(tmp_path / "good", 0)
    (tmp_path / "cut").mkdir()
    (tmp_path / "cut" / "a.png").write_bytes(cv2.imencode(".png", np.zeros((64, 64, 3), np.uint8))[1].tobytes()[:60])
    before = sorted(tmp_path.rglob("*"))
    command = [sys.executable, "-m", "realtime", *words]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert done.stderr.startswith("mummer: ")
    assert says in done.stderr
    assert done.stderr.count("\n") == 1
    assert sorted(tmp_path.rglob("*")) == before
