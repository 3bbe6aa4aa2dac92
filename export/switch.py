"""Several graphs that differ in some part, as one that chooses between them while it runs.

What they have in common stands once: the encoder before nested ``If`` nodes, a common decoder or the rounding behind
them. What is each one's own stands in the branches. Only the chosen branch runs, and its weights are constants like
any other, so that a choice costs nothing.
"""

import hashlib
from collections.abc import Sequence
from typing import Final

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

__all__ = ["CHOICE", "switch"]

#: The input that chooses: int64 (1,), the number of the graph.
CHOICE: Final = "identity"


def switch(models: Sequence[onnx.ModelProto]) -> onnx.ModelProto:
    """One graph that answers as ``models[identity]`` does; they have the same inputs and outputs, and no subgraphs.

    A number beyond the last counts as the last.
    """
    graphs = [_FingerprintedGraph(model) for model in models]
    tail = _Tail(graphs)
    for value in models[0].graph.output:
        tail.add(value.name)
    branches = [graph.branch(number, tail) for number, graph in enumerate(graphs)]
    before = graphs[0].common(graphs)

    done = onnx.ModelProto()
    done.CopyFrom(models[0])
    graph = done.graph
    del graph.node[:], graph.initializer[:], graph.value_info[:]
    graph.input.append(helper.make_tensor_value_info(CHOICE, TensorProto.INT64, [1]))
    graph.node.extend(before)
    if tail.chosen:
        nodes, constant = _choose(0, branches, list(tail.chosen.values()))
        graph.node.extend(nodes)
        graph.initializer.append(constant)
    graph.node.extend(tail.nodes)
    used = {name for node in (*before, *tail.nodes) for name in node.input}
    graph.initializer.extend(tensor for tensor in models[0].graph.initializer if tensor.name in used)
    return done


class _FingerprintedGraph:
    """A graph whose values all have a fingerprint: a digest of how they are made, whatever they are called."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self.graph = model.graph
        inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True).graph
        self.types = {value.name: value.type for value in (*inferred.value_info, *inferred.output)}
        self.tensors = {tensor.name: tensor for tensor in model.graph.initializer}
        self.makers = {name: node for node in model.graph.node for name in node.output}
        self.prints: dict[str, str] = {"": ""} | {value.name: value.name for value in model.graph.input}
        for tensor in model.graph.initializer:
            array = numpy_helper.to_array(tensor)
            self.prints[tensor.name] = _digest(repr((array.dtype, array.shape)).encode(), array.tobytes())
        for node in model.graph.node:
            made = _digest(self.kind(node), *(self.prints[name].encode() for name in node.input))
            for index, name in enumerate(node.output):
                self.prints[name] = f"{made}:{index}"

    def kind(self, node: onnx.NodeProto) -> bytes:
        """What ``node`` does, whatever it does it to."""
        attributes = sorted(attribute.SerializeToString(deterministic=True) for attribute in node.attribute)
        return _digest(node.domain.encode(), node.op_type.encode(), *attributes).encode()

    def common(self, others: "Sequence[_FingerprintedGraph]") -> list[onnx.NodeProto]:
        """The nodes that all graphs have, on the same inputs."""
        shared = set.intersection(*(set(other.prints.values()) for other in others))
        return [node for node in self.graph.node if self.prints[node.output[0]] in shared]

    def branch(self, number: int, tail: "_Tail") -> onnx.GraphProto:
        """What of the graph is its own and stands before ``tail``, its names under ``number``."""
        prefix = f"{number}:"
        outputs = [names[number] for names in tail.chosen]
        wanted = set(outputs)
        nodes: list[onnx.NodeProto] = []
        for original in reversed(self.graph.node):
            if not wanted.intersection(original.output) or self.prints[original.output[0]] in tail.common:
                continue
            wanted.update(original.input)
            node = onnx.NodeProto()
            node.CopyFrom(original)
            node.name = prefix + node.name
            node.input[:] = [self._here(name, prefix, tail) for name in original.input]
            node.output[:] = [name and prefix + name for name in original.output]
            nodes.insert(0, node)
        tensors = [_renamed(self.tensors[name], prefix + name) for name in self.tensors if name in wanted]
        values = []
        for index, name in enumerate(outputs):  # a branch gives what it makes itself
            given = f"{prefix}out {index}"
            nodes.append(helper.make_node("Identity", [self._here(name, prefix, tail)], [given], name=given))
            values.append(onnx.ValueInfoProto(name=given, type=self.types[name]))
        return helper.make_graph(nodes, f"side {number}", [], values, tensors)

    def _here(self, name: str, prefix: str, tail: "_Tail") -> str:
        """What a branch calls a value: common ones by the first graph's names, its own under its prefix."""
        if not name or name in self.tensors:
            return prefix + name if name else name
        return tail.common.get(self.prints[name], prefix + name)


class _Tail:
    """The nodes behind the choice: those that all graphs have, the same but for what they are given."""

    def __init__(self, graphs: Sequence[_FingerprintedGraph]) -> None:
        self.nodes: list[onnx.NodeProto] = []
        #: Values that are each graph's own, by their names in all graphs, and what they are called once chosen.
        self.chosen: dict[tuple[str, ...], str] = {}
        shared = set.intersection(*(set(graph.prints.values()) for graph in graphs))
        first = graphs[0]
        #: Values that all graphs have, by fingerprint: their names in the first.
        self.common: dict[str, str] = {
            mark: name for name, mark in first.prints.items() if mark in shared and name not in first.tensors
        }
        self._graphs = graphs
        self._made: dict[tuple[str, ...], str] = {}

    def add(self, output: str) -> None:
        """Give ``output`` its value, from here or from a branch."""
        given = self._value((output,) * len(self._graphs))
        if given != output:
            self.nodes.append(helper.make_node("Identity", [given], [output], name=f"give {output}"))

    def _value(self, names: tuple[str, ...]) -> str:
        """What the value that the graphs know under ``names`` is called in the whole."""
        marks = [graph.prints[name] for graph, name in zip(self._graphs, names, strict=True)]
        if len(set(marks)) == 1:
            return self.common.get(marks[0], names[0])  # weights keep the first graph's name
        if names not in self._made:
            together = self._maker(names, marks)
            if together is None:
                self._made[names] = self.chosen[names] = f"chosen {len(self.chosen)}"
            else:
                self._add_node(names, together)
        return self._made[names]

    def _maker(self, names: tuple[str, ...], marks: Sequence[str]) -> list[onnx.NodeProto] | None:
        """The nodes that make the value, where all do the same and with the same weights; None where they do not."""
        if any(mark in self.common for mark in marks):
            return None
        if any(name not in graph.makers for graph, name in zip(self._graphs, names, strict=True)):
            return None
        makers = [graph.makers[name] for graph, name in zip(self._graphs, names, strict=True)]
        doing = {
            (graph.kind(node), len(node.input), list(node.output).index(name))
            for graph, node, name in zip(self._graphs, makers, names, strict=True)
        }
        if len(doing) > 1:
            return None
        for inputs in zip(*(node.input for node in makers), strict=True):
            fixed = [name in graph.tensors or not name for graph, name in zip(self._graphs, inputs, strict=True)]
            marks_of = {graph.prints[name] for graph, name in zip(self._graphs, inputs, strict=True)}
            if any(fixed) and len(marks_of) > 1:
                return None
        return makers

    def _add_node(self, names: tuple[str, ...], makers: Sequence[onnx.NodeProto]) -> None:
        node = onnx.NodeProto()
        node.CopyFrom(makers[0])
        inputs = zip(*(maker.input for maker in makers), strict=True)
        node.input[:] = [self._value(each) if each[0] else "" for each in inputs]
        self.nodes.append(node)
        for each in zip(*(maker.output for maker in makers), strict=True):
            self._made[each] = each[0]


def _choose(
    number: int, branches: Sequence[onnx.GraphProto], outputs: Sequence[str]
) -> tuple[list[onnx.NodeProto], onnx.TensorProto]:
    """Nodes that give what the branch with the chosen number gives, and the constant that they compare with."""
    rest = branches[1]
    if len(branches) > 2:
        names = [f"from {number + 1}: {name}" for name in outputs]
        nodes, constant = _choose(number + 1, branches[1:], names)
        values = [onnx.ValueInfoProto(name=name, type=o.type) for name, o in zip(names, rest.output, strict=True)]
        rest = helper.make_graph(nodes, f"from {number + 1}", [], values, [constant])
    name, test = f"number {number}", f"is {number}"
    return [
        helper.make_node("Equal", [CHOICE, name], [test], name=test),
        helper.make_node("If", [test], outputs, name=f"choose {number}", then_branch=branches[0], else_branch=rest),
    ], numpy_helper.from_array(np.array([number], np.int64), name)


def _renamed(tensor: onnx.TensorProto, name: str) -> onnx.TensorProto:
    copy = onnx.TensorProto()
    copy.CopyFrom(tensor)
    copy.name = name
    return copy


def _digest(*parts: bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "little") + part)
    return digest.hexdigest()
