"""The manifest's own rules."""

import json
from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

from realtime.align import TEMPLATES
from realtime.runtime.errors import ModelError
from realtime.swap.consent import Consent, Identity
from realtime.swap.library import ModelRecord
from realtime.swap.manifest import Manifest, Tensors, Training, parse_manifest

GOOD = Manifest(
    architecture={"name": "lite", "encoder": (1, 2), "mask": True},
    size=128,
    template="whole-face",
    identities=(
        Identity(id="a", name="A", kind="public-domain"),
        Identity(id="b", name="B", kind="synthetic"),
    ),
    licence="MIT",
    training=Training(counts=(3, 4), iterations=5, sources={"A": "0" * 64}, code_version="1"),
    weights_sha256="f" * 64,
)


def test_a_manifest_survives_its_json() -> None:
    assert parse_manifest(GOOD.model_dump_json(), "m") == GOOD


def test_a_manifest_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        GOOD.size = 64  # type: ignore[misc]


@pytest.mark.parametrize(
    ("where", "value"),
    [
        ("size", 5),
        ("identities", []),
        ("weights_sha256", "abc"),
        ("format", 2),
        ("licence", None),
        ("tensors", {"layout": "NHCW"}),
        ("identities", [{"id": "a", "name": name, "kind": "synthetic"} for name in "AB"]),
    ],
)
def test_what_does_not_fit_is_named(where: str, value: object) -> None:
    facts = json.loads(GOOD.model_dump_json()) | {where: value}
    with pytest.raises(ModelError, match=rf"model\.onnx.*{where}") as refusal:
        parse_manifest(json.dumps(facts), "model.onnx")
    assert "\n" not in str(refusal.value)


def test_the_page_on_the_model_file_names_every_field() -> None:
    page = (Path(__file__).parents[3] / "docs" / "model-file.md").read_text()
    parts: tuple[type[BaseModel], ...] = (Manifest, Tensors, Training, ModelRecord, Identity, Consent)
    missing = [name for part in parts for name in part.model_fields if f"`{name}`" not in page]
    assert not missing
    assert all(f"`{name}`" in page for name in TEMPLATES if name != "landmarks")
