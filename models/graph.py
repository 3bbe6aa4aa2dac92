"""A torch module as an ONNX graph, which tells nothing about the machine that it was made on."""

import logging
import warnings
from collections.abc import Mapping, Sequence
from typing import Final

import onnx
import torch
from torch import Tensor, nn

from realtime.runtime.errors import ModelError

__all__ = ["OPSET", "to_graph"]

#: Version of the standard operators that graphs are written in where nobody asks for another.
OPSET: Final = 18


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
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            module.eval(),
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


def _strip(model: onnx.ModelProto) -> None:
    """Take out what the exporter notes down: source paths, stack traces, names of Python classes."""
    graph = model.graph
    for part in (model, graph, *graph.node, *graph.value_info, *graph.input, *graph.output, *graph.initializer):
        del part.metadata_props[:]
        part.doc_string = ""
