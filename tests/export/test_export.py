"""Torch to a model file, and back through the running side."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import Tensor, nn

from export.checks import check_graph
from export.model import ExportRequest, export_model
from export.parity import psnr
from models.architectures import ARCHITECTURES, Network
from models.graph import weights_sha256
from realtime.inference.onnx_runtime import onnxruntime
from realtime.runtime.errors import ModelError, OutputError, UsageError
from realtime.swap import open_model
from tests.export.networks import card, expected, faces, narrow_original, plain, shaken, small


@pytest.mark.parametrize("name", sorted(ARCHITECTURES))
def test_a_file_of_every_architecture_answers_as_torch_does(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    narrow_original(monkeypatch)
    config, path = small(name, sides=1), tmp_path / "model.onnx"
    network, pictures = shaken(config), faces(config.size)
    written = export_model(network, config, ExportRequest((0,), config.size), card(0), pictures, path).manifest
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.onnx"]

    model = open_model(str(path), "cpu")
    assert model.manifest == written
    assert model.size == config.size
    assert model.template.name == "whole-face"
    assert written.training is not None
    assert written.training.counts == (4, 5)
    swapped, mask = model.swap(pictures.samples)
    assert swapped.dtype == mask.dtype == np.uint8
    right = expected(network, 0, pictures.samples)
    assert np.abs(np.concatenate([swapped, mask[..., None]], -1) - right).max() <= 0.51
    assert np.ptp(right[..., :3]) > 20

    alone = np.concatenate([model.swap(face[None])[0] for face in pictures.samples])
    assert np.abs(alone.astype(int) - swapped).max() <= 1


@pytest.fixture(scope="module")
def dfm(tmp_path_factory: pytest.TempPathFactory) -> tuple[Network, Path]:
    """A network, and its second side as a ``.dfm``."""
    config, path = small("lite"), tmp_path_factory.mktemp("dfm") / "model.dfm"
    network = plain()
    export_model(network, config, ExportRequest((1,), config.size), card(1), faces(config.size), path)
    return network, path


def test_a_dfm_is_read_as_deepfacelive_reads_it(dfm: tuple[Network, Path]) -> None:
    """Inputs by position, ``H, W = shape[1:3]``, three outputs in order."""
    network, path = dfm
    pictures = faces(64)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    inputs = session.get_inputs()
    assert len(inputs) == 1
    assert "in_face" in inputs[0].name
    height, width = inputs[0].shape[1:3]
    assert (height, width) == (64, 64)
    bgr = pictures.samples[:1, :, :, ::-1].astype(np.float32) / 255
    face_mask, celeb, celeb_mask = session.run(None, {inputs[0].name: bgr})
    assert [output.name for output in session.get_outputs()] == [
        "out_face_mask:0", "out_celeb_face:0", "out_celeb_face_mask:0",
    ]  # fmt: skip
    assert face_mask.shape == celeb_mask.shape == (1, 64, 64, 1)
    assert celeb.shape == (1, 64, 64, 3)
    right = expected(network, 1, pictures.samples[:1]) / 255
    for answer, truth in ((face_mask, right[..., 3:]), (celeb, right[..., 2::-1]), (celeb_mask, right[..., 3:])):
        assert answer.dtype == np.float32
        assert answer.min() >= 0
        assert answer.max() <= 1
        assert np.abs(answer - truth).max() <= 1e-3
    assert onnx.load(path).ir_version <= 8  # what programs of 2022 read


def test_a_dfm_is_opened_here(dfm: tuple[Network, Path]) -> None:
    network, path = dfm
    pictures = faces(64)
    model = open_model(str(path), "cpu")
    assert model.identity == "bob"
    swapped, mask = model.swap(pictures.samples)
    right = expected(network, 1, pictures.samples)
    assert np.abs(np.concatenate([swapped, mask[..., None]], -1) - right).max() <= 0.51


def test_a_file_for_another_size_resizes_by_itself(tmp_path: Path) -> None:
    config, path = small("lite"), tmp_path / "model.onnx"
    network, pictures = plain(), faces(96)
    manifest = export_model(network, config, ExportRequest((1,), 96), card(1), pictures, path).manifest
    assert manifest.size == 96
    assert manifest.architecture["size"] == 64
    model = open_model(str(path), "cpu")
    swapped, _ = model.swap(pictures.samples)
    assert swapped.shape == pictures.samples.shape
    smaller = torch.from_numpy(pictures.samples).permute(0, 3, 1, 2) / 255
    smaller = torch.nn.functional.interpolate(smaller, (64, 64), mode="bilinear", antialias=True)
    with torch.inference_mode():
        answer = torch.nn.functional.interpolate(network(smaller, 1), (96, 96), mode="bilinear")
    right = answer.clamp(0, 1).permute(0, 2, 3, 1).numpy()[..., :3] * 255
    assert np.abs(swapped - right).max() <= 0.76


def test_the_file_can_be_checked_against_its_manifest(tmp_path: Path) -> None:
    config = small("lite")
    request = ExportRequest((0,), config.size, opset=21)
    exported = export_model(plain(), config, request, card(0), faces(config.size), tmp_path / "model.onnx")
    data = (tmp_path / "model.onnx").read_bytes()
    assert str(Path(__file__).parents[2]).encode() not in data  # nothing of the machine that wrote it
    model = onnx.load_from_string(data)
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", 21)]
    assert weights_sha256(model) == exported.manifest.weights_sha256
    tensor = next(tensor for tensor in model.graph.initializer if tensor.data_type == onnx.TensorProto.FLOAT)
    changed = onnx.numpy_helper.to_array(tensor) + 1e-3
    tensor.CopyFrom(onnx.numpy_helper.from_array(changed.astype(np.float32), tensor.name))
    assert weights_sha256(model) != exported.manifest.weights_sha256


class Drifting(Network):
    """Answers a little more when it is exported, so torch and the exported graph cannot agree."""

    def __init__(self, drift: float) -> None:
        super().__init__(1)
        self.out = nn.Conv2d(3, 4, 1)
        self.drift = drift

    def encode(self, face: Tensor) -> tuple[Tensor, ...]:
        return (face,)

    def decode(self, code: tuple[Tensor, ...], side: int) -> Tensor:
        answer: Tensor = self.out(code[0]) * 0.1 + 0.5
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
        export_model(network, small("lite"), ExportRequest((0,), 64), card(0), faces(64), path)
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


def test_places_and_names_that_will_not_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    config = small("lite")
    request, pictures = ExportRequest((0,), 64), faces(64)
    with pytest.raises(OutputError, match="file: cannot make this folder"):
        export_model(plain(), config, request, card(0), pictures, tmp_path / "file" / "model.onnx")
    with pytest.raises(UsageError, match=r"\.onnx or \.dfm"):
        export_model(plain(), config, request, card(0), pictures, tmp_path / "model.pt")
    with pytest.raises(UsageError, match="one side"):
        export_model(plain(), config, ExportRequest((0, 1), 64), card(0, 1), pictures, tmp_path / "model.dfm")
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_quality_is_that_of_the_worse_of_colours_and_mask() -> None:
    a = np.zeros((1, 4, 8, 8), np.float32)
    b = a.copy()
    b[:, 3] = 0.1
    assert psnr(b, a) == pytest.approx(20)
    b[:, 0] = np.nan
    assert psnr(b, a) == float("-inf")
