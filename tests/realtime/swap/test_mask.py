"""Masks as models: those that come with the program, and those that a user adds."""

import sys
from pathlib import Path

import numpy as np
import pytest

from realtime.cli import main
from realtime.jobs.convert import Job, convert
from realtime.masks.materials import MATERIALS
from realtime.runtime.errors import MummerError, UsageError
from realtime.settings import Look, ModelOptions
from realtime.swap import describe, open_model
from realtime.swap.add import add_model
from realtime.swap.add_mask import add_mask
from realtime.swap.drawing import pack_drawing, read_drawing
from realtime.swap.library import ASSETS, list_models
from realtime.swap.mask import PICTURE, pack_material
from tests.realtime.clips import talk
from tests.realtime.masks.test_picture import clown, write
from tests.realtime.swap.test_dfm import PERSON


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MUMMER_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def mummer(monkeypatch: pytest.MonkeyPatch, *words: object) -> object:
    monkeypatch.setattr(sys, "argv", ["mummer", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code


@pytest.mark.parametrize("name", MATERIALS)
def test_what_is_shipped_is_what_code_draws(name: str) -> None:
    path = ASSETS / f"{name}.drawn"
    assert path.read_bytes() == pack_material(name), "run `python -m models.recipes.masks`"
    assert path in list_models()
    (identity,) = describe(path).identities
    assert identity.kind == "synthetic" and identity.consent is not None


def test_a_mask_is_added_listed_worn_and_removed(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    painted = write(tmp_path / "clown.png", clown())
    assert mummer(monkeypatch, "models", "add", painted, "--name", "clown", "--licence", "mine") == 0
    assert [each.name for each in (home / "models").iterdir()] == ["clown.drawn"]
    model = open_model("clown", "cpu")
    assert model.identities[0].kind == "synthetic" and model.manifest.licence == "mine"
    assert "says that it shows no real person" in str(model.identities[0].consent)
    clip, out = tmp_path / "clip.mp4", tmp_path / "out.mp4"
    talk(clip, (320, 240), 10 / 25, 25)
    report = convert(Job(clip, out, Look(model="clown", device="cpu")))
    assert report.frames_swapped == report.frames_out == 10
    assert report.model.name == "clown"
    capsys.readouterr()
    assert mummer(monkeypatch, "inspect", "clown") == 0
    assert "kind: drawn" in capsys.readouterr().out
    assert mummer(monkeypatch, "models", "remove", "clown") == 0
    assert not list((home / "models").iterdir())


def test_what_shows_somebody_is_a_photograph(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An opaque picture is a photograph, of whom only a consent record can say: it becomes no mask by accident."""
    opaque = write(tmp_path / "ann.png", clown(), "RGB")
    assert mummer(monkeypatch, "models", "add", opaque, "--name", "ann") == 1
    assert "--consent" in capsys.readouterr().err
    oblong = write(tmp_path / "wide.png", np.ascontiguousarray(clown()[:200]))
    assert mummer(monkeypatch, "models", "add", oblong, "--name", "wide") == 1
    assert "a mask is square" in capsys.readouterr().err
    assert not (tmp_path / "home" / "models").exists()


def test_what_was_added_can_be_added_again(tmp_path: Path, home: Path) -> None:
    first = add_mask(write(tmp_path / "clown.png", clown()), "clown")
    again = add_model(first, "other", None)
    assert again.read_bytes() == first.read_bytes()
    with pytest.raises(UsageError, match="its own manifest"):
        add_model(first, "third", PERSON)


@pytest.mark.parametrize(
    ("options", "words"),
    [({"shape": 0.5}, "--shape is for photographs"), ({"photo": "bob.jpg"}, "--photo"), ({"identity": "bob"}, "gold")],
)
def test_options_of_other_models_are_refused(options: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        open_model("gold", "cpu", ModelOptions.model_validate(options))


def damage_none(data: bytes) -> bytes:
    return b""


def damage_half(data: bytes) -> bytes:
    return data[: len(data) // 2]


def damage_bomb(data: bytes) -> bytes:
    """A header that promises 100,000 x 100,000 pixels."""
    side = (100_000).to_bytes(4)
    return data[:16] + side + side + data[24:]


@pytest.mark.parametrize("damage", [damage_none, damage_half, damage_bomb])
def test_a_hostile_file_is_one_line(tmp_path: Path, damage: object) -> None:
    good = add_mask(write(tmp_path / "clown.png", clown()), "clown")
    drawing = read_drawing(good, good.read_bytes())
    spoilt = damage(drawing.parts[PICTURE])  # type: ignore[operator]
    bad = tmp_path / "bad.drawn"
    bad.write_bytes(pack_drawing(drawing.manifest, {PICTURE: spoilt}))
    with pytest.raises(MummerError) as caught:
        open_model(str(bad), "cpu")
    assert str(caught.value).startswith(str(bad)) and "\n" not in str(caught.value)
    unknown = drawing.manifest.model_copy(update={"architecture": {"name": "mask", "material": "cheese"}})
    bad.write_bytes(pack_drawing(unknown, {}))
    with pytest.raises(MummerError, match=r"'cheese'; this version knows gold, marble"):
        open_model(str(bad), "cpu")


def test_the_template_is_written_and_not_over_another_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "template.png"
    assert mummer(monkeypatch, "mask", "template", out, "--size", 512) == 0
    assert out.stat().st_size > 10_000
    before = out.read_bytes()
    capsys.readouterr()
    for words, code in (((out,), 1), ((tmp_path / "x.jpg",), 1), ((tmp_path / "y.png", "--size", 9), 2)):
        assert mummer(monkeypatch, "mask", "template", *words) == code
        assert capsys.readouterr().err.count("\n") == 1
    assert out.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["template.png"]


def test_half_a_mask_is_half_seen() -> None:
    grey = np.full((1, 384, 384, 3), 128, np.uint8)
    whole, half = (open_model("neon", "cpu", ModelOptions(morph=share)).swap(grey)[1].max() for share in (1.0, 0.5))
    assert (whole, half) == (255, 128)


def test_a_drawn_model_is_opened_once_for_a_video(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    talk(tmp_path / "clip.mp4", (320, 240), 6 / 25, 25)
    opened: list[str] = []

    def counted(name: str, *rest: object) -> object:
        opened.append(name)
        return open_model(name, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr("realtime.swapper.open_model", counted)
    report = convert(Job(tmp_path / "clip.mp4", tmp_path / "out.mp4", Look(model="gold", device="cpu")))
    assert opened == ["gold"] and report.frames_swapped == 6
    assert not any("in one piece" in words for words in report.warnings)
