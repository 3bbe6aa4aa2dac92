"""A swap model small enough to build in a test: it turns faces negative inside an ellipse.

Real ONNX, real manifest.
"""

import datetime
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from realtime.swap.consent import Consent, Identity
from realtime.swap.manifest import KEY, Manifest, Training

#: The record that every identity needs: here, that it is nobody's.
CONSENT = Consent(
    by="The tests", date=datetime.date(2026, 1, 1), scope="tests", statement="It is computed and depicts nobody."
)
NEGATIVE = Identity(id="negative", name="Negative", kind="synthetic", consent=CONSENT)


def make_model(path: Path, size: int = 64, paint: tuple[int, int, int] | None = None, **changes: object) -> Path:
    """Write the model to ``path``; ``changes`` replace fields of the manifest, ``paint`` is what every face becomes."""
    y, x = np.mgrid[0:size, 0:size] / (size - 1) * 2 - 1
    inside = ((x / 0.7) ** 2 + (y / 0.85) ** 2 < 1).astype(np.uint8) * 255
    nodes = [
        helper.make_node("Cast", ["face"], ["wide"], to=TensorProto.INT32),
        helper.make_node("Mul", ["wide", "keep"], ["kept"]),
        helper.make_node("Sub", ["white", "kept"], ["negative"]),
        helper.make_node("Cast", ["negative"], ["swapped"], to=TensorProto.UINT8),
        helper.make_node("ReduceMax", ["wide", "last"], ["brightest"], keepdims=1),
        helper.make_node("Mul", ["brightest", "zero"], ["nothing"]),
        helper.make_node("Add", ["nothing", "inside"], ["ellipse"]),
        helper.make_node("Cast", ["ellipse"], ["mask"], to=TensorProto.UINT8),
    ]
    constants = [
        numpy_helper.from_array(np.array(paint or (255, 255, 255), np.int32), "white"),
        numpy_helper.from_array(np.array(paint is None, np.int32), "keep"),
        numpy_helper.from_array(np.array(0, np.int32), "zero"),
        numpy_helper.from_array(np.array([3], np.int64), "last"),
        numpy_helper.from_array(inside[None, :, :, None].astype(np.int32), "inside"),
    ]
    picture = helper.make_tensor_value_info("face", TensorProto.UINT8, ["N", size, size, 3])
    swapped = helper.make_tensor_value_info("swapped", TensorProto.UINT8, ["N", size, size, 3])
    mask = helper.make_tensor_value_info("mask", TensorProto.UINT8, ["N", size, size, 1])
    graph = helper.make_graph(nodes, "negative", [picture], [swapped, mask], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    fields: dict[str, object] = {
        "architecture": {"name": "negative"},
        "size": size,
        "template": "whole-face",
        "identities": (NEGATIVE,),
        "licence": "MIT",
        "training": Training(counts=(0, 0), iterations=0, code_version="test"),
        "weights_sha256": "0" * 64,
    }
    manifest = Manifest.model_validate(fields | changes)
    helper.set_model_props(model, {KEY: manifest.model_dump_json()})
    onnx.save(model, path)
    return path
