"""The training loop that both nets share, and their weights on disk."""

import copy
import io
import pickle
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from models.schedule import share_of_rate
from realtime.runtime.arrays import Bytes
from realtime.runtime.errors import InputError, UsageError
from realtime.runtime.files import write_whole

__all__ = ["Pace", "begin", "clock", "fit", "load_weights", "prefetched", "save_weights", "to_input", "told"]

Batch = TypeVar("Batch")

#: The first steps are soon forgotten by a running average: step N leaves at most N / (N + this) of it.
FORGOTTEN: Final = 50


@dataclass(frozen=True, slots=True)
class Pace:
    """How to step: the numbers that the two nets do not share."""

    rate: float  # of learning, at its highest
    decay: float  # of the weights
    clip: float  # largest norm of the gradient
    report_every: int  # steps
    warmup: int = 200  # steps until the rate is at its highest
    average: float = 0.0  # how much of a running average of the weights each step leaves; what is kept is the average


def prefetched(draw: Callable[[], Batch]) -> Iterator[Batch]:
    """Endless batches, the next one prepared beside the running step."""
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(draw)
        while True:
            ready, coming = coming.result(), pool.submit(draw)
            yield ready


def clock(minutes: float) -> Callable[[int], float]:
    """Share of a run of ``minutes`` that is over, from now on, whatever the step."""
    start = time.monotonic()
    return lambda step: (time.monotonic() - start) / (minutes * 60)


def to_input(pixels: Bytes) -> Tensor:
    """uint8 (N, H, W, 3) to float32 (N, 3, H, W) in 0..1; channels stay last in memory."""
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).float().div_(255)


def told(figures: Mapping[str, float]) -> str:
    """``figures`` in one line."""
    return " ".join(f"{name} {value:.4f}" for name, value in figures.items())


def begin(net: nn.Module, path: Path, resume: bool) -> None:
    """Load the weights at ``path`` with ``resume``; without it raise ``UsageError`` where there are some."""
    if resume:
        load_weights(net, path)
    elif path.exists():
        raise UsageError(f"{path}: is there already; give --resume to go on from it, or another folder")


def fit(
    net: nn.Module,
    batches: Iterator[Batch],
    loss: Callable[[Batch], Tensor],
    progress: Callable[[int], float],
    pace: Pace,
    path: Path,
    report: Callable[[], str] = str,
) -> list[float]:
    """Train ``net`` until ``progress``, of the steps made, reaches 1; the weights go to ``path``.

    AdamW (Loshchilov and Hutter 2019). ``loss`` answers for a batch; ``report`` adds figures to the lines that are
    printed. With ``pace.average`` it is asked, and the weights are kept, of their running average. Returns the loss of
    every step.
    """
    optimizer = torch.optim.AdamW(net.parameters(), lr=pace.rate, weight_decay=pace.decay)
    average = _averaged(net, pace.average)
    losses: list[float] = []
    while (done := progress(len(losses))) < 1:
        for group in optimizer.param_groups:
            group["lr"] = pace.rate * share_of_rate(done, len(losses), pace.warmup)
        net.train()
        value = loss(next(batches))
        optimizer.zero_grad()
        value.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(net.parameters(), pace.clip)
        optimizer.step()
        average.update_parameters(net)
        losses.append(float(value.detach()))
        if len(losses) % pace.report_every == 0:
            recent = sum(losses[-pace.report_every :]) / pace.report_every
            now = copy.deepcopy(net.state_dict())
            net.load_state_dict(average.module.state_dict())
            print(f"step {len(losses)} at {done:.0%}: loss {recent:.4f} {report()}", flush=True)
            save_weights(net, path)
            net.load_state_dict(now)
    net.load_state_dict(average.module.state_dict())
    save_weights(net, path)
    print(f"done after {len(losses)} steps; {path} {report()}", flush=True)
    return losses


def _averaged(net: nn.Module, share: float) -> AveragedModel:
    """The running average of the weights of ``net``; with a ``share`` of 0 those weights themselves."""

    def step(average: Tensor, weight: Tensor, number: int | Tensor) -> Tensor:
        return weight + (average - weight) * min(share, int(number) / (int(number) + FORGOTTEN))

    return AveragedModel(net, avg_fn=step, use_buffers=True)


def save_weights(net: nn.Module, path: Path) -> None:
    """Write the net's weights in one step. Raises ``OutputError``."""
    data = io.BytesIO()
    torch.save(net.state_dict(), data)
    write_whole(path, data.getvalue())


def load_weights(net: nn.Module, path: Path) -> None:
    """Read what ``save_weights`` wrote. Raises ``InputError`` where it is missing, damaged or of another net."""
    try:
        net.load_state_dict(torch.load(path, weights_only=True))
    except (OSError, EOFError, RuntimeError, pickle.UnpicklingError, TypeError) as error:
        first = str(error).partition("\n")[0]
        raise InputError(f"{path}: not the weights of a {type(net).__name__} ({first})") from error
