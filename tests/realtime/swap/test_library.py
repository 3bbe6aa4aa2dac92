"""The library: names, what is kept of a file, and the commands that add, list and remove."""

import hashlib
import json
import sys
from pathlib import Path

import pytest

from realtime.cli import main
from realtime.inference import modelfile
from realtime.inference.modelfile import ModelFile
from realtime.runtime.errors import ModelError, UsageError
from realtime.swap import describe, open_model
from realtime.swap.add import add_model, remove_model
from realtime.swap.library import ModelRecord, find_model, list_models, models_folder
from tests.realtime.clips import Clip, make
from tests.realtime.foreign import make_dfm, make_swapper
from tests.realtime.swap.test_dfm import PERSON
from tests.realtime.swap.test_one_image import MATRIX
from tests.realtime.tiny import make_model


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MUMMER_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def mummer(monkeypatch: pytest.MonkeyPatch, *words: str) -> object:
    monkeypatch.setattr(sys, "argv", ["mummer", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code


def test_what_is_kept(tmp_path: Path, home: Path) -> None:
    source = make_dfm(tmp_path / "theirs.dfm")
    path = add_model(source, "ann", PERSON, template="deepfacelive", licence="hers", color="light")
    assert path == home / "models" / "ann.dfm"
    assert path.read_bytes() == source.read_bytes()
    record = ModelRecord.model_validate_json(path.with_suffix(".json").read_text())
    assert record.sha256 == hashlib.sha256(source.read_bytes()).hexdigest()
    assert (record.bytes, record.size, record.kind) == (source.stat().st_size, 224, "dfm")
    model = open_model("ann", "cpu")
    assert (model.template.name, model.manifest.licence, model.manifest.color) == ("deepfacelive", "hers", "light")
    assert model.sha256 == record.sha256
    assert sorted(each.name for each in path.parent.iterdir()) == ["ann.dfm", "ann.json"]


def test_our_own_models_need_no_record(tmp_path: Path, home: Path) -> None:
    path = add_model(make_model(tmp_path / "own.onnx"), "own", None)
    assert [each.name for each in path.parent.iterdir()] == ["own.onnx"]
    assert open_model("own", "cpu").identities[0].name == "Negative"
    with pytest.raises(UsageError, match="its own manifest; leave out --consent, --licence"):
        add_model(tmp_path / "own.onnx", "again", PERSON, licence="mine")


@pytest.mark.parametrize("name", ["", "Ann", "../ann", ".ann", "a" * 64, "a b", "a/b"])
def test_names_are_plain(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="--name"):
        add_model(make_dfm(tmp_path / "theirs.dfm"), name, PERSON)


def test_names_are_taken_once(tmp_path: Path) -> None:
    source = make_dfm(tmp_path / "theirs.dfm")
    add_model(source, "ann", PERSON)
    for name in ("ann", "bronze"):
        with pytest.raises(ModelError, match="already"):
            add_model(source, name, PERSON)
    remove_model("ann")
    add_model(source, "ann", PERSON)


@pytest.mark.parametrize("name", ["bronze", "nobody", "../home", ""])
def test_only_what_was_added_is_removed(name: str) -> None:
    with pytest.raises(ModelError, match="no model"):
        remove_model(name)


def test_lists_and_finds(tmp_path: Path) -> None:
    add_model(make_dfm(tmp_path / "theirs.dfm"), "ann", PERSON)
    add_model(make_swapper(tmp_path / "swapper.onnx", MATRIX), "swapper", None, licence="research only")
    names = [path.stem for path in list_models()]
    assert names[-2:] == ["ann", "swapper"]
    assert find_model("ann") == models_folder() / "ann.dfm"
    assert [describe(find_model(name)).size for name in ("ann", "swapper")] == [224, 128]
    with pytest.raises(ModelError, match="added: ann, swapper"):
        find_model("zoe")


def test_a_damaged_record_is_said_to_be_one(tmp_path: Path, home: Path) -> None:
    add_model(make_dfm(tmp_path / "theirs.dfm"), "ann", PERSON)
    (home / "models" / "ann.json").write_text("{")
    with pytest.raises(ModelError, match=r"ann\.json: not the record"):
        open_model("ann", "cpu")
    remove_model("ann")


def test_the_folder_is_where_the_system_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MUMMER_HOME")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert models_folder() == tmp_path / "mummer" / "models"
    monkeypatch.setenv("XDG_DATA_HOME", "relative")
    assert models_folder() == Path.home() / ".local" / "share" / "mummer" / "models"


@pytest.mark.skipif(sys.platform != "linux", reason="files in memory are Linux's")
@pytest.mark.parametrize("large", [0, 1 << 40], ids=["file in memory", "bytes"])
def test_files_of_any_size_are_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, large: int) -> None:
    """What changes on the disk after the reading does not matter."""
    monkeypatch.setattr(modelfile, "LARGE", large)
    path = make_model(tmp_path / "own.onnx")
    whole = path.read_bytes()
    with ModelFile(path) as file:
        path.write_bytes(b"changed")
        assert file.sha256() == hashlib.sha256(whole).hexdigest()
        assert [port.name for port in file.graph.inputs] == ["face"]
        with (tmp_path / "copy").open("wb") as copy:
            file.write_to(copy)
        assert type(file.onnx) is (bytes if large else str)
    assert (tmp_path / "copy").read_bytes() == whole
    path.write_bytes(whole)
    model = open_model(str(path), "cpu")
    assert model.sha256 == hashlib.sha256(whole).hexdigest()


def test_the_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    source, consent = make_dfm(tmp_path / "theirs.dfm"), tmp_path / "ann.json"
    consent.write_text(PERSON.model_dump_json())
    assert mummer(monkeypatch, "models", "add", str(source), "--name", "ann") == 1
    assert "--consent IDENTITY.json" in capsys.readouterr().err
    assert mummer(monkeypatch, "models", "add", str(source), "--name", "ann", "--identity", "Ann B.") == 2
    assert "--consent" in capsys.readouterr().err
    words = ("models", "add", str(source), "--name", "ann", "--consent", str(consent), "--identity", "Ann B.")
    assert mummer(monkeypatch, *words) == 0
    assert "puts in Ann B." in capsys.readouterr().out
    for words in (("models",), ("models", "list"), ("models", str(make_model(tmp_path / "own.onnx")))):
        assert mummer(monkeypatch, *words) == 0
        listed = capsys.readouterr().out
        assert "bronze (default)" in listed
        assert "Ann B." in listed
    assert "own.onnx" in listed
    assert mummer(monkeypatch, "inspect", "ann", "--json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["record"]["identities"][0]["name"] == "Ann B."
    assert facts["inputs"][0] == {"name": "in_face:0", "type": "tensor(float)", "shape": ["N", 224, 224, 3]}
    assert mummer(monkeypatch, "models", "remove", "ann") == 0
    (models_folder() / "broken.onnx").write_bytes(b"broken")
    capsys.readouterr()
    assert mummer(monkeypatch, "models") == 0
    said = capsys.readouterr()
    assert "bronze" in said.out
    assert "ann" not in said.out
    assert "broken.onnx: it is not an ONNX model" in said.err


def test_a_video_is_converted_with_what_was_added(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The options reach the model, and what it does not have is refused before anything is written."""
    add_model(make_dfm(tmp_path / "theirs.dfm", morph=True), "ann", PERSON)
    clip, target = make(tmp_path / "in.mp4", Clip(frames=3)), tmp_path / "out.mp4"
    words = ("convert", str(clip), str(target), "--model", "ann", "--quiet", "--force")
    assert mummer(monkeypatch, *words, "--morph", "0.5", "--identity", "ann") == 0
    target.unlink()
    for extra, code, said in (
        (("--morph", "2"), 2, "morph"),
        (("--identity", "bob"), 2, "--identity bob: the faces in it are ann"),
        (("--model", "bronze", "--morph", "1"), 2, "--morph is for models with a morph value"),
        (("--model", str(tmp_path / "theirs.dfm")), 1, "mummer models add"),
    ):
        capsys.readouterr()
        assert mummer(monkeypatch, *words, *extra) == code
        assert said in capsys.readouterr().err
        assert not target.exists()


def test_the_user_is_told_of_the_licence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source = make_swapper(tmp_path / "swapper.onnx", MATRIX)
    assert mummer(monkeypatch, "models", "add", str(source), "--name", "swapper") == 0
    said = capsys.readouterr()
    assert "non-commercial" in said.err
    assert said.err.count("\n") == 1
    assert mummer(monkeypatch, "models") == 0
    assert "whoever --photo shows" in capsys.readouterr().out
    assert mummer(monkeypatch, "inspect", "swapper") == 0
    assert "source" in capsys.readouterr().out
