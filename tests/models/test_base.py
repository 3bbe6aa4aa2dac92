"""What runs begin with: the shipped network, at every size, for every side, and only where it fits."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.architectures import Config, DfConfig, LiteConfig
from models.base import BASE, base_digest, base_weights
from models.batches import to_floats
from models.checkpoint import FILE, read_checkpoint
from models.recipes.base import SIZE, TEMPLATE, aligned, likeness, neighbours, write_base
from models.recipes.face_finder.data import AnnotatedFaces
from realtime.demo.portrait import LANDMARKS, load_portrait
from realtime.runtime.errors import InputError
from tests.models.command import call
from tests.models.test_settings import faceset


@pytest.fixture(scope="module")
def annotated() -> AnnotatedFaces:
    """The portrait as it is and in other light."""
    portrait = load_portrait()
    lights = [np.clip(portrait * share, 0, 255).astype(np.uint8) for share in (1.0, 0.8, 1.2)]
    return AnnotatedFaces(lights, np.repeat(LANDMARKS[None], 3, 0), np.zeros(3, np.bool_))


def answer(config: Config, face: NDArray[np.uint8], side: int = 0) -> Tensor:
    """What a network that begins with the base makes of one face of any size: float (3, size, size)."""
    weights = base_weights(config, TEMPLATE)
    assert weights is not None
    network = config.build()
    network.load_state_dict(weights)  # strict: none is missing
    small = cv2.resize(face, (config.size, config.size), interpolation=cv2.INTER_AREA)
    with torch.inference_mode():
        return network.eval()(to_floats(small[None]), side)[0, :3]  # type: ignore[no-any-return]


def test_it_knows_what_a_face_looks_like(annotated: AnnotatedFaces) -> None:
    faces = aligned(annotated, np.arange(3))
    config = LiteConfig(size=SIZE, sides=1)
    network, fresh = config.build(), config.build()
    network.load_state_dict(base_weights(config, TEMPLATE) or {})
    assert likeness(network.eval(), faces) > likeness(fresh.eval(), faces) + 0.3


@pytest.mark.parametrize("size", [64, 192, 256])
def test_it_is_the_same_network_at_every_size(annotated: AnnotatedFaces, size: int) -> None:
    face = aligned(annotated, np.arange(1)).faces[0]
    here, there = answer(LiteConfig(size=SIZE, sides=1), face), answer(LiteConfig(size=size, sides=2), face, side=1)
    shrunk = [
        cv2.resize(each.permute(1, 2, 0).numpy(), (64, 64), interpolation=cv2.INTER_AREA) for each in (here, there)
    ]
    assert np.abs(shrunk[0] - shrunk[1]).mean() < 0.03


@pytest.mark.parametrize(
    ("config", "template"),
    [
        (DfConfig(size=128), TEMPLATE),
        (LiteConfig(size=128, code=128), TEMPLATE),
        (LiteConfig(size=128, skips=2), TEMPLATE),
        (LiteConfig(size=128), "mean-face"),
    ],
)
def test_what_it_does_not_fit_begins_afresh(config: Config, template: str) -> None:
    assert base_weights(config, template) is None


def test_a_run_begins_with_it_unless_it_is_told_not_to(tmp_path: Path) -> None:
    a, b = faceset(tmp_path / "a"), faceset(tmp_path / "b", 4)
    common = ("--a", a, "--b", b, "--size", 64, "--batch", 2, "--iterations", 1, "--threads", 1, "--rate", 1e-9)
    call(*common, "--out", tmp_path / "run")
    call(*common, "--out", tmp_path / "fresh", "--base", "none")
    known, fresh = read_checkpoint(tmp_path / "run"), read_checkpoint(tmp_path / "fresh")
    wanted = base_weights(known.config, TEMPLATE)
    assert wanted is not None
    assert torch.allclose(known.part("weights")["squeeze.weight"], wanted["squeeze.weight"], atol=1e-6)
    assert not torch.allclose(fresh.part("weights")["squeeze.weight"], wanted["squeeze.weight"], atol=1e-6)
    assert known.facts["sources"]["base"] == base_digest()  # type: ignore[index]
    assert "base" not in fresh.facts["sources"]  # type: ignore[operator]
    call("--out", tmp_path / "run", "--resume", "--iterations", 2)
    assert read_checkpoint(tmp_path / "run").facts["sources"] == known.facts["sources"]


def test_what_is_written_is_what_runs_begin_with(annotated: AnnotatedFaces, tmp_path: Path) -> None:
    known = read_checkpoint(BASE)
    write_base(known, tmp_path / "base")
    assert base_digest(tmp_path / "base") == base_digest()
    config = LiteConfig(size=SIZE, sides=1)
    network = config.build()
    network.load_state_dict(base_weights(config, TEMPLATE, tmp_path / "base") or {})
    columns, drawn, own = neighbours(network.eval(), aligned(annotated, np.arange(3)))
    assert {each.shape for each in columns} == {(12, 3, SIZE, SIZE)}
    assert -1 <= drawn <= 1 and own > 0.5


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"no tensors")
    with pytest.raises(InputError, match=FILE):
        base_weights(LiteConfig(), TEMPLATE, tmp_path)
