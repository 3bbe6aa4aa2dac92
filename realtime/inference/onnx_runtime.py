"""ONNX Runtime, with its reports to its maker turned off: the only module that imports it.

Its builds since 1.29 give every machine a number, which they keep in the user's cache, collect what is loaded and run,
and send it off, unasked. The variable stops all of that, and is read once, when the library starts: so it is set here,
before. Builds for Windows may know the call alone.
"""

import os
from importlib import import_module
from types import ModuleType

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as native

__all__ = ["native", "onnxruntime", "quantization"]

onnxruntime.disable_telemetry_events()


def quantization() -> ModuleType:
    """``onnxruntime.quantization``, for ``export/`` only: it needs the package ``onnx``, which running does without."""
    return import_module("onnxruntime.quantization")
