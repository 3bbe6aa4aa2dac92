"""What a model file must be, whatever made it: valid ONNX in one file, and the contract of its form."""

from typing import Final, TypeAlias

import onnx
from onnx import TensorProto

from export.forms import Form
from models.graph import graphs
from realtime.runtime.errors import ModelError

__all__ = ["check_contract", "check_graph"]

#: Operator domains that every runtime has.
STANDARD: Final = frozenset({"", "ai.onnx"})
#: Name, type and shape; a free dimension is "N".
_Port: TypeAlias = tuple[str, int, tuple[int | str, ...]]
_TYPES: Final = {"uint8": TensorProto.UINT8, "float32": TensorProto.FLOAT}


def check_graph(model: onnx.ModelProto) -> None:
    """onnx's own checks, shapes that can be inferred, one file, standard operators only. Raises ``ModelError``."""
    try:
        onnx.checker.check_model(model, full_check=True)
        onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ModelError(f"the exported graph is not valid ONNX: {str(error).splitlines()[0]}") from error
    foreign = {node.domain for graph in graphs(model.graph) for node in graph.node} - STANDARD
    if foreign or len(model.functions):
        raise ModelError(f"the exported graph needs operators outside the standard: {sorted(foreign)}")
    if any(tensor.external_data for graph in graphs(model.graph) for tensor in graph.initializer):
        raise ModelError("the exported graph keeps weights in another file")


def check_contract(model: onnx.ModelProto, form: Form, size: int, identity: str | None = None) -> None:
    """Inputs and outputs are those of ``form``: names, order, types, shapes, a free batch. Raises ``ModelError``."""
    graph, dtype = model.graph, _TYPES[form.tensors.dtype]
    free = "N"
    wanted: list[_Port] = [(form.tensors.input, dtype, (free, size, size, 3))]
    if identity is not None:
        wanted.append((identity, TensorProto.INT64, (1,)))
    _check_ports("input", [_port(value) for value in graph.input], wanted)
    channels = {name: 1 if name in form.masks else 3 for name in form.outputs}
    wanted = [(name, dtype, (free, size, size, channels[name])) for name in form.outputs]
    _check_ports("output", [_port(value) for value in graph.output], wanted)


def _port(value: onnx.ValueInfoProto) -> _Port:
    tensor = value.type.tensor_type
    shape = tuple(d.dim_value if d.WhichOneof("value") == "dim_value" else "N" for d in tensor.shape.dim)
    return value.name, tensor.elem_type, shape


def _check_ports(what: str, found: list[_Port], wanted: list[_Port]) -> None:
    if found != wanted:
        raise ModelError(f"the {what}s do not fit the contract: {_words(found)}, not {_words(wanted)}")


def _words(ports: list[_Port]) -> str:
    return ", ".join(f"{name} {TensorProto.DataType.Name(dtype)} {list(shape)}" for name, dtype, shape in ports)
