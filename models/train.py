"""The training loop, to be read from top to bottom."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor

from models.architectures import Config
from models.batches import Batches, Example
from models.checkpoint import FILE, Checkpoint, read_checkpoint
from models.devices import open_fabric, resolve_precision
from models.features import Features
from models.lineage import resumed_facts
from models.losses import picture_loss
from models.recorder import Recorder
from models.schedule import stage_at
from models.settings import Settings, Stage
from models.training_state import TrainingState
from realtime.runtime.errors import MummerError, UsageError
from realtime.runtime.stop_signals import unwinding

if TYPE_CHECKING:
    from lightning_fabric import Fabric

__all__ = ["Trained", "check_run", "train"]


@dataclass(frozen=True, slots=True)
class Trained:
    """What came of it: ``losses`` has the loss of every step made in this call."""

    iteration: int
    seconds: float
    losses: tuple[float, ...]
    path: Path


@unwinding()
def train(
    config: Config,
    batches: Batches,
    out: Path,
    settings: Settings,
    facts: dict[str, object] | None = None,
    resume: bool = False,
    log: Callable[[str], None] = print,
    initial: dict[str, Tensor] | None = None,
    features: Features | None = None,
) -> Trained:
    """Train the network of ``config`` on ``batches``; checkpoints, previews and curves go to the folder ``out``.

    With ``resume`` the run goes on where its checkpoint stands, with the same config; the batches
    depend on seed and iteration only, so that an interrupted run makes the same steps as an uninterrupted
    one. ``initial`` are weights to begin with, by name; those that it lacks are fresh. ``features`` are compared where
    the settings give them weight. Ctrl-C saves and is passed on.
    Raises ``UsageError`` for settings that have no end and for faces of other people than the run was begun with,
    ``MummerError`` when the loss is no number or runs away,
    ``OutputError`` where ``out`` cannot be written; the last good checkpoint stays.
    """
    if settings.endless:
        raise UsageError("training needs an end: iterations, hours or minutes")
    check_run(out, resume)
    saved = _saved(out, config) if resume else None
    facts = {**(facts or {}), "counts": list(batches.counts)}
    if saved:
        facts = resumed_facts(saved, facts, out)
    if settings.threads:
        torch.set_num_threads(settings.threads)
    fabric = open_fabric(settings.device, settings.devices, settings.precision)
    fabric.launch()  # from here on there are ``settings.devices`` processes
    state = TrainingState(fabric, config, settings, facts, saved, initial)
    del saved  # its tensors are copied
    recorder = None
    if fabric.global_rank == 0:
        precision = resolve_precision(settings.precision, fabric.device)
        where = f"{fabric.world_size} x {fabric.device}, {precision}"
        log(f"{config.name} {config.size} px, {sum(batches.counts)} pictures, {where}")
        recorder = Recorder(out, state, settings, batches, log)
    try:
        compared = features.to(fabric.device) if features is not None and settings.loss.features else None
        losses = _loop(fabric, state, batches, settings, compared, recorder, out)
    except BaseException as stop:
        if recorder and not isinstance(stop, Exception):  # Ctrl-C, in whatever form it comes
            recorder.stop()
        raise
    finally:
        if recorder:
            recorder.close()
    return Trained(state.iteration, state.seconds, tuple(losses), out / FILE)


def _loop(
    fabric: "Fabric",
    state: TrainingState,
    batches: Batches,
    settings: Settings,
    features: Features | None,
    recorder: Recorder | None,
    out: Path,
) -> list[float]:
    """Step until the settings say that it is enough; returns the loss of every step. Raises ``MummerError``."""
    started, before = time.monotonic(), state.seconds
    losses: list[float] = []
    while (done := fabric.broadcast(settings.done(state.iteration, state.seconds))) < 1:
        stage, share = stage_at(settings.stages, done)
        rate = settings.rate * share * min(1.0, (state.iteration + 1) / max(settings.warmup, 1))
        state.set_rate(rate)
        if recorder:
            recorder.stage(stage)

        # Forward: each example's faces, decoded as its side.
        examples = _draw(fabric, batches, settings, stage, state.iteration)
        answers = state.model([example.face for example in examples], [example.side for example in examples])
        loss, parts = _loss(answers, examples, settings, features)
        means = cast(Tensor, fabric.all_reduce(torch.stack([loss, *parts.values()]).detach())).tolist()
        if not math.isfinite(means[0]):
            raise MummerError(f"the loss became {means[0]} at iteration {state.iteration}; {_advice(out)}")

        # Backward, and a step of the optimiser.
        discriminator = state.discriminator if stage.discriminator else None
        if discriminator:
            loss = loss + stage.discriminator * discriminator.fool(answers, examples)
        fabric.backward(loss)
        norm = fabric.clip_gradients(state.model, state.stepper, max_norm=settings.clip, error_if_nonfinite=False)
        # The scaler of fp16 expects that now and then, and skips such a step.
        if norm is not None and not norm.isfinite() and settings.precision != "fp16":
            raise MummerError(f"the gradient became {norm} at iteration {state.iteration}; {_advice(out)}")
        state.stepping = True
        state.stepper.step()
        state.stepper.zero_grad(set_to_none=True)
        if discriminator:
            discriminator.learn(answers, examples)
        state.update_average(min(settings.average, (1 + state.iteration) / (10 + state.iteration)))
        state.iteration += 1
        state.stepping = False

        # Note it down; checkpoints and previews are written when they are due.
        state.seconds = before + time.monotonic() - started
        losses.append(means[0])
        state.curve.add(state.iteration, means[0])
        if state.curve.diverged():
            raise MummerError(f"the loss rose from {state.curve.best:.4f} to {state.curve.mean:.4f}; {_advice(out)}")
        if recorder:
            named = dict(zip(("loss", *parts), means, strict=True))
            pictures = settings.batch * fabric.world_size * len(examples)
            recorder.step(named, rate, pictures, state.seconds - before, done)
    if recorder:
        recorder.save()
        recorder.show()
    return losses


def check_run(out: Path, resume: bool) -> None:
    """Raise ``UsageError`` where ``out`` holds a run that is not to be resumed."""
    if not resume and (out / FILE).exists():
        raise UsageError(f"{out}: holds a run already; give --resume to go on with it, or another folder")


def _saved(out: Path, config: Config) -> Checkpoint:
    """The checkpoint to go on from. Raises ``InputError``, and ``UsageError`` where it is of another config."""
    saved = read_checkpoint(out)
    if saved.config != config:
        begun, asked = saved.config.fields(), config.fields()
        names = [name for name in begun | asked if begun.get(name) != asked.get(name)]
        differences = ", ".join(f"{name} {begun.get(name)}, not {asked.get(name)}" for name in names)
        raise UsageError(f"{out}: was begun with {differences}")
    return saved


def _draw(fabric: "Fabric", batches: Batches, settings: Settings, stage: Stage, iteration: int) -> list[Example]:
    """This process's part of an iteration's batch: every process draws the whole of it, the same one."""
    generator = torch.Generator().manual_seed(settings.seed * 1_000_003 + iteration)
    drawn = batches.draw(settings.batch * fabric.world_size, generator, stage, fabric.device)
    mine = slice(fabric.global_rank * settings.batch, (fabric.global_rank + 1) * settings.batch)
    return [example.part(mine) for example in drawn]


def _loss(
    answers: Sequence[Tensor], examples: Sequence[Example], settings: Settings, features: Features | None
) -> tuple[Tensor, dict[str, Tensor]]:
    """The mean loss of all sides, and the means of its parts."""
    losses = [
        picture_loss(answer.float(), example.target, example.mask, example.weight, settings.loss, features)
        for answer, example in zip(answers, examples, strict=True)
    ]
    parts = {name: torch.stack([part[name] for _, part in losses]).mean() for name in losses[0][1]}
    return torch.stack([loss for loss, _ in losses]).mean(), parts


def _advice(out: Path) -> str:
    """What is left after a run that went wrong, and what to do."""
    last = f"the last good checkpoint stands in {out}" if (out / FILE).exists() else "nothing was saved yet"
    return f"{last}; go on with --resume and a lower --rate"
