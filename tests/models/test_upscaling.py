"""Nearest-neighbour upscaling that is joined with the convolution behind it."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from models.upscaling import joined
from realtime.inference.session import open_session
from realtime.runtime.arrays import Floats

NEAREST = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
PLAIN = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}


def graph(
    resize: dict[str, object], conv: dict[str, object], scale: float = 2, side: int = 8, shown: bool = False
) -> onnx.ModelProto:
    """A picture of five channels, doubled, and convolved to seven."""
    rng = np.random.default_rng(5)
    kernel = rng.normal(size=(7, 5, *conv["kernel_shape"])).astype(np.float32)  # type: ignore[misc]
    weights = {"k": kernel, "b": rng.normal(size=7).astype(np.float32), "s": np.float32([1, 1, scale, scale])}
    nodes = [
        helper.make_node("Resize", ["x", "", "s"], ["large"], **resize),  # type: ignore[arg-type]
        helper.make_node("Conv", ["large", "k", "b"], ["y"], **conv),  # type: ignore[arg-type]
    ]
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, list("NCHW")) for name in ("y", "large")]
    del outputs[1 + shown :]
    given = helper.make_tensor_value_info("small", TensorProto.FLOAT, ["N", 5, side, side + 4])
    nodes.insert(0, helper.make_node("Abs", ["small"], ["x"]))
    tensors = [numpy_helper.from_array(array, name) for name, array in weights.items()]
    drawn = helper.make_graph(nodes, "g", [given], outputs, tensors)
    return helper.make_model(drawn, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


def answer(model: onnx.ModelProto, side: int = 8) -> Floats:
    picture = np.random.default_rng(6).random((2, 5, side, side + 4), np.float32)
    result: Floats = open_session(model.SerializeToString(), "cpu").run(None, {"small": picture})[0]
    return result


def test_a_joined_upscaling_gives_the_same_picture_up_to_its_border() -> None:
    model = graph(NEAREST, PLAIN)
    before = answer(model)
    model = joined(model)
    onnx.checker.check_model(model, full_check=True)
    assert [node.op_type for node in model.graph.node] == ["Abs", "ConvTranspose"]
    assert {tensor.name for tensor in model.graph.initializer} == {"k_joined", "b"}
    after = answer(model)
    assert after.shape == before.shape == (2, 7, 16, 24)
    np.testing.assert_allclose(after, before, atol=2e-5)


@pytest.mark.parametrize(
    ("resize", "conv", "other"),
    [
        (NEAREST | {"mode": "linear"}, PLAIN, {}),
        (NEAREST | {"coordinate_transformation_mode": "half_pixel", "nearest_mode": "ceil"}, PLAIN, {}),
        (NEAREST, PLAIN | {"strides": [2, 2]}, {}),
        (NEAREST, PLAIN | {"pads": [0, 0, 0, 0]}, {}),
        (NEAREST, PLAIN | {"dilations": [2, 2]}, {}),
        (NEAREST, {"kernel_shape": [1, 1], "pads": [1, 1, 1, 1]}, {}),
        (NEAREST, PLAIN, {"scale": 3}),
        (NEAREST, PLAIN, {"side": 4}),
        (NEAREST, PLAIN, {"shown": True}),
    ],
)
def test_what_is_another_upscaling_or_convolution_stays(
    resize: dict[str, object], conv: dict[str, object], other: dict[str, float]
) -> None:
    model = graph(resize, conv, **other)  # type: ignore[arg-type]
    assert joined(model).SerializeToString() == model.SerializeToString()
