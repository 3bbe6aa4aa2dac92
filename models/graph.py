"""A torch module as an ONNX graph, which tells nothing about the machine that it was made on."""

import copy
import hashlib
import itertools
import json
import logging
import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from realtime.runtime.errors import ModelError

__all__ = ["OPSET", "graphs", "store_in_half", "to_graph", "weights_sha256"]

#: Version of the standard operators that graphs are written in where nobody asks for another.
OPSET: Final = 18
#: Weights of fewer numbers than this are not worth a conversion.
_LARGE: Final = 1024


def to_graph(
    module: nn.Module,
    example: Tensor | tuple[Tensor, ...],
    free: Mapping[int, object],
    name: str | Sequence[str],
    outputs: Sequence[str],
    opset: int = OPSET,
) -> onnx.ModelProto:
    """Export ``module``, which takes one tensor like ``example``, or several, under the given names.

    ``free`` says for each axis of the inputs whose length is not fixed what it may be: a ``torch.export.Dim``.
    Raises ``ModelError`` where torch gives nothing back, or not in ``opset``.
    """
    # The exporter talks about optional packages and its own deprecated ways; neither is the user's business.
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    examples = (example,) if isinstance(example, Tensor) else example
    folded = _fold_norms(copy.deepcopy(module.eval()))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            folded,
            examples,
            input_names=[name] if isinstance(name, str) else list(name),
            output_names=list(outputs),
            dynamic_shapes=(dict(free),) * len(examples),
            opset_version=opset,
            dynamo=True,
            verbose=False,
        )
    if program is None:
        raise ModelError("torch exported nothing")
    model: onnx.ModelProto = program.model_proto
    written = {entry.domain: entry.version for entry in model.opset_import}.get("")
    if written != opset:
        raise ModelError(f"torch writes this network in opset {written}, not in {opset}; give --opset {written}")
    _strip(model)
    return model


def store_in_half(model: onnx.ModelProto) -> None:
    """Keep large weights in half precision, which halves the file.

    They are made single again when the file is loaded: ONNX Runtime folds what is constant, and computes as before.
    """
    graph, widened = model.graph, []
    for weight in list(graph.initializer):
        if weight.data_type == onnx.TensorProto.FLOAT and math.prod(weight.dims) >= _LARGE:
            half = numpy_helper.to_array(weight).astype(np.float16)
            graph.initializer.remove(weight)
            graph.initializer.append(numpy_helper.from_array(half, f"{weight.name}_half"))
            to_single = helper.make_node("Cast", [f"{weight.name}_half"], [weight.name], to=onnx.TensorProto.FLOAT)
            widened.append(to_single)
    nodes = [*widened, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)


def graphs(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    """``graph`` and all graphs inside its nodes."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                yield from graphs(attribute.g)


def weights_sha256(model: onnx.ModelProto) -> str:
    """Digest of all initialisers: for each, by name, its name, type, shape and little-endian bytes."""
    digest = hashlib.sha256()
    tensors = [tensor for graph in graphs(model.graph) for tensor in graph.initializer]
    for tensor in sorted(tensors, key=lambda tensor: tensor.name):
        array = onnx.numpy_helper.to_array(tensor)
        digest.update(json.dumps([tensor.name, array.dtype.str, array.shape]).encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _fold_norms(module: nn.Module) -> nn.Module:
    """Put each batch norm into the convolution before it: torch would do so too, having traced both."""
    for row in [each for each in module.modules() if isinstance(each, nn.Sequential)]:
        for at, (one, next_) in enumerate(itertools.pairwise(row)):
            if isinstance(one, nn.Conv2d) and isinstance(next_, nn.BatchNorm2d):
                row[at], row[at + 1] = fuse_conv_bn_eval(one, next_), nn.Identity()
    return module


def _strip(model: onnx.ModelProto) -> None:
    """Take out what the exporter notes down: source paths, stack traces, names of Python classes."""
    graph = model.graph
    for part in (model, graph, *graph.node, *graph.value_info, *graph.input, *graph.output, *graph.initializer):
        del part.metadata_props[:]
        part.doc_string = ""
