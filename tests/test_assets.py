"""What is shipped: small enough, loadable, and free of traces of the machine it was made on."""

import re
from pathlib import Path

import pytest

from realtime.swap import open_model
from realtime.swap.library import ASSETS, find_model

FILES = sorted(ASSETS.glob("*.onnx"))
BASE = Path(__file__).parents[1] / "models" / "assets" / "base" / "checkpoint.safetensors"


def test_the_face_finder_is_small() -> None:
    nets = ("detector", "landmarks", "mesh", "eyes", "faceness")
    assert sum((ASSETS / f"{name}.onnx").stat().st_size for name in nets) <= 6_000_000


def test_the_built_in_model_is_small_and_depicts_nobody() -> None:
    path = find_model("bronze")
    assert path.stat().st_size <= 16_000_000
    model = open_model(str(path), "cpu")
    assert model.size >= 128
    assert [identity.kind for identity in model.manifest.identities] == ["synthetic"]
    assert model.manifest.licence == "MIT"
    assert model.manifest.training.sources


def test_what_training_begins_with_is_small_and_has_a_card() -> None:
    assert BASE.stat().st_size <= 16_000_000
    assert "`base`" in (BASE.parents[1] / "README.md").read_text()


@pytest.mark.parametrize("path", [*FILES, BASE], ids=lambda path: path.name)
def test_no_path_of_a_machine_is_left_in_a_file(path: Path) -> None:
    found = re.findall(rb"/(?:home|root|work|Users|tmp|usr)/[\w./-]+", path.read_bytes())
    assert not found, found[:3]


def test_there_are_cards_for_all_files() -> None:
    cards = (ASSETS / "README.md").read_text()
    assert FILES
    assert all(path.name in cards for path in FILES)
