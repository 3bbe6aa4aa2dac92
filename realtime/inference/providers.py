"""Where models may run: the devices by the names of the command line, and what each needs."""

import ctypes
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from realtime.inference.onnx_runtime import onnxruntime

__all__ = ["DEVICES", "Device", "available", "what_is_missing"]


@dataclass(frozen=True, slots=True)
class Device:
    """A device.

    ``usable`` tells cheaply whether ``auto`` should try it, ``package`` which package of ONNX Runtime has it,
    ``library`` is what the provider's own library is called, where it has one, and ``place`` is where its buffers
    lie, in ONNX Runtime's words. ``graphs`` replays a captured CUDA graph, ``engines`` keeps what TensorRT builds.
    """

    provider: str
    usable: Callable[[], bool]
    automatic: bool = True
    package: str = "onnxruntime"
    library: str = ""
    place: str = "cpu"
    graphs: bool = False
    engines: bool = False


def _yes() -> bool:
    return True


def _nvidia_driver() -> bool:
    """Machines without a card have the package for NVIDIA cards too, and asking it there fails noisily."""
    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return False
    return True


_CUDA: Final = Device("CUDAExecutionProvider", _nvidia_driver, package="onnxruntime-gpu", library="cuda", place="cuda")
#: In the order in which ``auto`` tries them. TensorRT builds for minutes, OpenVINO is no sure gain, and a CUDA graph
#: is not for every model: on request only.
DEVICES: Final = {
    "cuda": _CUDA,
    "coreml": Device("CoreMLExecutionProvider", _yes, package="onnxruntime for macOS"),
    "directml": Device("DmlExecutionProvider", _yes, package="onnxruntime-directml"),
    "cuda-graph": Device(_CUDA.provider, _CUDA.usable, False, _CUDA.package, _CUDA.library, "cuda", graphs=True),
    "tensorrt": Device(
        "TensorrtExecutionProvider", _nvidia_driver, False, "onnxruntime-gpu", "tensorrt", "cuda", engines=True
    ),
    "openvino": Device("OpenVINOExecutionProvider", _yes, False, "onnxruntime-openvino", "openvino"),
    "cpu": Device("CPUExecutionProvider", _yes),
}


def available() -> tuple[str, ...]:
    """The names of the devices that this package of ONNX Runtime has and whose driver is there."""
    providers = onnxruntime.get_available_providers()
    return tuple(name for name, device in DEVICES.items() if device.provider in providers and device.usable())


def what_is_missing(device: Device) -> str | None:
    """What ``device`` would need here, in a few words; None where all that can be looked for is there."""
    if device.provider not in onnxruntime.get_available_providers():
        return f"the installed ONNX Runtime is without it; the package {device.package} has it"
    if not device.usable():
        return "no driver for it is installed"
    capi = Path(onnxruntime.__file__).parent / "capi"
    libraries = [capi / f"libonnxruntime_providers_{name}.so" for name in ("shared", device.library)]
    if not device.library or not libraries[1].exists():
        return None
    try:
        for library in libraries:
            ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)
    except OSError as error:
        return f"a library that it needs is missing: {error}"
    return None
