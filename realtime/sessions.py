"""ONNX Runtime sessions: one place that decides providers, threads and how a refusal reads."""

import contextlib
import ctypes
import io
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as native

from realtime.errors import ModelError
from realtime.modelfile import ModelFile, read_model
from realtime.watchdog import limited

__all__ = ["DEVICES", "SPINNING", "Device", "open_session", "run", "why_not"]

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


#: Seconds that a model may take to load (a GPU's may have to be built), and to answer one batch of faces.
LOADING: Final = 600.0
RUNNING: Final = 60.0
#: Bytes that all models together may take for weights and work; the largest models of this trade need two billion.
MEMORY: Final = 8 << 30
#: The severity of what ONNX Runtime prints by itself: only what ends the process. Errors are raised, and said once.
SILENT: Final = 4
SPINNING: Final = ("session.intra_op.allow_spinning", "session.inter_op.allow_spinning")
NOTHING: Final[Mapping[str, str]] = {}
CONFIG: Final = {
    # Idle threads that spin take the cores from the decoder and the encoder.
    **dict.fromkeys(SPINNING, "0"),
    "session.use_env_allocators": "1",
    # A file may say how large a constant it wants computed while it is loaded.
    "optimization.constant_folding_max_output_size_in_bytes": str(64 << 20),
    "session.load_model_format": "ONNX",
}


@dataclass(frozen=True, slots=True)
class Device:
    """A device by its name on the command line.

    ``usable`` tells cheaply whether ``auto`` should try it, ``package`` which package of ONNX Runtime has it, and
    ``library`` is what the provider's own library is called, where it has one.
    """

    provider: str
    usable: Callable[[], bool]
    automatic: bool = True
    package: str = "it is in onnxruntime"
    library: str = ""


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
    "cuda": Device("CUDAExecutionProvider", _nvidia_driver, package="it is in onnxruntime-gpu", library="cuda"),
    "coreml": Device("CoreMLExecutionProvider", _yes, package="it is in onnxruntime for macOS"),
    "directml": Device("DmlExecutionProvider", _yes, package="it is in onnxruntime-directml, for Windows"),
    "tensorrt": Device(
        "TensorrtExecutionProvider",
        _nvidia_driver,
        automatic=False,
        package="it is in onnxruntime-gpu",
        library="tensorrt",
    ),
    "openvino": Device(
        "OpenVINOExecutionProvider",
        _yes,
        automatic=False,
        package="it is in onnxruntime-openvino",
        library="openvino",
    ),
    "cpu": Device("CPUExecutionProvider", _yes),
}


def open_session(
    model: bytes | Path | ModelFile,
    device: str = "auto",
    threads: int = 1,
    *,
    config: Mapping[str, str] = NOTHING,
    profile: Path | None = None,
) -> onnxruntime.InferenceSession:
    """A session for ``model``, a file or its bytes, on ``device`` with ``threads`` threads.

    ``config`` replaces entries of ``CONFIG``; a ``profile`` of the runs is written to a path that begins so.
    ``auto`` takes the first of ``DEVICES`` that starts here. Raises ``ModelError`` where the device is
    unknown or not there, where the model is no ONNX model or needs what ONNX Runtime does not have, and where
    it is not ready in time.
    """
    name = "the model" if isinstance(model, bytes) else str(model.path if isinstance(model, ModelFile) else model)
    data = read_model(model) if isinstance(model, Path) else model.onnx if isinstance(model, ModelFile) else model
    available = _available()
    if device not in (*available, "auto"):
        raise ModelError(f"device {device!r} is not available here; there is {', '.join((*available, 'auto'))}")
    for candidate in available if device == "auto" else (device,):
        provider = DEVICES[candidate].provider
        if provider == "CUDAExecutionProvider":
            # CUDA's libraries may lie in packages of their own; what this prints without them helps nobody.
            with contextlib.redirect_stdout(io.StringIO()):
                onnxruntime.preload_dlls()
        options = _options(threads, config, profile)
        try:
            with limited(LOADING, partial(options.set_load_cancellation_flag, True)) as limit:
                session = onnxruntime.InferenceSession(
                    data, options, providers=list(dict.fromkeys((provider, "CPUExecutionProvider")))
                )
        except REFUSALS as error:
            if limit.passed:
                raise ModelError(f"{name}: not ready after {LOADING:g} s, and was stopped") from error
            raise ModelError(f"{name} cannot be run: {_plain(error)}") from error
        # A provider whose driver or libraries are missing is left out without an error.
        if provider in session.get_providers():
            return session
    raise ModelError(f"device {device!r} is there but did not start; check its driver, or use --device cpu")


def run(
    session: onnxruntime.InferenceSession,
    outputs: Sequence[str] | None,
    feeds: Mapping[str, NDArray[np.generic]],
    name: str,
) -> list[NDArray[np.generic]]:
    """Run a model of which nobody knows how long it takes.

    ``outputs`` of None are all of them; ``name`` is the file's, for the message. Raises ``ModelError`` where it fails, and where it takes longer than ``RUNNING`` seconds.
    """
    options = onnxruntime.RunOptions()
    options.log_severity_level = SILENT

    def stop() -> None:
        options.terminate = True

    try:
        with limited(RUNNING, stop) as limit:
            answer: list[NDArray[np.generic]] = session.run(outputs, feeds, options)
    except REFUSALS as error:
        if limit.passed:
            raise ModelError(f"{name}: gave no answer in {RUNNING:g} s, and was stopped") from error
        raise ModelError(f"{name}: failed on a picture: {_plain(error)}") from error
    return answer


def why_not(device: str, model: Path) -> str | None:
    """Why ``model`` cannot be run on ``device`` here, in a few words; None where it can."""
    chosen = DEVICES[device]
    if chosen.provider not in onnxruntime.get_available_providers():
        return f"the installed ONNX Runtime is without it ({chosen.package})"
    if not chosen.usable():
        return "its driver is not installed (no libcuda)"
    if missing := _missing_library(chosen):
        return missing
    try:
        open_session(model, device)
    except ModelError as error:
        return str(error)
    return None


def _missing_library(device: Device) -> str | None:
    """What keeps the provider's own library from being loaded, in the system's words."""
    name = f"libonnxruntime_providers_{device.library}.so"
    library = Path(onnxruntime.__file__).parent / "capi" / name
    if not device.library or not library.exists():
        return None
    try:
        ctypes.CDLL(str(library))
    except OSError as error:
        return f"a library is missing: {error}"
    return None


def _options(threads: int, config: Mapping[str, str], profile: Path | None) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = SILENT
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    _bound_memory()
    if profile is not None:
        options.enable_profiling = True
        options.profile_file_prefix = str(profile)
    for key, value in (CONFIG | dict(config)).items():
        options.add_session_config_entry(key, value)
    return options


@cache
def _bound_memory() -> None:
    """Give all sessions of this process one arena, which takes ``MEMORY`` or half of the machine's at most."""
    arena = onnxruntime.OrtMemoryInfo(
        "Cpu", onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, onnxruntime.OrtMemType.DEFAULT
    )
    onnxruntime.create_and_register_allocator(arena, onnxruntime.OrtArenaCfg({"max_mem": min(MEMORY, _memory() // 2)}))


def _memory() -> int:
    """Bytes of memory that the machine has; 8 GiB where the system does not say."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError):
        return 8 << 30


def _available() -> tuple[str, ...]:
    providers = onnxruntime.get_available_providers()
    return tuple(name for name, device in DEVICES.items() if device.provider in providers and device.usable())


def _plain(error: Exception) -> str:
    """The first line of what ONNX Runtime says, without its code, and not too long."""
    text = "".join(c if c.isprintable() else " " for c in (str(error).splitlines() or [type(error).__name__])[0])
    text = text.rpartition("[ONNXRuntimeError] : ")[2]
    for known, plain in PLAIN.items():
        if known in text:
            return plain
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."


LONGEST: Final = 200
PLAIN: Final = {
    "INVALID_PROTOBUF": "it is not an ONNX model",
    "protobuf parsing failed": "it is not an ONNX model",
    "External data": "its weights are in another file; a model must be one file",
    "external": "its weights are in another file; a model must be one file",
}
