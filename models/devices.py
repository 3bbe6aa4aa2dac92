"""Which device trains, at which precision; one or several of them."""

import logging
from importlib.util import find_spec
from typing import TYPE_CHECKING

import torch

from models.settings import Precision
from realtime.runtime.errors import UsageError

if TYPE_CHECKING:
    from lightning_fabric import Fabric

__all__ = ["bfloat16_pays", "compiling_pays", "open_fabric", "resolve_precision"]


def bfloat16_pays(device: torch.device) -> bool:
    """Whether the processor multiplies bfloat16 in hardware; half the time of float32 where it does."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    capabilities: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()  # torch 2.10 and later
    return any(bool(capabilities.get(name)) for name in ("avx512_bf16", "amx_bf16", "bf16"))


def compiling_pays(device: torch.device) -> bool:
    """Whether to let torch compile the network: on a GPU, where Triton is there to write its kernels.

    Not on a CPU: `lite` at 128 px takes minutes to compile and then twice the time a step, since what oneDNN does
    well is left to loops.
    """
    return device.type == "cuda" and find_spec("triton") is not None


def resolve_precision(precision: Precision, device: torch.device) -> Precision:
    """What ``auto`` means on ``device``. Raises ``UsageError`` for what the device cannot do."""
    if precision == "fp16" and device.type == "cpu":
        raise UsageError("fp16 trains on a GPU only; take bf16 or fp32 on a CPU")
    if precision != "auto":
        return precision
    return "bf16" if bfloat16_pays(device) else "fp32"


def open_fabric(name: str, count: int, precision: Precision) -> "Fabric":
    """Fabric for ``count`` devices of that name. Raises ``UsageError`` where they are not there."""
    from lightning_fabric import Fabric  # and all of torch's compiler: only a run that trains waits for it

    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # it talks about what our log says
    device = _device(name)
    if device.type == "cuda" and count > torch.cuda.device_count():
        raise UsageError(f"--devices {count}, but torch sees {torch.cuda.device_count()} here")
    kinds = {"fp32": "32-true", "bf16": "bf16-mixed", "fp16": "16-mixed"}
    alone = count == 1 and device.index is not None
    return Fabric(
        accelerator=device.type,
        devices=[device.index] if alone else count,
        strategy="ddp" if count > 1 else "auto",
        precision=kinds[resolve_precision(precision, device)],  # type: ignore[arg-type]
    )


def _device(name: str) -> torch.device:
    """The device of that name. Raises ``UsageError`` where it is not there."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).item()  # some devices can be named and not be computed on
    except (RuntimeError, AssertionError) as error:
        raise UsageError(f"cannot train on {name!r}: {str(error).splitlines()[0]}") from error
    return device
