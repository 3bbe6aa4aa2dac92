"""Torch to a model file, and back through the running side."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import Tensor, nn

from export.onnx import check_graph, export_model, weights_sha256
from export.record import Card, make_card, slug
from export.samples import sample_faces
from models.architectures import Config, LiteConfig, Network, OriginalConfig
from models.checkpoint import Checkpoint
from realtime.errors import ModelError, OutputError, UsageError
from realtime.manifest import Identity
from realtime.swap import SwapModel

CARD = Card(Identity(id="nobody", name="Nobody", kind="synthetic"), "MIT", counts=(4, 5), iterations=7)
TINY = {
    "size": 128,
    "encoder": (16, 16, 16, 16),
    "decoder": (16, 16, 16, 16),
    "neck": 16,
    "code": 16,
    "residuals": (0, 1, 0, 0),
}


def shaken(config: Config, noise: float = 0.05) -> Network:
    """A network whose answers go through the whole range and beyond, so that clipping and rounding show."""
    torch.manual_seed(0)
    network = config.build()
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            parameter.add_(torch.randn_like(parameter) * noise)
            if ".out." in name:
                parameter.mul_(50)  # a sigmoid follows
    return network.eval()


@pytest.mark.parametrize(
    ("config", "side", "noise"),
    [
        (LiteConfig(**TINY, sides=1, skips=3), 0, 0.05),
        (LiteConfig(**TINY, sides=3), 2, 0.05),
        (OriginalConfig(), 1, 0.003),
    ],
    ids=["lite paired", "lite three sides", "original"],
)
def test_the_file_answers_as_torch_does(tmp_path: Path, config: Config, side: int, noise: float) -> None:
    network, path = shaken(config, noise), tmp_path / "model.onnx"
    faces = sample_faces(config.size)[2:6]
    written = export_model(network, config, side, CARD, faces, path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.onnx"]

    model = SwapModel.load(path, "cpu")
    assert model.manifest == written
    assert model.size == config.size
    assert model.template.name == "whole-face"
    assert written.training.counts == (4, 5)
    swapped, mask = model.swap(faces)
    assert swapped.shape == faces.shape
    assert mask.shape == faces.shape[:3]
    assert swapped.dtype == mask.dtype == np.uint8

    with torch.inference_mode():
        answer = network(torch.from_numpy(faces).permute(0, 3, 1, 2) / 255, side).clamp(0, 1) * 255
    expected = answer.permute(0, 2, 3, 1).numpy()
    assert np.abs(np.concatenate([swapped, mask[..., None]], -1) - expected).max() <= 0.51
    assert np.ptp(expected) > 20

    alone = [model.swap(face[None]) for face in faces]
    levels = np.abs(np.concatenate([a for a, _ in alone]).astype(int) - swapped).max()
    assert levels <= 1


def test_the_file_can_be_checked_against_its_manifest(tmp_path: Path) -> None:
    config = LiteConfig(**TINY)
    manifest = export_model(shaken(config), config, 0, CARD, sample_faces(config.size), tmp_path / "model.onnx")
    data = (tmp_path / "model.onnx").read_bytes()
    assert str(Path(__file__).parents[2]).encode() not in data  # nothing of the machine that wrote it
    model = onnx.load_from_string(data)
    assert weights_sha256(model) == manifest.weights_sha256
    tensor = next(tensor for tensor in model.graph.initializer if tensor.data_type == onnx.TensorProto.FLOAT)
    changed = onnx.numpy_helper.to_array(tensor) + 1e-3
    tensor.CopyFrom(onnx.numpy_helper.from_array(changed.astype(np.float32), tensor.name))
    assert weights_sha256(model) != manifest.weights_sha256


class Drifting(Network):
    """Answers a little more when it is exported, so torch and the exported graph cannot agree."""

    def __init__(self, drift: float) -> None:
        super().__init__()
        self.decoders = nn.ModuleList([nn.Conv2d(3, 4, 1)])
        self.drift = drift

    def encode(self, face: Tensor) -> tuple[Tensor, ...]:
        return (face,)

    def decode(self, code: tuple[Tensor, ...], side: int) -> Tensor:
        answer: Tensor = self.decoders[side](code[0]) * 0.1 + 0.5
        return answer + self.drift if torch.compiler.is_compiling() else answer


class Gossiping(Drifting):
    """Lets one face of a batch shine through in the others."""

    def decode(self, code: tuple[Tensor, ...], side: int) -> Tensor:
        return super().decode((code[0] + code[0].mean(0, keepdim=True),), side)


@pytest.mark.parametrize(
    ("network", "says"),
    [(Drifting(0.01), "differ"), (Drifting(float("nan")), "differ"), (Gossiping(0.0), "batch")],
)
def test_what_does_not_pass_is_not_written(tmp_path: Path, network: Network, says: str) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"an older file")
    with pytest.raises(ModelError, match=says):
        export_model(network, LiteConfig(size=64), 0, CARD, sample_faces(64), path)
    assert path.read_bytes() == b"an older file"
    assert len(list(tmp_path.iterdir())) == 1


def test_foreign_operators_are_refused() -> None:
    value = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Gelu", ["x"], ["y"], domain="com.microsoft")],
        "g",
        [value("x", onnx.TensorProto.FLOAT, [1])],
        [value("y", onnx.TensorProto.FLOAT, [1])],
    )
    opsets = [onnx.helper.make_opsetid("", 18), onnx.helper.make_opsetid("com.microsoft", 1)]
    with pytest.raises(ModelError, match=r"com\.microsoft"):
        check_graph(onnx.helper.make_model(graph, opset_imports=opsets))


def test_an_unwritable_place_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    config = LiteConfig(**TINY)
    with pytest.raises(OutputError, match=r"model\.onnx"):
        export_model(config.build(), config, 0, CARD, sample_faces(config.size), tmp_path / "file" / "model.onnx")


def test_cards_carry_what_the_run_knows_and_ask_for_consent() -> None:
    facts: dict[str, object] = {"template": "mean-face", "counts": [3, 4], "sources": {"A": "0" * 64}}
    run = Checkpoint(LiteConfig(), 12, 3.0, {}, facts)
    card = make_card(run, "The Ünknown Soldier", "synthetic", "MIT", "none")
    assert (card.template, card.counts, card.iterations) == ("mean-face", (3, 4), 12)
    assert card.identity.id == slug("The Ünknown Soldier") == "the-nknown-soldier"
    with pytest.raises(UsageError, match="consent"):
        make_card(run, "Me", "self", "MIT", "none")
    agreed = make_card(run, "Me", "self", "MIT", "none", "Me", "2026-01-31", "my own face")
    assert agreed.identity.consent is not None
    with pytest.raises(UsageError, match="kind"):
        make_card(run, "Me", "somebody", "MIT", "none")
