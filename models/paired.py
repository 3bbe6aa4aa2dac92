"""Batches of pairs, whose pictures match one by one."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch
from torch import Generator

from models.augment import Geometry, Photometry, affine_grid, photometry, sample, warp_field
from models.batches import CPU, Example, all_true, to_floats
from models.pairs import WEIGHT_ONE, Pairs
from models.settings import Stage

__all__ = ["PairBatches"]


class PairBatches:
    """Pairs: the same geometry on both pictures, other light on the input only; the last side answers."""

    geometry: ClassVar = Geometry(warp=0.006)
    light: ClassVar = Photometry()

    def __init__(self, pairs: Pairs, side: int = 0, geometry: Geometry = geometry, light: Photometry = light) -> None:
        self.counts = (len(pairs),)
        self._pairs = pairs
        self._chances = torch.ones(len(pairs)) if pairs.chances is None else torch.from_numpy(pairs.chances)
        self._side = side
        self._geometry = geometry
        self._light = light

    def draw(self, count: int, generator: Generator, stage: Stage, device: torch.device = CPU) -> Sequence[Example]:
        """See ``Batches.draw``."""
        pairs = self._pairs
        index = torch.multinomial(self._chances, count, replacement=True, generator=generator).numpy()
        face, target, mask = (to_floats(part[index], device) for part in (pairs.inputs, pairs.targets, pairs.masks))
        grid = affine_grid(face, self._geometry, generator) + warp_field(face, self._geometry, generator)
        moved = sample(torch.cat([face, mask], dim=1), grid)  # (B, 4, S, S)
        shown, mask = photometry(moved[:, :3], self._light.scaled(stage.light), generator), moved[:, 3:]
        weight = torch.ones_like(mask)
        if pairs.weights is not None:
            weight = sample(to_floats(pairs.weights[index], device) * (255 / WEIGHT_ONE), grid)
        return [Example(shown, sample(target, grid, cubic=True), mask, weight, all_true(face), self._side)]

    def held(self, count: int) -> Sequence[Example]:
        """See ``Batches.held``; none, since pairs come without an order in which neighbours look alike."""
        return []

    def shown(self, count: int) -> Sequence[Example]:
        """See ``Batches.shown``."""
        index = np.linspace(0, len(self._pairs) - 1, count).astype(np.int64)
        face, target, mask = (
            to_floats(part[index]) for part in (self._pairs.inputs, self._pairs.targets, self._pairs.masks)
        )
        return [Example(face, target, mask, torch.ones_like(mask), all_true(face), self._side)]
