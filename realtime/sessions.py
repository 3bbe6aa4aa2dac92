"""ONNX Runtime sessions: one place that decides providers, threads and how a refusal reads."""

import contextlib
import ctypes
import io
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as native

from realtime.errors import ModelError

__all__ = ["DEVICES", "Device", "open_session"]

#: Everything that ONNX Runtime raises for a file it will not run.
REFUSALS: Final = (
    native.EPFail,
    native.EngineError,
    native.Fail,
    native.InvalidArgument,
    native.InvalidGraph,
    native.InvalidProtobuf,
    native.NoModel,
    native.NoSuchFile,
    native.NotImplemented,
    native.RuntimeException,
    RuntimeError,
)


@dataclass(frozen=True, slots=True)
class Device:
    """A device by its name on the command line; ``usable`` tells cheaply whether ``auto`` should try it."""

    provider: str
    usable: Callable[[], bool]
    automatic: bool = True


def _yes() -> bool:
    return True


def _nvidia_driver() -> bool:
    """Machines without a card have the package for NVIDIA cards too, and asking it there fails noisily."""
    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return False
    return True


#: In the order in which ``auto`` tries them. TensorRT builds for minutes and OpenVINO is no sure gain: on
#: request only.
DEVICES: Final = {
    "cuda": Device("CUDAExecutionProvider", _nvidia_driver),
    "coreml": Device("CoreMLExecutionProvider", _yes),
    "directml": Device("DmlExecutionProvider", _yes),
    "tensorrt": Device("TensorrtExecutionProvider", _nvidia_driver, automatic=False),
    "openvino": Device("OpenVINOExecutionProvider", _yes, automatic=False),
    "cpu": Device("CPUExecutionProvider", _yes),
}


def open_session(model: bytes | Path, device: str = "auto", threads: int = 1) -> onnxruntime.InferenceSession:
    """A session for ``model``, a file or its bytes, on ``device`` with ``threads`` threads.

    ``auto`` takes the first of ``DEVICES`` that starts here. Raises ``ModelError`` where the device is
    unknown or not there, and where the model is no ONNX model or needs what ONNX Runtime does not have.
    """
    name = str(model) if isinstance(model, Path) else "the model"
    if isinstance(model, Path):
        model = read_model(model)
    available = _available()
    if device not in (*available, "auto"):
        raise ModelError(f"device {device!r} is not available here; there is {', '.join((*available, 'auto'))}")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    # Idle threads that spin take the cores from the decoder and the encoder.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    for candidate in available if device == "auto" else (device,):
        provider = DEVICES[candidate].provider
        if provider == "CUDAExecutionProvider":
            # CUDA's libraries may lie in packages of their own; what this prints without them helps nobody.
            with contextlib.redirect_stdout(io.StringIO()):
                onnxruntime.preload_dlls()
        try:
            session = onnxruntime.InferenceSession(
                model, options, providers=list(dict.fromkeys((provider, "CPUExecutionProvider")))
            )
        except REFUSALS as error:
            raise ModelError(f"{name} cannot be run: {_plain(error)}") from error
        # A provider whose driver or libraries are missing is left out without an error.
        if provider in session.get_providers():
            return session
    raise ModelError(f"device {device!r} is there but did not start; check its driver, or use --device cpu")


def read_model(path: Path) -> bytes:
    """The file's bytes. Raises ``ModelError`` saying what is wrong with the path."""
    if path.is_dir():
        raise ModelError(f"{path}: a folder, not a model file")
    if path.exists() and not path.is_file():
        raise ModelError(f"{path}: not a regular file")
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise ModelError(f"{path}: no such model file") from error
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {(error.strerror or str(error)).lower()}") from error
    if not data:
        raise ModelError(f"{path}: empty, not a model file")
    return data


def _available() -> tuple[str, ...]:
    providers = onnxruntime.get_available_providers()
    return tuple(name for name, device in DEVICES.items() if device.provider in providers and device.usable())


def _plain(error: Exception) -> str:
    """The first line of what ONNX Runtime says, without its code, and not too long."""
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    text = text.rpartition("[ONNXRuntimeError] : ")[2]
    for known, plain in PLAIN.items():
        if known in text:
            return plain
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."


LONGEST = 200
PLAIN: Final = {
    "INVALID_PROTOBUF": "it is not an ONNX model",
    "protobuf parsing failed": "it is not an ONNX model",
    "External data": "its weights are in another file; a model must be one file",
    "external": "its weights are in another file; a model must be one file",
}
