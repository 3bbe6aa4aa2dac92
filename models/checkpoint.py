"""Checkpoints: one safetensors file of weights, averaged weights and optimiser state, with a JSON header.

Reading one executes nothing. Writing replaces the old file in one step, so a run that dies leaves a whole
one.
"""

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import safetensors
from safetensors.torch import save
from torch import Tensor, nn
from torch.optim import Optimizer

from models.architectures import Config, Network, configure
from models.files import write_whole
from realtime.errors import InputError, UsageError

__all__ = [
    "FILE",
    "Checkpoint",
    "load_network",
    "optimizer_tensors",
    "read_checkpoint",
    "restore_optimizer",
    "write_checkpoint",
]

#: The checkpoint's name in a run's folder.
FILE: Final = "checkpoint.safetensors"
#: The header's key in the file's metadata, and the number of its format.
KEY: Final = "mummer.run"
FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A run as it stood after ``iteration`` steps and ``seconds`` of training.

    ``tensors`` holds weights under ``weights.``, their running average under ``average.`` and the optimiser's
    state under ``optimizer.``; ``facts`` is whatever the run wants to remember (counts, template, hashes), as
    JSON.
    """

    config: Config
    iteration: int
    seconds: float
    tensors: dict[str, Tensor]
    facts: dict[str, object] = field(default_factory=dict)

    def part(self, prefix: str) -> dict[str, Tensor]:
        """The tensors under ``prefix.``, without it."""
        return {
            key.removeprefix(f"{prefix}."): tensor
            for key, tensor in self.tensors.items()
            if key.startswith(f"{prefix}.")
        }


def optimizer_tensors(network: nn.Module, optimizer: Optimizer) -> dict[str, Tensor]:
    """The optimiser's state by parameter name."""
    return {
        f"{name}/{key}": value
        for name, parameter in network.named_parameters()
        for key, value in optimizer.state.get(parameter, {}).items()
    }


def restore_optimizer(network: nn.Module, optimizer: Optimizer, state: dict[str, Tensor]) -> None:
    """The reverse of ``optimizer_tensors``."""
    parameters = dict(network.named_parameters())
    for key, value in state.items():
        name, _, entry = key.rpartition("/")
        parameter = parameters[name]
        # Step counters stay on the CPU, as the optimiser keeps them.
        optimizer.state[parameter][entry] = value.to(parameter.device) if value.ndim else value


def write_checkpoint(folder: Path, checkpoint: Checkpoint) -> Path:
    """Write ``checkpoint.safetensors`` into ``folder``. Raises ``OutputError`` where that cannot be done."""
    header = {
        "format": FORMAT,
        "config": checkpoint.config.fields(),
        "iteration": checkpoint.iteration,
        "seconds": checkpoint.seconds,
        "facts": checkpoint.facts,
    }
    path = folder / FILE
    tensors = {key: value.detach().cpu().contiguous() for key, value in checkpoint.tensors.items()}
    write_whole(path, save(tensors, {KEY: json.dumps(header)}))
    return path


def read_checkpoint(folder: Path) -> Checkpoint:
    """The checkpoint in a run's folder. Raises ``InputError`` naming the file that is missing or damaged."""
    path = folder / FILE if folder.is_dir() else folder
    if not path.is_file():
        raise InputError(f"{path}: no checkpoint there; give the folder that `mummer train --out` wrote")
    try:
        with safetensors.safe_open(os.fspath(path), framework="pt") as file:
            header: dict[str, Any] = json.loads((file.metadata() or {})[KEY])
            version = header["format"]
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118  (not a mapping)
    except (safetensors.SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: not a checkpoint of a training run, or damaged ({error})") from error
    if version != FORMAT:
        raise InputError(f"{path}: checkpoint format {version}; this version reads {FORMAT}")
    try:
        return Checkpoint(
            config=configure(**header["config"]),
            iteration=header["iteration"],
            seconds=header["seconds"],
            tensors=tensors,
            facts=header["facts"],
        )
    except (UsageError, KeyError, TypeError) as error:
        raise InputError(f"{path}: its header does not fit this version: {error}") from error


def load_network(checkpoint: Checkpoint) -> Network:
    """The network with its averaged weights, ready to run. Raises ``InputError`` where they do not fit it."""
    network = checkpoint.config.build()
    try:
        network.load_state_dict(checkpoint.part("average"))
    except RuntimeError as error:
        raise InputError(f"the checkpoint's weights are not those of {checkpoint.config.fields()}") from error
    return network.eval()
