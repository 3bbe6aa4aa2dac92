"""The learning rate over a run, and the stages of one."""

import math
from collections.abc import Sequence
from itertools import accumulate

from models.settings import Stage

__all__ = ["share_of_rate", "stage_at"]


def stage_at(stages: Sequence[Stage], done: float) -> tuple[Stage, float]:
    """The stage at ``done``, 0 at the run's start and 1 at its end, and the share of the full learning rate there.

    Through a stage the rate goes from the last stage's to its own; a first stage begins with the full one.
    """
    whole = sum(stage.share for stage in stages)
    ends = [end / whole for end in accumulate(stage.share for stage in stages)]
    index = next((index for index, end in enumerate(ends) if done < end), len(stages) - 1)
    stage, begin = stages[index], (0.0, *ends)[index]
    before = stages[index - 1].rate if index else 1.0
    return stage, _fall(before, stage.rate, (done - begin) / (ends[index] - begin))


def share_of_rate(done: float, iteration: int, warmup: int) -> float:
    """Share of the full rate in a run of one stage: a linear rise over ``warmup`` iterations, then down to a hundredth.

    ``done`` is 0 at the run's start and 1 at its end.
    """
    return min(1.0, (iteration + 1) / max(warmup, 1)) * _fall(1.0, 0.01, done)


def _fall(high: float, low: float, done: float) -> float:
    """From ``high`` to ``low`` along half a cosine (Loshchilov and Hutter 2017, without restarts)."""
    return low + (high - low) * 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))
