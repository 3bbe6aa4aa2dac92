"""``mummer doctor``: what ran where is read off a profile, not off a promise."""

import json
import sys
from pathlib import Path

import pytest

from realtime.cli import main
from realtime.inference.providers import DEVICES
from realtime.jobs.doctor import diagnose
from realtime.swap.add import add_model
from realtime.swap.library import models_folder
from tests.realtime.foreign import make_dfm
from tests.realtime.swap.test_dfm import PERSON


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUMMER_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


def test_every_network_is_run_and_its_nodes_are_counted(tmp_path: Path) -> None:
    add_model(make_dfm(tmp_path / "theirs.dfm", morph=True), "ann", PERSON)
    (models_folder() / "broken.onnx").write_bytes(b"broken")
    found = diagnose("cpu")
    models = {model.name: model for model in found.models}
    assert list(models) == ["detector", "landmarks", "bronze", "ann", "broken"]
    for name in ("detector", "landmarks", "bronze", "ann"):
        model = models[name]
        assert model.problem is None
        assert set(model.nodes) == {"CPUExecutionProvider"}
        assert model.nodes["CPUExecutionProvider"] > 3
        assert sum(model.share.values()) == pytest.approx(1, abs=1e-3)
        assert model.ms and model.ms > 0
    assert "not an ONNX model" in str(models["broken"].problem)
    assert [device.name for device in found.devices] == list(DEVICES)
    assert {device.name: device.why_not for device in found.devices}["cpu"] is None
    assert all(device.works == (device.why_not is None) for device in found.devices)
    assert found.spinning.asleep_ms > 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "theirs.dfm"]


def test_the_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["--json"], []):
        monkeypatch.setattr(sys, "argv", ["mummer", "doctor", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 0
        said = capsys.readouterr().out
        if words:
            assert json.loads(said)["models"][0]["nodes"]
        else:
            assert "CPUExecutionProvider" in said
            assert "not used: " in said or all(name in said for name in DEVICES)


def test_opencv_installed_twice_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two packages that both say that the folder ``cv2`` is theirs, as pip records it."""
    for name in ("opencv_python", "opencv_python_headless"):
        about = tmp_path / f"{name}-5.0.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name.replace('_', '-')}\nVersion: 5.0\n")
        (about / "RECORD").write_text("cv2/__init__.py,,\n")
        (about / "top_level.txt").write_text("cv2\n")
    monkeypatch.syspath_prepend(tmp_path)
    check = diagnose("cpu").opencv
    assert check.packages == ["opencv-python", "opencv-python-headless"]
    assert "opencv-python and opencv-python-headless are installed into one folder" in str(check.problem())
    assert "--force-reinstall --no-deps opencv-python-headless" in str(check.problem())
    assert check.model_copy(update={"packages": ["opencv-python-headless"]}).problem() is None
