"""Smaller and faster files, and files with several faces."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import Tensor, nn

from export import precision
from export.forms import FORMS
from export.half import parts_of, sensitive, simulate_half, to_half
from export.int8 import Quantiser
from export.model import Exported, ExportRequest, export_model
from export.parity import GraphRunner, psnr
from export.search import leave_out
from export.switch import CHOICE, switch
from models.architectures import Network
from realtime.inference.session import open_session
from realtime.runtime.errors import ModelError
from realtime.settings import ModelOptions
from realtime.swap import open_model
from tests.export.networks import card, expected, faces, shaken, small

OWN = FORMS[".onnx"]


@pytest.fixture(scope="module")
def lite(tmp_path_factory: pytest.TempPathFactory) -> tuple[Exported, Path]:
    """A lite network's two sides in one file."""
    config, path = small("lite"), tmp_path_factory.mktemp("lite") / "model.onnx"
    return export_model(shaken(config), config, ExportRequest((0, 1), 64), card(0, 1), faces(64), path), path


def kinds(model: onnx.ModelProto) -> set[str]:
    return {node.op_type for node in model.graph.node}


def test_one_file_holds_several_faces(lite: tuple[Exported, Path], tmp_path: Path) -> None:
    exported, path = lite
    pictures, network = faces(64).samples, shaken(small("lite"))
    model = open_model(str(path), "cpu")
    assert exported.manifest.tensors.identity == CHOICE
    for side, who in ((1, "bob"), (0, "ada"), (1, "bob")):
        model.identity = who
        swapped, mask = model.swap(pictures)
        right = expected(network, side, pictures)
        assert np.abs(np.concatenate([swapped, mask[..., None]], -1) - right).max() <= 0.51
    chosen = open_model(str(path), "cpu", ModelOptions(identity="ada"))
    assert not np.array_equal(chosen.swap(pictures)[0], swapped)
    # The encoder is there once.
    sizes = [side.model.ByteSize() for side in exported.sides]
    assert path.stat().st_size < 0.85 * sum(sizes)


def test_what_sides_have_in_common_behind_their_own_part_is_there_once(tmp_path: Path) -> None:
    """``liae`` has one decoder behind its inters, and side B's is the shared one."""
    config, path = small("liae"), tmp_path / "model.onnx"
    network, pictures = shaken(config), faces(64)
    exported = export_model(network, config, ExportRequest((0, 1), 64), card(0, 1), pictures, path)
    largest = max(side.model.ByteSize() for side in exported.sides)
    assert path.stat().st_size < 1.4 * largest
    runner = GraphRunner(onnx.load(path), OWN)
    for choice, side in ((0, 0), (1, 1), (9, 1)):  # beyond the last is the last
        answer = runner(pictures.samples, choice).transpose(0, 2, 3, 1) * 255
        assert np.abs(answer - expected(network, side, pictures.samples)).max() <= 0.51


def test_the_choice_may_be_among_more_than_two(lite: tuple[Exported, Path]) -> None:
    graphs, pictures = [lite[0].sides[side].model for side in (0, 1, 0)], faces(64).samples
    runner, alone = GraphRunner(switch(graphs), OWN), [GraphRunner(graph, OWN)(pictures) for graph in graphs]
    assert not np.array_equal(alone[0], alone[1])
    for choice, side in ((0, 0), (1, 1), (2, 2), (9, 2)):
        assert np.array_equal(runner(pictures, choice), alone[side])


def test_graphs_that_are_the_same_need_no_choice(lite: tuple[Exported, Path]) -> None:
    side = lite[0].sides[0]
    whole = switch([side.model, side.model])
    assert "If" not in kinds(whole)
    pictures = faces(64).samples
    assert np.array_equal(GraphRunner(whole, OWN)(pictures, 1), GraphRunner(side.model, OWN)(pictures))


def test_half_precision(lite: tuple[Exported, Path]) -> None:
    side = lite[0].sides[0]
    found = precision.convert("float16", side.plain, OWN, faces(64), side.expected, 45)
    assert found.quality >= 45
    assert found.left_out == ()
    types = {tensor.data_type for tensor in found.model.graph.initializer if len(tensor.dims) == 4}
    assert types == {onnx.TensorProto.FLOAT16}
    assert found.model.ByteSize() < 0.6 * side.plain.ByteSize()


class Loud(Network):
    """Goes through numbers that no half can hold, and comes back."""

    def __init__(self) -> None:
        super().__init__(1)
        self.up, self.down = nn.Conv2d(3, 8, 1), nn.Conv2d(8, 4, 1)

    def encode(self, face: Tensor) -> tuple[Tensor, ...]:
        return (self.up(face) * 500 * 500,)

    def decode(self, code: tuple[Tensor, ...], side: int) -> Tensor:
        answer: Tensor = self.down(code[0] * 0.002 * 0.002) + 0.5
        return answer


def test_numbers_beyond_a_half_stay_in_single_precision(tmp_path: Path) -> None:
    torch.manual_seed(1)
    config, pictures = small("lite"), faces(64)
    path = tmp_path / "model.onnx"
    (side,) = export_model(Loud(), config, ExportRequest((0,), 64, "float16"), card(0), pictures, path).sides
    assert side.found is not None
    assert side.found.quality >= 45
    kept = sensitive(side.plain, [{"face": pictures.samples}])
    assert kept
    careless = to_half(side.plain, ())
    assert psnr(GraphRunner(simulate_half(careless), OWN)(pictures.samples), side.expected) < 20
    assert not kept & {name for names in parts_of(side.plain, kept).values() for name in names}


def test_the_simulation_shows_what_a_cpu_hides() -> None:
    """Without kernels for halves, a CPU carries on in single precision where a GPU would have long had infinity."""
    helper, from_array = onnx.helper, onnx.numpy_helper.from_array
    factors = (3000, 3000, 1e-4, 1e-4)
    weights = [from_array(np.full((4, 4, 1, 1), each, np.float32), f"w{i}") for i, each in enumerate(factors)]
    nodes = [helper.make_node("Conv", [f"v{i}", f"w{i}"], [f"v{i + 1}"], name=f"n{i}") for i in range(4)]
    ports = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, 4, 4, 4]) for name in ("v0", "v4")]
    graph = helper.make_graph(nodes, "loud", ports[:1], ports[1:], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    question = {"v0": np.ones((1, 4, 4, 4), np.float32)}
    halves = to_half(model, ())
    assert np.isfinite(open_session(halves.SerializeToString(), "cpu").run(None, question)[0]).all()
    assert np.isinf(open_session(simulate_half(halves).SerializeToString(), "cpu").run(None, question)[0]).all()
    assert sensitive(model, [question]) == {"n1", "n2", "n3"}


def test_whole_numbers(lite: tuple[Exported, Path], tmp_path: Path) -> None:
    side = lite[0].sides[1]
    found = precision.convert("int8", side.plain, OWN, faces(64), side.expected, 35)
    assert found.quality >= 35
    assert {"QuantizeLinear", "DequantizeLinear"} <= kinds(found.model)
    convolutions = [tensor for tensor in found.model.graph.initializer if len(tensor.dims) == 4]
    assert {tensor.data_type for tensor in convolutions} == {onnx.TensorProto.INT8}
    assert found.model.ByteSize() < 0.5 * side.plain.ByteSize()
    # A scale for each output channel.
    scales = [tensor.dims for tensor in found.model.graph.initializer if "weight_scale" in tensor.name]
    assert convolutions[0].dims[0] in [dims[0] for dims in scales if dims]


def test_layers_that_hurt_are_left_out(lite: tuple[Exported, Path]) -> None:
    side, pictures = lite[0].sides[1], faces(64)
    whole = precision.convert("int8", side.plain, OWN, pictures, side.expected, 35).quality
    found = precision.convert("int8", side.plain, OWN, pictures, side.expected, whole + 1)
    layers = Quantiser(side.plain, OWN, pictures.calibration).layers
    assert found.quality >= whole + 1
    assert 0 < len(found.left_out) < len(layers)
    assert set(found.alone) == set(layers)
    worst = min(found.alone, key=found.alone.__getitem__)
    assert found.left_out[0] == worst
    left = {node.name: node for node in found.model.graph.node}[worst]
    assert left.input[1] in {tensor.name for tensor in side.plain.graph.initializer}  # no DequantizeLinear before it

    with pytest.raises(ModelError, match="200 dB"):
        precision.convert("int8", side.plain, OWN, pictures, side.expected, 200)


@pytest.mark.parametrize("bar", [30.0, 60.0, 89.0])
def test_the_least_is_left_out_that_is_enough(bar: float) -> None:
    harm = {"a": 1.0, "b": 40.0, "c": 5.0, "d": 20.0}

    def quality(left_out: frozenset[str]) -> float:
        return 90 - sum(cost for part, cost in harm.items() if part not in left_out)

    found = leave_out(list(harm), frozenset, quality, bar)
    assert found.left_out == ("b", "d", "c")[: len(found.left_out)]
    assert found.quality >= bar
    assert quality(frozenset(found.left_out[:-1])) < bar


def test_a_dfm_of_whole_numbers(tmp_path: Path) -> None:
    config, path = small("lite"), tmp_path / "model.dfm"
    pictures = faces(64)
    (side,) = export_model(shaken(config), config, ExportRequest((1,), 64, "int8"), card(1), pictures, path).sides
    model = open_model(str(path), "cpu")
    assert model.manifest.precision == "int8"
    swapped, _ = model.swap(pictures.samples)
    errors = (swapped.transpose(0, 3, 1, 2) / 255 - side.expected[:, :3]) ** 2
    assert -10 * np.log10(errors.mean()) >= 35
