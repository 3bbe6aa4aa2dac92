"""Checks an ONNX file before ONNX Runtime opens it: what it is, and that it refers to no other file.

Model files come from anywhere. A graph that keeps its weights in other files, needs operators beyond the
standard, or promises more weights than the file holds is refused here, from the bytes alone. Field numbers are
those of ``onnx.proto`` (ONNX IR 3 to 13).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import prod
from typing import Final, NamedTuple, TypeVar

import numpy as np

from realtime.inference.protobuf import Value, Wire, WireError, integers, signed, text
from realtime.runtime.arrays import Floats

__all__ = ["REAL", "Graph", "GraphError", "Port", "Tensor", "read_graph"]

T = TypeVar("T")

#: Operator domains that every runtime has.
STANDARD: Final = frozenset({"", "ai.onnx"})
#: Fields of all messages together; the largest models of this trade have some fifty thousand.
MOST_FIELDS: Final = 500_000
#: Graphs inside graphs, as in ``If``.
DEEPEST: Final = 8
#: Axes of a tensor.
MOST_AXES: Final = 16
#: Bytes of a name, and of a text beside the graph, as a manifest is.
LONGEST_NAME, LONGEST_TEXT = 512, 1 << 20
EXTERNAL: Final = 1
#: ``TensorProto.DataType``: number, name and bits of an element; text has no fixed size, and no place in a model.
_TYPES: Final = {
    1: ("float", 32), 2: ("uint8", 8), 3: ("int8", 8), 4: ("uint16", 16), 5: ("int16", 16), 6: ("int32", 32),
    7: ("int64", 64), 9: ("bool", 8), 10: ("float16", 16), 11: ("double", 64), 12: ("uint32", 32), 13: ("uint64", 64),
    14: ("complex64", 64), 15: ("complex128", 128), 16: ("bfloat16", 16), 17: ("float8e4m3fn", 8),
    18: ("float8e4m3fnuz", 8), 19: ("float8e5m2", 8), 20: ("float8e5m2fnuz", 8), 21: ("uint4", 4), 22: ("int4", 4),
    23: ("float4e2m1", 4), 24: ("float8e8m0", 8), 25: ("uint2", 2), 26: ("int2", 2),
}  # fmt: skip
#: Types of real numbers that NumPy has too, by the same numbers.
REAL: Final = {1: "<f4", 10: "<f2", 11: "<f8"}


class GraphError(ValueError):
    """This is no ONNX model, or none that may be run; the message says why, without the file's name."""


class Port(NamedTuple):
    """An input or output of a graph; a free dimension is a name, or None."""

    name: str
    type: str
    shape: tuple[int | str | None, ...]


@dataclass(frozen=True, slots=True)
class Tensor:
    """A weight: its shape, the number of its type in ``onnx.proto``, and its bytes, little-endian."""

    name: str
    shape: tuple[int, ...]
    type: int
    data: memoryview

    def floats(self) -> Floats:
        """The values, float32 in the tensor's shape. Raises ``GraphError`` for a type without a fraction."""
        if self.type not in REAL:
            raise GraphError(f"the weight {self.name!r} holds no real numbers")
        kind = np.dtype(REAL[self.type])
        if len(self.data) != prod(self.shape) * kind.itemsize:
            raise GraphError(f"the weight {self.name!r} is written in a way that only older programs used")
        values: Floats = np.frombuffer(self.data, kind).astype(np.float32)
        return values.reshape(self.shape)


@dataclass
class Graph:
    """What a file says of itself: inputs without weights, outputs, weights in order, and the text beside them."""

    inputs: list[Port] = field(default_factory=list)
    outputs: list[Port] = field(default_factory=list)
    weights: list[Tensor] = field(default_factory=list)
    metadata: dict[str, str] = field(default_factory=dict)


def read_graph(data: memoryview) -> Graph:
    """Look into the bytes of a model file. Raises ``GraphError`` for what will not be run."""
    try:
        return _Reader().model(data)
    except WireError as error:
        raise GraphError(f"it is not an ONNX model: {error}") from error


class _Reader:
    """Walks the messages of one file."""

    def __init__(self) -> None:
        self._wire = Wire(MOST_FIELDS)

    def model(self, data: memoryview) -> Graph:
        graph, found = Graph(), False
        for number, value in self._wire.fields(data):
            match number:
                case 7:
                    found = True
                    self._graph(_message(value), graph, depth=0)
                case 14:
                    key, entry = self._pair(_message(value))
                    if key in graph.metadata:
                        raise GraphError(f"it says {key!r} twice")
                    graph.metadata[key] = entry
                case 20:
                    raise GraphError("it carries instructions for training, which are not for running")
                case 25:
                    raise GraphError("it needs operators of its own; only standard ones are run")
        if not found:
            raise GraphError("it is not an ONNX model: there is no graph in it")
        weights = {tensor.name for tensor in graph.weights}
        graph.inputs = [port for port in graph.inputs if port.name not in weights]
        for ports, what in ((graph.inputs, "inputs"), (graph.outputs, "outputs")):
            names = [port.name for port in ports]
            if len(set(names)) < len(names):
                raise GraphError(f"two of its {what} have the same name")
        return graph

    def _graph(self, data: memoryview, graph: Graph, depth: int) -> None:
        """A graph's parts; the ports of graphs inside it are nobody else's business."""
        if depth > DEEPEST:
            raise GraphError(f"its graphs are nested more than {DEEPEST} deep")
        for number, value in self._wire.fields(data):
            match number:
                case 1:
                    self._node(_message(value), graph, depth)
                case 5:
                    tensor = self._tensor(_message(value))
                    if depth == 0:
                        graph.weights.append(tensor)
                case 11 if depth == 0:
                    graph.inputs.append(self._port(_message(value)))
                case 12 if depth == 0:
                    graph.outputs.append(self._port(_message(value)))
                case 15:
                    raise GraphError("it has sparse weights, which may grow without limit")

    def _node(self, data: memoryview, graph: Graph, depth: int) -> None:
        for number, value in self._wire.fields(data):
            match number:
                case 1 | 2 | 3 | 4:
                    _name(value)
                case 5:
                    self._attribute(_message(value), graph, depth)
                case 7 if (domain := _name(value)) not in STANDARD:
                    raise GraphError(f"it needs operators of {domain!r}; only standard ones are run")

    def _attribute(self, data: memoryview, graph: Graph, depth: int) -> None:
        for number, value in self._wire.fields(data):
            match number:
                case 5 | 10:
                    self._tensor(_message(value))
                case 6 | 11:
                    self._graph(_message(value), graph, depth + 1)
                case 22 | 23:
                    raise GraphError("it has sparse weights, which may grow without limit")

    def _tensor(self, data: memoryview) -> Tensor:
        """A tensor whose elements are all in the file."""
        name, kind, shape, raw, listed = "", 0, list[int](), None, memoryview(b"")
        for number, value in self._wire.fields(data):
            match number:
                case 1:
                    _extend(shape, integers(value))
                case 2 if isinstance(value, int):
                    kind = value
                case 8:
                    name = _name(value)
                case 9:
                    raw = _message(value)
                case 4 | 5 | 7 | 10 | 11:
                    listed = memoryview(b"1") if isinstance(value, int) else value
                case 6:
                    raise GraphError("it has weights that are text")
                case 13:
                    raise GraphError("its weights are in another file; a model must be one file")
                case 14 if value == EXTERNAL:
                    raise GraphError("its weights are in another file; a model must be one file")
        if kind not in _TYPES:
            raise GraphError(f"the weight {name!r} is of the unknown type {kind}")
        if min(shape, default=0) < 0:
            raise GraphError(f"the weight {name!r} has the impossible shape {shape}")
        elements, bits = prod(shape), _TYPES[kind][1]
        # A list of numbers takes at least a byte for each.
        if (elements * bits + 7) // 8 != len(raw) if raw is not None else elements > len(listed):
            raise GraphError(f"the weight {name!r} has the shape {shape}, and the file other data than that")
        return Tensor(name, tuple(shape), kind, listed if raw is None else raw)

    def _port(self, data: memoryview) -> Port:
        name, kind, shape = "", "other", list[int | str | None]()
        for number, value in self._wire.fields(data):
            if number == 1:
                name = _name(value)
            elif number == 2:
                for inner in (inner for which, inner in self._wire.fields(_message(value)) if which == 1):
                    kind, shape = self._tensor_type(_message(inner))
        return Port(name, f"tensor({kind})", tuple(shape))

    def _tensor_type(self, data: memoryview) -> tuple[str, list[int | str | None]]:
        kind, shape = "other", list[int | str | None]()
        for number, value in self._wire.fields(data):
            if number == 1 and isinstance(value, int):
                kind = _TYPES[value][0] if value in _TYPES else "other"
            elif number == 2:
                axes = (axis for at, axis in self._wire.fields(_message(value)) if at == 1)
                _extend(shape, (self._axis(_message(axis)) for axis in axes))
        return kind, shape

    def _axis(self, data: memoryview) -> int | str | None:
        size: int | str | None = None
        for number, value in self._wire.fields(data):
            if number == 1 and isinstance(value, int):
                size = signed(value)
            elif number == 2:
                size = _name(value)
        return size

    def _pair(self, data: memoryview) -> tuple[str, str]:
        pair = {1: "", 2: ""}
        for number, value in self._wire.fields(data):
            if number in pair:
                pair[number] = text(_short(value, LONGEST_TEXT))
        return pair[1], pair[2]


def _message(value: Value) -> memoryview:
    if isinstance(value, int):
        raise WireError("a number where a message should be")
    return value


def _name(value: Value) -> str:
    """A name that can be printed, since messages print it."""
    name = text(_short(value, LONGEST_NAME))
    if not name.isprintable():
        raise GraphError(f"a name in it that cannot be shown: {name[:40]!r}")
    return name


def _short(value: Value, longest: int) -> memoryview:
    data = _message(value)
    if len(data) > longest:
        raise GraphError(f"a text in it of {len(data)} bytes, where {longest} are enough")
    return data


def _extend(shape: list[T], axes: Iterator[T]) -> None:
    """Add axes to a shape, as long as they are as few as they should be."""
    for axis in axes:
        if len(shape) == MOST_AXES:
            raise GraphError(f"a tensor in it has more than {MOST_AXES} axes")
        shape.append(axis)
