"""Packages of other people with the names of ours, really imported by a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from realtime.runtime.packages import OURS, ROOT, imported_instead
from tests.realtime.forked import run


def mummer(folder: Path, *words: str, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    """``python -m realtime`` in ``folder``, which is searched first; or in ``path``, as if installed there."""
    searched = [str(each) for each in (path, ROOT) if each is not None]
    env = os.environ | {"PYTHONPATH": os.pathsep.join(searched)}
    return subprocess.run(
        [sys.executable, "-m", "realtime", *words], cwd=folder, env=env, capture_output=True, text=True, timeout=120
    )


def package(folder: Path, name: str, **files: str) -> Path:
    (folder / name).mkdir(parents=True)
    for file, text in {"__init__": "", **files}.items():
        (folder / name / f"{file}.py").write_text(text)
    return folder / name / "__init__.py"


def test_ours_are_ours() -> None:
    assert [imported_instead(name) for name in OURS] == [None, None]


@pytest.mark.parametrize(("command", "name"), [("train", "models"), ("extract", "models"), ("export", "export")])
def test_a_folder_of_that_name_in_the_working_directory_is_named(tmp_path: Path, command: str, name: str) -> None:
    file = package(tmp_path, name)
    done = mummer(tmp_path, command, "--help")
    assert done.returncode == 2
    assert done.stderr.startswith(f"mummer: `mummer {command}` needs this program's own package '{name}', but Python")
    assert str(file) in done.stderr
    assert "rename it" in done.stderr
    assert "not installed" not in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_package_of_that_name_in_the_environment_is_named(tmp_path: Path) -> None:
    file = package(tmp_path / "site", "models")
    work = tmp_path / "work"
    work.mkdir()
    assert str(file) in mummer(work, "train", "--help", path=tmp_path / "site").stderr


def test_what_export_needs_of_models_is_named_too(tmp_path: Path) -> None:
    file = package(tmp_path, "models")
    done = mummer(tmp_path, "export", "run", "out.onnx")
    assert done.returncode == 2
    assert str(file) in done.stderr


def test_nothing_of_the_stranger_is_run(tmp_path: Path) -> None:
    package(tmp_path, "models", cli="def train():\n    open('ran', 'w').close()\n")
    (tmp_path / "models" / "__init__.py").write_text("open('imported', 'w').close()\n")
    assert mummer(tmp_path, "train").returncode == 2
    assert not {"ran", "imported"} & {path.name for path in tmp_path.iterdir()}


def test_a_folder_without_python_in_it_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    done = mummer(tmp_path, "train", "--help")
    assert done.returncode == 0
    assert "--iterations" in done.stdout or "--out" in done.stdout


def test_a_detector_says_it_too(tmp_path: Path) -> None:
    file = package(tmp_path, "models")
    (tmp_path / "in.png").write_bytes(b"")
    done = mummer(tmp_path, "faces", "in.png", "--detector", "sfd")
    assert done.returncode == 1
    assert done.stderr.startswith("mummer: the detector 'sfd' needs this program's own package 'models', but")
    assert str(file) in done.stderr


def test_the_doctor_notices(tmp_path: Path) -> None:
    file = package(tmp_path, "models")
    done = mummer(tmp_path, "doctor", "--device", "cpu")
    assert done.returncode == 0
    assert done.stdout.splitlines()[0].startswith(f"package 'models': another one is imported in place of ours: {file}")
    found = json.loads(mummer(tmp_path, "doctor", "--json", "--device", "cpu").stdout)
    assert found["packages"] == [{"name": "models", "instead": str(file)}, {"name": "export", "instead": None}]
    well = json.loads(run(["doctor", "--json", "--device", "cpu"], cwd=tmp_path.parent).stdout)
    assert {package["instead"] for package in well["packages"]} == {None}
