"""Smaller and faster: half precision and whole numbers, as far as the picture bears it."""

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

import onnx

from export.forms import Form
from export.half import parts_of, sensitive, simulate_half, to_half
from export.int8 import Quantiser
from export.parity import GraphRunner, psnr
from export.record import Precision
from export.samples import Faces
from export.search import Conversion, leave_out
from realtime.runtime.arrays import Floats
from realtime.runtime.errors import ModelError

__all__ = ["BARS", "convert"]

#: Least peak signal-to-noise ratio against torch in single precision, in dB, where nobody asks for more.
BARS: Final[Mapping[Precision, float]] = {"float16": 45.0, "int8": 35.0}

_Converter: TypeAlias = Callable[[onnx.ModelProto, Form, Faces, Floats, float], Conversion[onnx.ModelProto]]


def convert(
    precision: Precision, model: onnx.ModelProto, form: Form, faces: Faces, expected: Floats, bar: float
) -> Conversion[onnx.ModelProto]:
    """``model`` in another precision, with as little as possible left as it is.

    ``expected``, float32 (N, 4, P, P), is what torch answers to the samples, ``bar`` the least peak signal-to-noise
    ratio against it, in dB. Raises ``ModelError`` where the picture suffers too much whatever is left out.
    """
    return _CONVERTERS[precision](model, form, faces, expected, bar)


def _half(
    model: onnx.ModelProto, form: Form, faces: Faces, expected: Floats, bar: float
) -> Conversion[onnx.ModelProto]:
    feeds = [{form.tensors.input: form.to_input(face[None])} for face in (*faces.samples, *faces.calibration)]
    kept = sensitive(model, feeds)
    parts = parts_of(model, kept)
    found = leave_out(
        list(parts),
        lambda left_out: to_half(model, kept | {name for part in left_out for name in parts[part]}),
        lambda half: psnr(GraphRunner(simulate_half(half), form)(faces.samples), expected),
        bar,
    )
    if psnr(GraphRunner(found.model, form)(faces.samples), expected) < bar:
        raise ModelError("the half-precision file answers otherwise than its simulation; not written")
    return found


def _whole_numbers(
    model: onnx.ModelProto, form: Form, faces: Faces, expected: Floats, bar: float
) -> Conversion[onnx.ModelProto]:
    quantise = Quantiser(model, form, faces.calibration)
    return leave_out(
        quantise.layers, quantise, lambda small: psnr(GraphRunner(small, form)(faces.samples), expected), bar
    )


_CONVERTERS: Final[Mapping[Precision, _Converter]] = {
    "float16": _half,
    "int8": _whole_numbers,
}
