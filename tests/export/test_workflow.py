"""Folders of faces to a model file, and on to a picture, with the commands that a user types."""

import datetime
import itertools
import json
import sys
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import torch
import typer
from typer.testing import CliRunner

from export.cli import export
from models.checkpoint import load_network, read_checkpoint
from models.cli import train
from realtime.cli import main
from realtime.cli.inspect import inspect
from realtime.composite.color import open_color
from realtime.composite.mask import open_blend
from realtime.finder import BuiltinFinder
from realtime.media.frame import Frame
from realtime.runtime.arrays import Bytes
from realtime.runtime.errors import ConsentError, MummerError, UsageError
from realtime.runtime.stages import Stages
from realtime.swap import SwapModel, open_model
from realtime.swap.consent import Identity
from realtime.swapper import FrameSwapper
from tests.export.networks import PEOPLE, narrow_original, small, write_run
from tests.realtime.clips import talk
from tests.realtime.tiny import CONSENT


def app() -> typer.Typer:
    commands = typer.Typer()
    for command in (train, export, inspect):
        commands.command()(command)
    return commands


def call(*words: object) -> str:
    result = CliRunner().invoke(app(), [str(word) for word in words])
    if isinstance(result.exception, MummerError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def write_identity(path: Path, name: str, **changes: object) -> Path:
    consent = CONSENT.model_copy(update=changes)
    path.write_text(Identity(id=name.lower(), name=name, kind="synthetic", consent=consent).model_dump_json())
    return path


def faces(folder: Path, seed: int, name: str | None = None) -> Path:
    folder.mkdir()
    random = np.random.default_rng(seed)
    for index in range(12):
        picture = cv2.resize(random.integers(0, 256, (4, 4, 3), np.uint8), (64, 64))
        cv2.imwrite(str(folder / f"{index}.jpg"), picture)
    if name is not None:
        write_identity(folder / "identity.json", name)
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that made a few steps; B is Bob's face, and nobody said whose A is."""
    place = tmp_path_factory.mktemp("run")
    a, b = faces(place / "a", 0), faces(place / "b", 1, "Bob")
    call("train", "--a", a, "--b", b, "--out", place / "run", "--size", 64, "--batch", 2, "--threads", 1,
         "--iterations", 20)  # fmt: skip
    return place / "run"


def test_from_folders_to_a_model_file(run: Path, tmp_path: Path) -> None:
    file = tmp_path / "b.onnx"
    said = call("export", run, file, "--licence", "CC0-1.0", "--color", "mean", "--samples", run.parent / "b")
    assert "Bob" in said

    facts = json.loads(call("inspect", file, "--json"))
    manifest = facts["manifest"]
    (bob,) = manifest["identities"]
    assert (bob["id"], bob["name"], bob["consent"]["by"]) == ("bob", "Bob", CONSENT.by)
    assert manifest["architecture"]["name"] == "lite"
    assert manifest["training"]["counts"] == [12, 12]
    assert manifest["training"]["iterations"] == 20
    assert sorted(manifest["training"]["sources"]) == ["A", "B", "base"]
    assert (manifest["licence"], manifest["color"], manifest["size"]) == ("CC0-1.0", "mean", 64)
    assert open_model(str(file)).size == 64

    with pytest.raises(MummerError, match="replace"):
        call("export", run, file)


def test_smaller_files_say_what_they_cost(run: Path, tmp_path: Path) -> None:
    said = call("export", run, tmp_path / "b.onnx", "--int8", "--calibrate", run.parent / "b", "--direction", "a2b")
    assert "dB against torch" in said
    assert "times as fast" in said
    assert open_model(str(tmp_path / "b.onnx")).manifest.precision == "int8"


def test_several_sides_in_one_dfm_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    narrow_original(monkeypatch)
    folder = write_run(tmp_path / "run", small("original", sides=3), list(PEOPLE))
    call("export", folder, tmp_path / "m.dfm", "--side", "b", "--side", "C", "--size", "48")
    assert sorted(path.name for path in tmp_path.glob("*.dfm")) == ["m.b.dfm", "m.c.dfm"]
    model = open_model(str(tmp_path / "m.c.dfm"))
    assert (model.identity, model.size) == ("cyd", 48)


class Torch:
    """A model whose faces torch makes."""

    def __init__(self, model: SwapModel, run: Path, side: int) -> None:
        self._model, self._side = model, side
        self._network = load_network(read_checkpoint(run))

    def __getattr__(self, name: str) -> object:
        return getattr(self._model, name)

    def swap(self, crops: Bytes) -> tuple[Bytes, Bytes]:
        with torch.inference_mode():
            answer = self._network(torch.from_numpy(crops).permute(0, 3, 1, 2) / 255, self._side)
        levels = (answer.clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
        return np.ascontiguousarray(levels[..., :3]), np.ascontiguousarray(levels[..., 3])


def processed(model: SwapModel, clip: Path) -> list[Bytes]:
    """The first frames of ``clip`` with the model's face in them."""
    swapper = FrameSwapper(
        finder=BuiltinFinder("cpu"), model=model, color=open_color("none"), sharpness=0.0, blend=open_blend("normal"),
        label=None, watermark=None, faces="all", stages=Stages(),
    )  # fmt: skip
    pictures = []
    with av.open(str(clip)) as container:
        for picture in itertools.islice(container.decode(video=0), 3):
            frame = Frame(picture)
            assert len(swapper.process(frame)) == 1
            pictures.append(frame.picture.to_ndarray())
    return pictures


def test_round_trip(run: Path, tmp_path: Path) -> None:
    """Train, export a ``.dfm``, convert: the same pixels as with torch, within two grey levels."""
    call("export", run, tmp_path / "b.dfm")
    talk(tmp_path / "clip.mp4", (320, 180), 0.2, 30)
    model = open_model(str(tmp_path / "b.dfm"), "cpu")
    ours = processed(model, tmp_path / "clip.mp4")
    theirs = processed(Torch(model, run, 1), tmp_path / "clip.mp4")
    with av.open(str(tmp_path / "clip.mp4")) as container:
        untouched = next(container.decode(video=0)).to_ndarray()
    assert np.abs(ours[0].astype(int) - untouched).max() > 10  # a face went in
    for one, other in zip(ours, theirs, strict=True):
        assert np.abs(one.astype(int) - other).max() <= 2


def test_consent_is_asked_for(run: Path, tmp_path: Path) -> None:
    with pytest.raises(ConsentError, match=r"face side a is.*mummer consent new.*--consent"):
        call("export", run, tmp_path / "x.onnx", "--side", "a")
    today = datetime.date.today()
    old = write_identity(tmp_path / "old.json", "Ada", expires=today - datetime.timedelta(days=1))
    with pytest.raises(ConsentError, match=r"old\.json.*expired"):
        call("export", run, tmp_path / "x.onnx", "--side", "a", "--consent", old)
    good = write_identity(tmp_path / "ada.json", "Ada")
    assert "Ada" in call("export", run, tmp_path / "x.onnx", "--side", "a", "--consent", good)
    with pytest.raises(UsageError, match="once for each"):
        call("export", run, tmp_path / "y.onnx", "--side", "all", "--consent", good)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ada.json", "old.json", "x.onnx"]


def test_a_record_of_somebody_else_does_not_replace_the_runs(run: Path, tmp_path: Path) -> None:
    eve = write_identity(tmp_path / "eve.json", "Eve")
    with pytest.raises(ConsentError, match=r"eve\.json: of 'Eve' .*side b of .*trained on 'Bob'"):
        call("export", run, tmp_path / "x.onnx", "--consent", eve)


def test_a_run_goes_on_with_the_same_people_and_remembers_all_sources(tmp_path: Path) -> None:
    a, bob, eve = faces(tmp_path / "a", 0), faces(tmp_path / "b", 1, "Bob"), faces(tmp_path / "e", 2, "Eve")
    nameless = faces(tmp_path / "n", 4)
    run = tmp_path / "run"
    common = ("--out", run, "--size", 64, "--batch", 2, "--threads", 1)
    call("train", "--a", a, "--b", bob, "--iterations", 2, *common)
    begun = read_checkpoint(run).facts
    for other, says in ((eve, "'Eve' \\(eve\\)"), (nameless, "nobody has named")):
        with pytest.raises(UsageError, match=rf"side B was trained on 'Bob' \(bob\), not on .*{says}") as refused:
            call("train", "--b", other, "--iterations", 4, "--resume", *common)
        assert "\n" not in str(refused.value)
    assert read_checkpoint(run).facts == begun

    more = faces(tmp_path / "more", 3, "Bob")  # other pictures of the same person
    call("train", "--b", more, "--iterations", 4, "--resume", *common)
    after = read_checkpoint(run).facts
    assert after["identities"] == begun["identities"]
    assert after["sources"]["B until iteration 2"] == begun["sources"]["B"]  # type: ignore[index]
    assert after["sources"]["B"] != begun["sources"]["B"]  # type: ignore[index]
    # Side A was not named; the same pictures may get a name later, others of somebody may not.
    write_identity(a / "identity.json", "Ada")
    call("train", "--iterations", 5, "--resume", *common)
    assert [who["id"] for who in read_checkpoint(run).facts["identities"]] == ["ada", "bob"]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("x.onnx", "--side", "d"), "it has a, b"),
        (("x.onnx", "--side", "b", "--side", "1"), "twice"),
        (("x.onnx", "--direction", "ab"), "a2b"),
        (("x.onnx", "--direction", "b2b"), "for itself"),
        (("x.onnx", "--direction", "c2b"), "no side 'c'"),
        (("x.onnx", "--direction", "a2b", "--side", "b"), "either"),
        (("x.pt",), r"\.onnx or \.dfm"),
        ((), "which model file"),
        (("x.onnx", "--int8"), "--calibrate"),
        (("x.onnx", "--int8", "--calibrate", "nowhere"), "nowhere"),
        (("x.onnx", "--calibrate", "nowhere"), "--int8"),
        (("x.onnx", "--int8", "--fp16", "--calibrate", "nowhere"), "either"),
        (("x.onnx", "--samples", "nowhere"), "nowhere"),
        (("x.onnx", "--color", "purple"), "purple"),
        (("x.onnx", "--quality", "40"), "--quality"),
        (("x.onnx", "--licence", ""), "licence"),
    ],
)
def test_wrong_exports_are_refused(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MummerError, match=says) as caught:
        call("export", run, *words)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


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
def test_wrong_trainings_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MummerError, match=says):
        call("train", "--out", "run", *words)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--a", "good", "--b", "cut", "--size", "64", "--out", "run"), "cut"),
        (("--a", "good", "--b", "good", "--out", "good/0.jpg"), "good/0.jpg"),
        (("--a", "good", "--b", "good", "--device", "meta", "--out", "run"), "meta"),
    ],
)
def test_a_training_that_cannot_be_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    faces(tmp_path / "good", 0)
    (tmp_path / "cut").mkdir()
    (tmp_path / "cut" / "a.png").write_bytes(cv2.imencode(".png", np.zeros((64, 64, 3), np.uint8))[1].tobytes()[:60])
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(MummerError, match=says):
        call("train", "--iterations", "1", *words)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_mistake_is_one_line_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["mummer", "export", "nowhere", "x.onnx"])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr()
    assert said.err.startswith("mummer: nowhere: no checkpoint there")
    assert said.err.count("\n") == 1
    assert (ended.value.code, said.out) == (1, "")
    assert not list(tmp_path.iterdir())
