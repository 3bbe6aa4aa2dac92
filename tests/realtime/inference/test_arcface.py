"""Face embeddings of the user's: what is taken, what is refused, and what the network is shown."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from realtime.inference.arcface import ArcFace, unit_vector
from realtime.runtime.errors import ModelError


def pooling(path: Path, shape: list[int | str], output: str = "flat", kind: int = TensorProto.FLOAT) -> Path:
    """A network that gives its picture in blocks of 16 pixels, in the order of its own layout."""
    last = shape[-1] == 3
    nodes = [
        *([helper.make_node("Transpose", ["x"], ["first"], perm=[0, 3, 1, 2])] if last else []),
        helper.make_node("Cast", ["first" if last else "x"], ["real"], to=TensorProto.FLOAT),
        helper.make_node("AveragePool", ["real"], ["planes"], kernel_shape=[16, 16], strides=[16, 16]),
        helper.make_node("Flatten", ["planes"], ["flat"], axis=1),
    ]
    x = helper.make_tensor_value_info("x", kind, shape)
    y = helper.make_tensor_value_info(output, TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "embedder", [x], [y])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), path)
    return path


@pytest.mark.parametrize(
    "shape", [["N", 3, 112, 112], [1, 112, 112, 3], ["N", 3, "H", "W"]], ids=["planes", "pixels", "open"]
)
def test_a_crop_is_shown_as_rgb_of_minus_one_to_one(tmp_path: Path, shape: list[int | str]) -> None:
    crop = np.random.default_rng(0).integers(0, 256, (112, 112, 3)).astype(np.uint8)
    vector = ArcFace(pooling(tmp_path / "a.onnx", shape), "cpu")(crop)
    blocks = crop.reshape(7, 16, 7, 16, 3).mean(axis=(1, 3)).transpose(2, 0, 1)  # (3, 7, 7)
    np.testing.assert_allclose(vector, ((blocks - 127.5) / 127.5).ravel(), atol=1e-5)
    assert vector.dtype == np.float32


def test_the_crop_is_insightfaces() -> None:
    template = np.array([(38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655),
                         (70.7299, 92.2041)])  # fmt: skip
    landmarks = np.zeros((68, 2), np.float32)
    for marks, point in zip((slice(36, 42), slice(42, 48), 30, 48, 54), template, strict=True):
        landmarks[marks] = 2 * point + (10, 20)
    expected = [[0.5, 0, -5], [0, 0.5, -10]]
    np.testing.assert_allclose(ArcFace.frame_to_crop(landmarks), expected, atol=1e-4)


@pytest.mark.parametrize(
    ("shape", "kind", "why"),
    [
        (["N", 3, 128, 128], TensorProto.FLOAT, "does not take"),
        (["N", 1, 112, 112], TensorProto.FLOAT, "does not take"),
        (["N", 3, 112, 112], TensorProto.UINT8, "does not take"),
    ],
)
def test_other_networks_are_refused(tmp_path: Path, shape: list[int | str], kind: int, why: str) -> None:
    path = pooling(tmp_path / "a.onnx", shape, kind=kind)
    with pytest.raises(ModelError, match=rf"a\.onnx: not an ArcFace network: it {why}"):
        ArcFace(path, "cpu")


def test_an_answer_that_is_no_vector_is_refused(tmp_path: Path) -> None:
    path = pooling(tmp_path / "a.onnx", ["N", 3, 112, 112], output="planes")
    with pytest.raises(ModelError, match=r"not an ArcFace network: it answers with float32 \[1, 3, 7, 7\]"):
        ArcFace(path, "cpu")(np.zeros((112, 112, 3), np.uint8))


def test_unit_vectors_have_length_one() -> None:
    assert np.isclose(np.linalg.norm(unit_vector(np.full((2, 3), 7, np.float32))), 1)
    assert not unit_vector(np.zeros(3, np.float32)).any()
