"""Other programs' kinds of model, small, and written with plain ``onnx`` helpers as their exporters lay them out."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

node = helper.make_node


def value(name: str, *shape: int | str, kind: int = TensorProto.FLOAT) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, shape)


def weight(name: str, array: object, dtype: type = np.float32) -> onnx.TensorProto:
    return numpy_helper.from_array(np.asarray(array, dtype), name)


def save(
    path: Path,
    nodes: list[onnx.NodeProto],
    inputs: list[onnx.ValueInfoProto],
    outputs: list[onnx.ValueInfoProto],
    weights: list[onnx.TensorProto],
) -> Path:
    graph = helper.make_graph(nodes, path.stem, inputs, outputs, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 12)], ir_version=7, producer_name="tf2onnx")
    onnx.save(model, path)
    return path


def ellipse(size: int, width: float, height: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """1 inside an ellipse with these half axes, in shares of half the side; (1, S, S, 1)."""
    y, x = np.mgrid[0:size, 0:size] / (size - 1) * 2 - 1
    return ((x / width) ** 2 + (y / height) ** 2 < 1).astype(np.float32)[None, :, :, None]


def make_dfm(path: Path, size: int = 224, *, morph: bool = False, batch: int | str = "N", nan: bool = False) -> Path:
    """A ``.dfm``: the face with red and blue changed places and half the blue, mixed in by the morph value.

    The mask of the face as it came in is wide, the new face's is slim.
    """
    changed = "out" if morph else "clipped"
    nodes = [
        # BGR times this matrix: the new blue is the old red halved, the new red the old blue.
        node("MatMul", ["in_face:0", "mixing"], ["mixed"]),
        node("Sub", ["in_face:0", "in_face:0"], ["nothing"]),
        node("ReduceMax", ["nothing"], ["none"], axes=[3], keepdims=1),
        node("Add", ["none", "wide"], ["out_face_mask:0"]),
        node("Add", ["none", "slim"], ["out_celeb_face_mask:0"]),
    ]
    inputs = [value("in_face:0", batch, size, size, 3)]
    if morph:
        inputs.append(value("morph_value:0", 1))
        nodes += [
            node("Sub", ["one", "morph_value:0"], ["less"]),
            node("Mul", ["mixed", "morph_value:0"], ["new"]),
            node("Mul", ["in_face:0", "less"], ["old"]),
            node("Add", ["new", "old"], [changed]),
        ]
    source = changed if morph else "mixed"
    if nan:
        nodes.append(node("Div", ["nothing", "nothing"], ["out_celeb_face:0"]))
    else:
        nodes.append(node("Clip", [source, "zero", "one"], ["out_celeb_face:0"]))
    outputs = [
        value("out_face_mask:0", batch, size, size, 1),
        value("out_celeb_face:0", batch, size, size, 3),
        value("out_celeb_face_mask:0", batch, size, size, 1),
    ]
    weights = [
        weight("mixing", [[0, 0, 1], [0, 1, 0], [0.5, 0, 0]]),
        weight("zero", 0),
        weight("one", 1),
        weight("wide", ellipse(size, 0.9, 0.6)),
        weight("slim", ellipse(size, 0.6, 0.9)),
    ]
    return save(path, nodes, inputs, outputs, weights)


def make_swapper(path: Path, matrix: np.ndarray[tuple[int, ...], np.dtype[np.float32]] | None) -> Path:
    """A one-image network: the target, brightened by a tenth of the code's first three numbers."""
    nodes = [
        node("Slice", ["source", "begin", "end", "axis"], ["rgb"]),
        node("Reshape", ["rgb", "shape"], ["color"]),
        node("Mul", ["color", "tenth"], ["light"]),
        node("Add", ["target", "light"], ["output"]),
    ]
    weights = [
        weight("begin", [0], np.int64),
        weight("end", [3], np.int64),
        weight("axis", [1], np.int64),
        weight("shape", [1, 3, 1, 1], np.int64),
        weight("tenth", 0.1),
    ]
    if matrix is not None:
        weights.append(weight("emap", matrix, matrix.dtype.type))
    return save(
        path,
        nodes,
        [value("target", 1, 3, 128, 128), value("source", 1, 512)],
        [value("output", 1, 3, 128, 128)],
        weights,
    )


def make_hyperswap(path: Path, size: int = 256, *, stray: bool = False) -> Path:
    """A one-image network with a mask: a third of the target's light, moved by the code; a wide ellipse.

    Pictures are -1..1. ``stray`` adds a weight of the shape that other networks multiply codes with.
    """
    nodes = [
        node("Slice", ["source", "begin", "end", "axis"], ["rgb"]),
        node("Reshape", ["rgb", "shape"], ["color"]),
        node("Mul", ["target", "third"], ["dark"]),
        node("Add", ["dark", "color"], ["output"]),
        node("ReduceMax", ["target"], ["most"], axes=[1], keepdims=1),
        node("Sub", ["most", "most"], ["nothing"]),
        node("Add", ["nothing", "wide"], ["mask"]),
    ]
    weights = [
        weight("begin", [0], np.int64),
        weight("end", [3], np.int64),
        weight("axis", [1], np.int64),
        weight("shape", [1, 3, 1, 1], np.int64),
        weight("third", 1 / 3),
        weight("wide", ellipse(size, 0.9, 0.6)[:, None, :, :, 0]),
    ]
    if stray:
        weights.append(weight("linear", np.eye(512)))
    inputs = [value("source", 1, 512), value("target", 1, 3, size, size)]
    outputs = [value("output", 1, 3, size, size), value("mask", 1, 1, size, size)]
    return save(path, nodes, inputs, outputs, weights)


def make_simswap(path: Path, size: int = 256) -> Path:
    """A one-image network without matrix or mask: a tenth of what it is given, and of the code, around grey of 0..1."""
    nodes = [
        node("Slice", ["source", "begin", "end", "axis"], ["rgb"]),
        node("Reshape", ["rgb", "shape"], ["color"]),
        node("Add", ["target", "color"], ["sum"]),
        node("Mul", ["sum", "tenth"], ["small"]),
        node("Add", ["small", "half"], ["output"]),
    ]
    weights = [
        weight("begin", [0], np.int64),
        weight("end", [3], np.int64),
        weight("axis", [1], np.int64),
        weight("shape", [1, 3, 1, 1], np.int64),
        weight("tenth", 0.1),
        weight("half", 0.5),
    ]
    inputs = [value("target", 1, 3, size, size), value("source", 1, 512)]
    return save(path, nodes, inputs, [value("output", 1, 3, size, size)], weights)


def make_embedder(path: Path) -> Path:
    """An ArcFace-like network: the picture's mean colour, then its mean over each of the rows, then noughts."""
    nodes = [
        node("ReduceMean", ["input.1"], ["colors"], axes=[2, 3], keepdims=0),
        node("ReduceMean", ["input.1"], ["rows"], axes=[1, 3], keepdims=0),
        node("Concat", ["colors", "rows"], ["short"], axis=1),
        node("Pad", ["short", "pads"], ["code"]),
    ]
    weights = [weight("pads", [0, 0, 0, 512 - 3 - 112], np.int64)]
    return save(path, nodes, [value("input.1", "None", 3, 112, 112)], [value("code", "None", 512)], weights)
