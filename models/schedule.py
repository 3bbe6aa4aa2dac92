"""The learning rate over a run."""

import math

__all__ = ["share_of_rate"]


def share_of_rate(done: float, iteration: int, warmup: int) -> float:
    """Share of the full rate: a linear rise over ``warmup`` iterations, then a cosine down to a hundredth.

    ``done`` is 0 at the run's start and 1 at its end (Loshchilov and Hutter 2017, without restarts).
    """
    rise = min(1.0, (iteration + 1) / max(warmup, 1))
    return rise * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(done, 1.0))))
