"""What a network learns from: batches of examples."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import torch
from torch import Generator, Tensor

from models.settings import Stage
from realtime.runtime.arrays import Bytes

__all__ = ["CPU", "Batches", "Example", "all_true", "to_floats"]

CPU: Final = torch.device("cpu")


@dataclass(frozen=True, slots=True)
class Example:
    """What a network is shown and what it should answer; a batch of it.

    ``face`` and ``target`` are float (B, 3, S, S) RGB in 0..1, ``mask`` float (B, 1, S, S) in 0..1,
    ``weight`` float (B, 1, S, S), how often a pixel counts, 1 as a rule. ``true`` is bool (B,): which targets are
    pictures as they should be in every detail, and not what another face was made into.
    """

    face: Tensor
    target: Tensor
    mask: Tensor
    weight: Tensor
    true: Tensor
    side: int

    def part(self, which: slice) -> "Example":
        """Some pictures of the batch."""
        face, target, mask, weight = (each[which] for each in (self.face, self.target, self.mask, self.weight))
        return Example(face, target, mask, weight, self.true[which], self.side)


class Batches(Protocol):
    """A source of examples."""

    @property
    def counts(self) -> tuple[int, ...]:
        """Pictures of each side."""

    def draw(self, count: int, generator: Generator, stage: Stage, device: torch.device = CPU) -> Sequence[Example]:
        """An example of ``count`` pictures for every side that learns; depends on the other arguments alone."""

    def held(self, count: int) -> Sequence[Example]:
        """For every side up to ``count`` pictures that no draw shows, as they are; for some sides there may be none."""

    def shown(self, count: int) -> Sequence[Example]:
        """``count`` pictures in all, as they are, for previews: half of them held-out ones, where there are some."""


def all_true(face: Tensor) -> Tensor:
    """``Example.true`` for faces (B, ...) whose targets are as they should be."""
    return torch.ones(len(face), dtype=torch.bool, device=face.device)


def to_floats(pictures: Bytes, device: torch.device = CPU) -> Tensor:
    """uint8 (B, S, S, 3) or (B, S, S) to float (B, 3 or 1, S, S) in 0..1 on ``device``."""
    rows = torch.from_numpy(pictures)
    return (rows.permute(0, 3, 1, 2) if rows.ndim == 4 else rows.unsqueeze(1)).to(device).float() / 255
