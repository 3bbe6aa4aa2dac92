"""Checkpoints: one safetensors file of weights, averaged weights and optimiser state, with a JSON header.

Reading one executes nothing. Writing replaces the old file in one step, so a run that dies leaves a whole
one. A run's folder holds the last one as ``checkpoint.safetensors``, those before it under ``earlier/``, and the
best as ``best.safetensors``.
"""

import json
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import safetensors
import torch
from safetensors.torch import save
from torch import Tensor, nn
from torch.optim import Optimizer

from models.architectures import Config, Network, configure
from realtime.runtime.errors import InputError, UsageError
from realtime.runtime.files import make_folder, remove_partial, whole_or_nothing, write_whole, writing

__all__ = [
    "BEST",
    "FILE",
    "Checkpoint",
    "keep_best",
    "load_network",
    "optimizer_tensors",
    "read_checkpoint",
    "restore_optimizer",
    "sweep",
    "write_checkpoint",
]

#: The checkpoint's name in a run's folder.
FILE: Final = "checkpoint.safetensors"
#: The best one's name, and the folder of those before the last.
BEST: Final = "best.safetensors"
EARLIER: Final = "earlier"
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


@torch.no_grad()
def restore_optimizer(network: nn.Module, optimizer: Optimizer, state: dict[str, Tensor]) -> None:
    """The reverse of ``optimizer_tensors``."""
    parameters = dict(network.named_parameters())
    for key, value in state.items():
        name, _, entry = key.rpartition("/")
        parameter = parameters[name]
        # Laid out in memory as the parameter is: the fused step walks through both side by side. Step counters are
        # numbers by themselves.
        kept = torch.empty_like(parameter) if value.ndim else torch.empty_like(value, device=parameter.device)
        optimizer.state[parameter][entry] = kept.copy_(value)


def write_checkpoint(folder: Path, checkpoint: Checkpoint, keep: int = 1) -> Path:
    """Write ``checkpoint.safetensors`` into ``folder``; of those before it ``keep - 1`` stay, under ``earlier/``.

    Raises ``OutputError`` where that cannot be done; then the file that was there still is.
    """
    header = {
        "format": FORMAT,
        "config": checkpoint.config.fields(),
        "iteration": checkpoint.iteration,
        "seconds": checkpoint.seconds,
        "facts": checkpoint.facts,
    }
    path = folder / FILE
    tensors = {key: value.detach().cpu().contiguous() for key, value in checkpoint.tensors.items()}
    if keep > 1 and path.is_file():
        _link(path, folder / EARLIER / f"{checkpoint.iteration:09d}-before.safetensors")
    write_whole(path, save(tensors, {KEY: json.dumps(header)}))
    earlier = sorted((folder / EARLIER).glob("*.safetensors"))
    for old in earlier[: max(len(earlier) - keep + 1, 0)]:
        old.unlink(missing_ok=True)
    return path


def keep_best(folder: Path) -> Path:
    """Give the last checkpoint a second name, ``best.safetensors``. Raises ``OutputError``."""
    return _link(folder / FILE, folder / BEST)


def sweep(folder: Path) -> None:
    """Delete what a killed process left half written in a run's folder."""
    remove_partial(folder)
    remove_partial(folder / EARLIER)


def _link(path: Path, name: Path) -> Path:
    """Give a file a second name, in one step; a copy where the file system knows no links."""
    make_folder(name.parent)
    with whole_or_nothing(name) as part, writing(name):
        part.unlink()
        try:
            os.link(path, part)
        except OSError:
            shutil.copyfile(path, part)
    return name


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
