"""The training loop, to be read from top to bottom."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import ascii_uppercase
from typing import Final, cast

import torch
from torch import Tensor, nn

from models.architectures import Config, Network
from models.batches import Batches, Example
from models.checkpoint import (
    FILE,
    Checkpoint,
    keep_best,
    optimizer_tensors,
    read_checkpoint,
    restore_optimizer,
    sweep,
    write_checkpoint,
)
from models.curve import Curve
from models.devices import compiling_pays, open_fabric, resolve_precision
from models.discriminator import Discriminator
from models.losses import masked_ssim, picture_loss
from models.preview import FACES, preview_grid, write_preview
from models.run_logger import RunLogger
from models.schedule import stage_at
from models.settings import FILE as SETTINGS
from models.settings import Settings, to_toml
from realtime.runtime.errors import MummerError, UsageError
from realtime.runtime.files import make_folder, write_whole

__all__ = ["Trained", "check_run", "train"]

PREVIEW: Final = "preview.png"
#: Held-out faces of each side that are judged at every save.
JUDGED: Final = 64


@dataclass(frozen=True, slots=True)
class Trained:
    """What came of it: ``losses`` has the loss of every step made in this call."""

    iteration: int
    seconds: float
    losses: tuple[float, ...]
    path: Path


class Together(nn.Module):
    """All sides in one pass: one batch through the shared encoder, and each part through its own decoder.

    One call of one module is also what several processes need to add up their gradients.
    """

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, faces: list[Tensor], sides: list[int]) -> list[Tensor]:
        """Answers (B, 4, S, S) to ``faces``, each (B, 3, S, S), decoded as ``sides``."""
        code = self.network.encode(torch.cat(faces).contiguous(memory_format=torch.channels_last))
        lengths = [len(face) for face in faces]
        parts = zip(*(torch.split(part, lengths) for part in code), strict=True)
        return [self.network.decode(part, side) for part, side in zip(parts, sides, strict=True)]


def train(
    config: Config,
    batches: Batches,
    out: Path,
    settings: Settings,
    facts: dict[str, object] | None = None,
    resume: bool = False,
    log: Callable[[str], None] = print,
    initial: dict[str, Tensor] | None = None,
) -> Trained:
    """Train the network of ``config`` on ``batches``; checkpoints, previews and curves go to the folder ``out``.

    With ``resume`` the run goes on where its checkpoint stands, with the same config; the batches
    depend on seed and iteration only, so that an interrupted run makes the same steps as an uninterrupted
    one. ``initial`` are weights to begin with, by name; those that it lacks are fresh. Ctrl-C saves and is passed on.
    Raises ``UsageError`` for settings that have no end, ``MummerError`` when the loss is no number or runs away,
    ``OutputError`` where ``out`` cannot be written; the last good checkpoint stays.
    """
    if settings.endless:
        raise UsageError("training needs an end: iterations, hours or minutes")
    check_run(out, resume)
    saved = read_checkpoint(out) if resume else None
    if saved and saved.config != config:
        raise UsageError(f"{out}: was begun with {_differences(saved.config, config)}")
    if settings.threads:
        torch.set_num_threads(settings.threads)
    fabric = open_fabric(settings.device, settings.devices, settings.precision)
    fabric.launch()  # from here on there are ``settings.devices`` processes
    device, chief = fabric.device, fabric.global_rank == 0

    torch.manual_seed(settings.seed)  # the initial weights
    network, average = config.build(), config.build()
    network.load_state_dict(saved.part("weights") if saved else initial or {}, strict=saved is not None)
    average.load_state_dict(saved.part("average") if saved else network.state_dict())
    for each in (network, average):
        each.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    together = Together(network)
    if settings.compile if settings.compile is not None else compiling_pays(device):
        together.compile(dynamic=False)
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=settings.rate, betas=(0.9, 0.99), weight_decay=settings.decay, fused=True
    )
    model, stepper = fabric.setup(together, optimizer)
    discriminator = (
        Discriminator(fabric, settings.rate) if any(stage.discriminator for stage in settings.stages) else None
    )
    if saved:
        restore_optimizer(network, optimizer, saved.part("optimizer"))
        if discriminator:
            discriminator.restore(saved.part("discriminator"), saved.part("discriminator_optimizer"))

    iteration, before = (saved.iteration, saved.seconds) if saved else (0, 0.0)
    facts = {**(saved.facts if saved else {}), **(facts or {}), "counts": list(batches.counts)}
    del saved  # its tensors are copied
    curve = Curve(cast(dict[str, float], facts.get("curve", {})))
    held, shown = batches.held(JUDGED), batches.shown(FACES)
    run_log = None
    if chief:
        make_folder(out)
        sweep(out)
        write_whole(out / SETTINGS, to_toml(settings).encode())
        precision = resolve_precision(settings.precision, device)
        pictures = sum(batches.counts)
        log(f"{config.name} {config.size} px, {pictures} pictures, {fabric.world_size} x {device}, {precision}")
        run_log = RunLogger(out, log, settings, iteration, settings.done(iteration, before), curve)
    started = time.monotonic()
    seconds = before
    losses: list[float] = []
    stage, stepping = None, False
    written, written_at = -1, before  # iteration and seconds of the last save

    def save() -> None:
        """Judge the held-out faces and write a checkpoint; the best one so far gets its name."""
        nonlocal written, written_at
        if run_log is None or written == iteration:
            return
        facts["curve"] = curve.state
        facts["held_out"] = judged = judge(average, held)
        if judged:
            run_log.say(iteration, "similarity of held-out faces  " + _said(judged))
            run_log.scalars("held out", judged, iteration)
        merit = min(judged.values(), default=-curve.mean)
        if best := merit > cast(float, facts.get("merit", -math.inf)):
            facts["merit"] = merit
        tensors = {f"weights.{key}": value for key, value in network.state_dict().items()}
        tensors |= {f"average.{key}": value for key, value in average.state_dict().items()}
        tensors |= {f"optimizer.{key}": v for key, v in optimizer_tensors(network, optimizer).items()}
        tensors |= discriminator.tensors() if discriminator else {}
        write_checkpoint(out, Checkpoint(config, iteration, seconds, tensors, facts), settings.keep)
        if best:
            keep_best(out)
        written, written_at = iteration, seconds

    def show() -> None:
        """Write the preview."""
        if run_log is not None:
            sheet = preview_grid(average, shown)
            write_preview(out / PREVIEW, sheet)
            run_log.picture("preview", sheet, iteration)

    try:
        while (done := fabric.broadcast(settings.done(iteration, seconds))) < 1:
            before_this, (stage, share) = stage, stage_at(settings.stages, done)
            if run_log and stage is not before_this:
                run_log.say(iteration, f"stage {stage.name!r}")
            rate = settings.rate * share * min(1.0, (iteration + 1) / max(settings.warmup, 1))
            for group in optimizer.param_groups:
                group["lr"] = rate

            # Every process draws the whole batch, the same one, and works on its part.
            generator = torch.Generator().manual_seed(settings.seed * 1_000_003 + iteration)
            drawn = batches.draw(settings.batch * fabric.world_size, generator, stage, device)
            mine = slice(fabric.global_rank * settings.batch, (fabric.global_rank + 1) * settings.batch)
            examples = [example.part(mine) for example in drawn]

            answers = model([example.face for example in examples], [example.side for example in examples])
            loss, parts = _loss(answers, examples, settings)
            means = cast(Tensor, fabric.all_reduce(torch.stack([loss, *parts.values()]).detach())).tolist()
            if not math.isfinite(means[0]):
                raise MummerError(f"the loss became {means[0]} at iteration {iteration}; {_stands(out)}")
            if discriminator and stage.discriminator:
                loss = loss + stage.discriminator * discriminator.fool(answers, examples)
            fabric.backward(loss)
            norm = fabric.clip_gradients(model, stepper, max_norm=settings.clip, error_if_nonfinite=False)
            # The scaler of fp16 expects that now and then, and skips such a step.
            if norm is not None and not norm.isfinite() and settings.precision != "fp16":
                raise MummerError(f"the gradient became {norm} at iteration {iteration}; {_stands(out)}")
            stepping = True
            stepper.step()
            stepper.zero_grad(set_to_none=True)
            if discriminator and stage.discriminator:
                discriminator.learn(answers, examples)
            _follow(average, network, min(settings.average, (1 + iteration) / (10 + iteration)))
            iteration += 1
            stepping = False

            seconds = before + time.monotonic() - started
            losses.append(means[0])
            curve.add(iteration, means[0])
            if curve.diverged():
                raise MummerError(f"the loss rose from {curve.best:.4f} to {curve.mean:.4f}; {_stands(out)}")
            if run_log:
                pictures = settings.batch * fabric.world_size * len(examples)
                named = dict(zip(("loss", *parts), means, strict=True))
                run_log.step(iteration, named, rate, pictures, seconds - before, done)
            if iteration % settings.save_every == 0 or seconds - written_at > 60 * settings.save_minutes:
                save()
            if iteration % settings.preview_every == 0:
                show()
        save()
        show()
    except BaseException as stop:
        if not isinstance(stop, Exception) and chief:  # Ctrl-C, in whatever form it comes
            if not stepping:  # half a step is not a state to go on from
                save()
            log(f"stopped at iteration {iteration}; the checkpoint stands at {written}")
        raise
    finally:
        if run_log:
            run_log.close()
    return Trained(iteration, seconds, tuple(losses), out / FILE)


@torch.no_grad()
def judge(network: Network, held: Sequence[Example]) -> dict[str, float]:
    """Mean similarity inside the mask of held-out faces and the network's answers, by the letter of their side."""
    device = next(network.parameters()).device
    likeness: dict[str, float] = {}
    for example in held:
        found = []
        for start in range(0, len(example.face), 8):  # a few at a time: what is compared takes much memory
            part = example.part(slice(start, start + 8))
            answer = network(part.face.to(device), example.side)[:, :3].float().clamp(0, 1).cpu()
            found.append(masked_ssim(answer, part.target, part.mask))
        likeness[ascii_uppercase[example.side]] = float(torch.cat(found).mean())
    return likeness


def check_run(out: Path, resume: bool) -> None:
    """Raise ``UsageError`` where ``out`` holds a run that is not to be resumed."""
    if not resume and (out / FILE).exists():
        raise UsageError(f"{out}: holds a run already; give --resume to go on with it, or another folder")


def _loss(
    answers: Sequence[Tensor], examples: Sequence[Example], settings: Settings
) -> tuple[Tensor, dict[str, Tensor]]:
    """The mean loss of all sides, and the means of its parts."""
    losses = [
        picture_loss(answer.float(), example.target, example.mask, example.weight, settings.loss)
        for answer, example in zip(answers, examples, strict=True)
    ]
    parts = {name: torch.stack([part[name] for _, part in losses]).mean() for name in losses[0][1]}
    return torch.stack([loss for loss, _ in losses]).mean(), parts


def _stands(out: Path) -> str:
    """What is left after a run that went wrong, and what to do."""
    last = f"the last good checkpoint stands in {out}" if (out / FILE).exists() else "nothing was saved yet"
    return f"{last}; go on with --resume and a lower --rate"


def _differences(begun: Config, asked: Config) -> str:
    """Which numbers of two configs are not the same, in words."""
    ours, theirs = begun.fields(), asked.fields()
    names = [name for name in ours | theirs if ours.get(name) != theirs.get(name)]
    return ", ".join(f"{name} {ours.get(name)}, not {theirs.get(name)}" for name in names)


def _said(values: Mapping[str, float]) -> str:
    """Numbers by name, in words."""
    return "  ".join(f"{name} {value:.4f}" for name, value in values.items())


@torch.no_grad()
def _follow(average: Network, network: Network, decay: float) -> None:
    """Move the running average towards the weights."""
    torch._foreach_lerp_(list(average.parameters()), list(network.parameters()), 1 - decay)
