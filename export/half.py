"""A graph in half precision, but for the nodes that must stay in single precision.

Half precision ends at 65504: a network that computes with larger numbers anywhere gives garbage on a GPU, and
looks perfectly well on a CPU, where ONNX Runtime has no half-precision kernels and computes in single precision
throughout. So the quality is measured on ``simulate_half``, the same graph in single precision that rounds every value
to half where the real one holds it in half.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import Final

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from realtime.inference.session import open_session
from realtime.runtime.arrays import Bytes, Floats

__all__ = ["parts_of", "sensitive", "simulate_half", "to_half"]

#: Half of a float value.
HALF: Final = ".half"
#: Values beyond this stay in single precision: a quarter of the largest half, so that other faces have room.
LARGEST: Final = 65504 / 4
#: Sums over many values, and functions that blow small errors up.
DELICATE: Final = frozenset(
    {"Div", "Exp", "GroupNormalization", "InstanceNormalization", "LayerNormalization", "Log", "LpNormalization"}
    | {"MeanVarianceNormalization", "Pow", "Reciprocal", "ReduceL2", "ReduceMean", "ReduceSum", "ReduceSumSquare"}
    | {"Softmax", "Sqrt"}
)
#: Their attributes fix the type of what they give, so they keep it.
TYPED: Final = frozenset({"Cast", "Constant", "ConstantOfShape", "EyeLike", "RandomNormal", "RandomUniform"})
#: Each of these begins a part.
HEAVY: Final = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"})


class _Ports:
    """Which inputs and outputs of which nodes may be halves: floats, of a type that the operator leaves open."""

    def __init__(self, model: onnx.ModelProto) -> None:
        graph = onnx.shape_inference.infer_shapes(model, strict_mode=True).graph
        values = (*graph.input, *graph.output, *graph.value_info)
        floats = {v.name for v in values if v.type.tensor_type.elem_type == TensorProto.FLOAT}
        self.floats = floats | {t.name for t in graph.initializer if t.data_type == TensorProto.FLOAT}
        self._opset = next(entry.version for entry in model.opset_import if not entry.domain)

    def inputs(self, node: onnx.NodeProto) -> list[int]:
        """The positions of the inputs that may be halves."""
        return self._open(node, node.input, onnx.defs.get_schema(node.op_type, self._opset, node.domain).inputs)

    def outputs(self, node: onnx.NodeProto) -> list[int]:
        """The positions of the outputs that may be halves."""
        return self._open(node, node.output, onnx.defs.get_schema(node.op_type, self._opset, node.domain).outputs)

    def _open(
        self, node: onnx.NodeProto, names: Sequence[str], formals: Sequence[onnx.defs.OpSchema.FormalParameter]
    ) -> list[int]:
        if node.op_type in TYPED:
            return []
        schema = onnx.defs.get_schema(node.op_type, self._opset, node.domain)
        halves = {c.type_param_str for c in schema.type_constraints if "tensor(float16)" in c.allowed_type_strs}
        return [
            index
            for index, name in enumerate(names)
            if name in self.floats and formals[min(index, len(formals) - 1)].type_str in halves
        ]


def parts_of(model: onnx.ModelProto, kept: Collection[str]) -> dict[str, tuple[str, ...]]:
    """The nodes that become halves unless ``kept``, in parts: a heavy node and what follows it up to the next.

    Names of nodes by the name of the part's first.
    """
    ports = _Ports(model)
    parts: dict[str, list[str]] = {}
    current: list[str] = []
    for node in model.graph.node:
        if node.name in kept or not ports.outputs(node):
            continue
        if node.op_type in HEAVY or not parts:
            current = parts[node.name] = []
        current.append(node.name)
    return {first: tuple(names) for first, names in parts.items()}


def sensitive(model: onnx.ModelProto, feeds: Sequence[dict[str, Bytes | Floats]]) -> frozenset[str]:
    """Nodes that must stay in single precision whatever they cost: delicate ones, and those with large numbers.

    ``feeds`` are inputs of the graph, by name, for which the numbers are measured.
    """
    ports = _Ports(model)
    largest = {
        tensor.name: float(np.abs(numpy_helper.to_array(tensor)).max(initial=0))
        for tensor in model.graph.initializer
        if tensor.name in ports.floats
    }
    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    outputs = {value.name for value in model.graph.output}
    names = [name for node in model.graph.node for name in node.output if name in ports.floats]
    for name in names:
        if name not in outputs:
            watched.graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, None))
    session = open_session(watched.SerializeToString(), "cpu")
    for feed in feeds:
        for name, value in zip(names, session.run(names, feed), strict=True):
            largest[name] = max(largest.get(name, 0.0), float(np.abs(value).max(initial=0)))
    kept = {
        node.name
        for node in model.graph.node
        if node.op_type in DELICATE
        or any(not largest.get(name, 0.0) <= LARGEST for name in (*node.input, *node.output))
    }
    return frozenset(kept | _between(model.graph, kept))


def _between(graph: onnx.GraphProto, kept: Collection[str]) -> set[str]:
    """The nodes that take from nodes that are ``kept`` and give to such alone, as the tiny number under a root."""
    makers = {name: node.name for node in graph.node for name in node.output}
    takers: dict[str, set[str]] = {value.name: {""} for value in graph.output}
    for node in graph.node:
        for name in node.input:
            takers.setdefault(name, set()).add(node.name)
    return {
        node.name
        for node in graph.node
        if any(makers.get(name) in kept for name in node.input)
        and all(taker in kept for name in node.output for taker in takers.get(name, ()))
    }


def to_half(model: onnx.ModelProto, kept: Collection[str]) -> onnx.ModelProto:
    """``model`` with all nodes in half precision that can be and are not in ``kept``; inputs and outputs stay."""
    ports = _Ports(model)
    done = onnx.ModelProto()
    done.CopyFrom(model)
    graph = done.graph
    weights = {tensor.name: tensor for tensor in graph.initializer}
    native: dict[str, str] = {}  # values that are made as halves, by the name they had
    made: dict[str, str] = {}  # the other form of a value, where somebody wanted it
    nodes: list[onnx.NodeProto] = []

    def cast(name: str, to: int) -> str:
        source = native.get(name, name)
        if name not in made:
            made[name] = name if name in native else name + HALF
            nodes.append(helper.make_node("Cast", [source], [made[name]], name=f"cast {name}", to=to))
        return made[name]

    def as_half(name: str) -> str:
        if name in native:
            return native[name]
        if name in weights:
            made[name] = name + HALF
            return made[name]
        return cast(name, TensorProto.FLOAT16)

    for original in graph.node:
        node = onnx.NodeProto()
        node.CopyFrom(original)
        halves = ports.outputs(node) if node.name not in kept else []
        for index in ports.inputs(node) if halves else ():
            node.input[index] = as_half(node.input[index])
        for index, name in enumerate(original.input):
            if node.input[index] == name and name in native:
                node.input[index] = cast(name, TensorProto.FLOAT)
        for index in halves:
            name = original.output[index]
            native[name] = node.output[index] = name + HALF
        nodes.append(node)
    for value in graph.output:
        if value.name in native:
            cast(value.name, TensorProto.FLOAT)
    del graph.node[:], graph.value_info[:]
    graph.node.extend(nodes)
    _halve_weights(graph, made)
    return done


def simulate_half(model: onnx.ModelProto) -> onnx.ModelProto:
    """What a half-precision ``model`` gives, computed in single precision: every half is a single rounded to one."""
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True).graph.value_info
    halves = {value.name for value in inferred if value.type.tensor_type.elem_type == TensorProto.FLOAT16}
    done = onnx.ModelProto()
    done.CopyFrom(model)
    graph = done.graph
    nodes: list[onnx.NodeProto] = []
    for original in model.graph.node:
        node = onnx.NodeProto()
        node.CopyFrom(original)
        if node.op_type == "Cast" and node.output[0] in halves:
            node.attribute[0].i = TensorProto.FLOAT
        nodes.append(node)
        for index, name in enumerate(original.output):
            if name in halves:
                exact, rounded = f"{name} exact", f"{name} rounded"
                node.output[index] = exact
                nodes.append(helper.make_node("Cast", [exact], [rounded], to=TensorProto.FLOAT16))
                nodes.append(helper.make_node("Cast", [rounded], [name], to=TensorProto.FLOAT))
    del graph.node[:], graph.value_info[:]
    graph.node.extend(nodes)
    for tensor in graph.initializer:
        if tensor.data_type == TensorProto.FLOAT16:
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float32), tensor.name))
    return done


def _halve_weights(graph: onnx.GraphProto, made: dict[str, str]) -> None:
    """Add the weights that are wanted as halves, and take out those that nobody wants as they were."""
    for tensor in list(graph.initializer):
        if made.get(tensor.name) == tensor.name + HALF:
            with np.errstate(over="ignore"):  # too large for a half: infinite, as on the device
                value = numpy_helper.to_array(tensor).astype(np.float16)
            graph.initializer.append(numpy_helper.from_array(value, made[tensor.name]))
    wanted = set(_used(graph))
    kept = [tensor for tensor in graph.initializer if tensor.name in wanted]
    del graph.initializer[:]
    graph.initializer.extend(kept)


def _used(graph: onnx.GraphProto) -> Iterator[str]:
    for node in graph.node:
        yield from node.input
