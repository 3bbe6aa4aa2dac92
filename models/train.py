"""The training loop, to be read from top to bottom."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor

from models.architectures import Config, Network
from models.batches import Batches, Example
from models.checkpoint import (
    FILE,
    Checkpoint,
    optimizer_tensors,
    read_checkpoint,
    restore_optimizer,
    write_checkpoint,
)
from models.files import make_folder
from models.losses import LossWeights, picture_loss
from models.preview import preview_sheet, write_preview
from models.schedule import share_of_rate
from realtime.arrays import Bytes
from realtime.errors import MummerError, UsageError

__all__ = ["Settings", "Trained", "bfloat16_pays", "check_run", "train"]

PREVIEW: Final = "preview.png"


@dataclass(frozen=True, slots=True)
class Settings:
    """How to train. The run ends after ``iterations`` or ``minutes``, whichever comes first."""

    iterations: int | None = None
    minutes: float | None = None
    batch: int = 16
    rate: float = 1e-3
    warmup: int = 100  # iterations
    decay: float = 1e-4
    average: float = 0.999  # of the running average of the weights
    clip: float = 1.0  # largest norm of the gradient
    seed: int = 0
    threads: int = 0  # 0: as many as torch takes by itself
    device: str = "auto"
    bfloat16: bool | None = None  # None: where it pays
    log_every: int = 50
    preview_every: int = 500
    save_every: int = 500
    loss: LossWeights = LossWeights()  # noqa: RUF009  (frozen)


@dataclass(frozen=True, slots=True)
class Trained:
    """What came of it: ``losses`` has the loss of every step made in this call."""

    iteration: int
    seconds: float
    losses: tuple[float, ...]
    path: Path


def train(
    config: Config,
    batches: Batches,
    out: Path,
    settings: Settings,
    facts: dict[str, object] | None = None,
    resume: bool = False,
    log: Callable[[str], None] = print,
) -> Trained:
    """Train the network of ``config`` on ``batches``; checkpoints and previews go to the folder ``out``.

    With ``resume`` the run goes on where its checkpoint stands, with the same config; the batches
    depend on seed and iteration only, so that an interrupted run makes the same steps as an uninterrupted
    one. Ctrl-C saves and is passed on. Raises ``UsageError`` for settings that have no end, ``MummerError``
    when the loss is no number, ``OutputError`` where ``out`` cannot be written.
    """
    if settings.iterations is None and settings.minutes is None:
        raise UsageError("training needs an end: iterations, minutes, or both")
    check_run(out, resume)
    if settings.threads:
        torch.set_num_threads(settings.threads)
    device = _device(settings.device)
    mixed = bfloat16_pays(device) if settings.bfloat16 is None else settings.bfloat16
    torch.manual_seed(settings.seed)  # the initial weights

    saved = read_checkpoint(out) if resume else None
    if saved and saved.config != config:
        raise UsageError(f"{out}: was begun with {_differences(saved.config, config)}")
    network = config.build().to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = config.build().to(device)
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=settings.rate, betas=(0.9, 0.99), weight_decay=settings.decay
    )
    if saved:
        network.load_state_dict(saved.part("weights"))
        average.load_state_dict(saved.part("average"))
        restore_optimizer(network, optimizer, saved.part("optimizer"))
    else:
        average.load_state_dict(network.state_dict())
    iteration, before = (saved.iteration, saved.seconds) if saved else (0, 0.0)
    facts = {**(saved.facts if saved else {}), **(facts or {}), "counts": list(batches.counts)}

    make_folder(out)
    started = time.monotonic()
    seconds = before
    losses: list[float] = []
    sums: dict[str, float] = {}
    log(f"{config.name} {config.size} px, {sum(batches.counts)} pictures, {device}, bfloat16 {mixed}")

    def save() -> Path:
        tensors = {f"weights.{key}": value for key, value in network.state_dict().items()}
        tensors |= {f"average.{key}": value for key, value in average.state_dict().items()}
        tensors |= {f"optimizer.{key}": v for key, v in optimizer_tensors(network, optimizer).items()}
        return write_checkpoint(out, Checkpoint(config, iteration, seconds, tensors, facts))

    try:
        while (done := _progress(settings, iteration, seconds)) < 1:
            for group in optimizer.param_groups:
                group["lr"] = settings.rate * share_of_rate(done, iteration, settings.warmup)

            generator = torch.Generator().manual_seed(settings.seed * 1_000_003 + iteration)
            examples = batches.draw(settings.batch, generator)
            optimizer.zero_grad(set_to_none=True)
            total = 0.0
            for example in examples:
                face = example.face.to(device, memory_format=torch.channels_last)
                with torch.autocast(device.type, torch.bfloat16, enabled=mixed):
                    answer: Tensor = network(face, example.side)  # (B, 4, S, S)
                loss, parts = picture_loss(
                    answer.float(),
                    example.target.to(device),
                    example.mask.to(device),
                    example.weight.to(device),
                    settings.loss,
                )
                (loss / len(examples)).backward()  # type: ignore[no-untyped-call]
                total += float(loss.detach()) / len(examples)
                for name, part in parts.items():
                    sums[name] = sums.get(name, 0.0) + float(part.detach()) / len(examples)
            if not math.isfinite(total):
                raise MummerError(f"the loss became {total} at iteration {iteration}; lower the rate, then resume")
            torch.nn.utils.clip_grad_norm_(network.parameters(), settings.clip)
            optimizer.step()
            _follow(average, network, min(settings.average, (1 + iteration) / (10 + iteration)))

            iteration += 1
            seconds = before + time.monotonic() - started
            losses.append(total)
            if iteration % settings.log_every == 0:
                count = min(settings.log_every, len(losses))
                pace = len(losses) * settings.batch * len(examples) / (seconds - before)
                recent = sum(losses[-count:]) / count
                means = "  ".join(f"{name} {value / count:.4f}" for name, value in sums.items())
                log(f"{iteration:6d}  {seconds / 60:5.1f} min  {pace:5.0f}/s  loss {recent:.4f}  {means}")
                sums.clear()
            if iteration % settings.save_every == 0:
                save()
            if iteration % settings.preview_every == 0:
                write_preview(out / PREVIEW, _preview(average, examples))
    except BaseException as stop:
        if not isinstance(stop, Exception):  # Ctrl-C, in whatever form it comes
            log(f"stopped at iteration {iteration}; saved to {save()}")
        raise
    return Trained(iteration, seconds, tuple(losses), save())


def check_run(out: Path, resume: bool) -> None:
    """Raise ``UsageError`` where ``out`` holds a run that is not to be resumed."""
    if not resume and (out / FILE).exists():
        raise UsageError(f"{out}: holds a run already; give --resume to go on with it, or another folder")


def _differences(begun: Config, asked: Config) -> str:
    """Which numbers of two configs are not the same, in words."""
    ours, theirs = begun.fields(), asked.fields()
    names = [name for name in ours | theirs if ours.get(name) != theirs.get(name)]
    return ", ".join(f"{name} {ours.get(name)}, not {theirs.get(name)}" for name in names)


def bfloat16_pays(device: torch.device) -> bool:
    """Whether the processor multiplies bfloat16 in hardware; half the time of float32 where it does."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    capabilities: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()  # torch 2.10 and later
    return any(bool(capabilities.get(name)) for name in ("avx512_bf16", "amx_bf16", "bf16"))


def _device(name: str) -> torch.device:
    """The device of that name. Raises ``UsageError`` where it is not there."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        there = torch.zeros(1, device=name)
        there.item()  # some devices can be named and not be computed on
    except (RuntimeError, AssertionError) as error:
        raise UsageError(f"cannot train on {name!r}: {str(error).splitlines()[0]}") from error
    return there.device


def _progress(settings: Settings, iteration: int, seconds: float) -> float:
    """0 at the start, 1 when the run is over."""
    steps = iteration / settings.iterations if settings.iterations else 0.0
    return max(steps, seconds / (settings.minutes * 60) if settings.minutes else 0.0)


@torch.no_grad()
def _follow(average: Network, network: Network, decay: float) -> None:
    """Move the running average towards the weights."""
    torch._foreach_lerp_(list(average.parameters()), list(network.parameters()), 1 - decay)


@torch.no_grad()
def _preview(network: Network, examples: Sequence[Example]) -> Bytes:
    """Rows of question, right answer, answer of every side, answer's mask."""
    rows = []
    device = next(network.parameters()).device
    for example in examples:
        face = example.face[:4].to(device)
        answers = [network(face, side) for side in range(len(network.decoders))]
        own = answers[example.side]
        rows.append(preview_sheet([face, example.target[:4], *(answer[:, :3] for answer in answers), own[:, 3:]]))
    return np.concatenate(rows)
