"""A graph with whole numbers: 8-bit weights and activations, standard QDQ operators, ranges from real faces.

Every quantised layer stands between ``DequantizeLinear`` and ``QuantizeLinear`` (the QDQ form), which runtimes fuse
into integer kernels. Weights are signed, with a scale for each output channel; activations are unsigned bytes.
"""

from collections.abc import Collection
from typing import Final

import onnx
from onnx import TensorProto

from export.forms import Form
from realtime.inference.onnx_runtime import quantization
from realtime.runtime.arrays import Bytes, Floats
from realtime.runtime.files import scratch_folder

__all__ = ["Quantiser"]

_LIBRARY: Final = quantization()

#: Operators whose work is worth it. What stands between them is cheap: to quantise it too costs 1 to 3 dB and is no
#: faster.
HEAVY: Final = ("Conv", "Gemm", "MatMul")


class Quantiser:
    """Quantises one graph, with any of its layers left as they are; faces are looked at only once."""

    def __init__(self, model: onnx.ModelProto, form: Form, faces: Bytes) -> None:
        """``faces``, uint8 (N, P, P, 3) RGB, are those that the ranges of all activations are taken from."""
        self._model = onnx.shape_inference.infer_shapes(model, strict_mode=True)
        self._ranges = _ranges(self._model, form, faces)
        weights = {tensor.name for tensor in model.graph.initializer}
        #: Names of the nodes that can be quantised.
        self.layers = tuple(
            node.name for node in model.graph.node if node.op_type in HEAVY and node.input[1] in weights
        )

    def __call__(self, left_out: Collection[str] = ()) -> onnx.ModelProto:
        """The graph with all layers quantised but those ``left_out``, by name."""
        copy = onnx.ModelProto()
        copy.CopyFrom(self._model)
        quantizer = _LIBRARY.qdq_quantizer.QDQQuantizer(
            copy,
            per_channel=True,
            # Seven bits: two products of eight add up beyond 16 bits, which processors without VNNI cut off.
            reduce_range=True,
            weight_qType=_LIBRARY.QuantType.QInt8,
            activation_qType=_LIBRARY.QuantType.QUInt8,
            tensors_range=self._ranges,
            nodes_to_quantize=[],
            nodes_to_exclude=list(left_out),
            op_types_to_quantize=list(HEAVY),
            extra_options={"DefaultTensorType": TensorProto.FLOAT},
        )
        quantizer.quantize_model()
        quantizer.model.topological_sort()
        model: onnx.ModelProto = quantizer.model.model
        return model


def _ranges(model: onnx.ModelProto, form: Form, faces: Bytes) -> object:
    """The least and the largest value of every activation, as the quantiser takes them."""
    with scratch_folder() as folder:
        source = folder / "model.onnx"
        onnx.save(model, str(source))
        calibrator = _LIBRARY.calibrate.create_calibrator(
            source,
            list(HEAVY),
            augmented_model_path=str(folder / "watched.onnx"),
            calibrate_method=_LIBRARY.CalibrationMethod.MinMax,
        )
        calibrator.collect_data(_Reader(form, faces))
        return calibrator.compute_data()


class _Reader:
    """The library's ``CalibrationDataReader``: gives one face at a time, as the calibrator asks for them."""

    def __init__(self, form: Form, faces: Bytes) -> None:
        self._questions = ({form.tensors.input: form.to_input(face[None])} for face in faces)

    def get_next(self) -> dict[str, Bytes | Floats] | None:
        """The next face as the graph takes it, and None after the last."""
        return next(self._questions, None)
