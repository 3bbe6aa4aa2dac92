"""Batches of augmented examples, drawn from facesets or from pairs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

import torch
from torch import Generator, Tensor

from models.augment import Geometry, Photometry, affine_grid, photometry, sample, warp_field
from models.faces import FaceSet
from models.pairs import WEIGHT_ONE, Pairs
from realtime.arrays import Bytes

__all__ = ["Batches", "Example", "PairBatches", "SideBatches"]


@dataclass(frozen=True, slots=True)
class Example:
    """What a network is shown and what it should answer; a batch of it.

    ``face`` and ``target`` are float (B, 3, S, S) RGB in 0..1, ``mask`` float (B, 1, S, S) in 0..1,
    ``weight`` float (B, 1, S, S), how often a pixel counts, 1 as a rule.
    """

    face: Tensor
    target: Tensor
    mask: Tensor
    weight: Tensor
    side: int


class Batches(Protocol):
    """A source of examples."""

    @property
    def counts(self) -> tuple[int, ...]:
        """Pictures of each side."""

    def draw(self, count: int, generator: Generator) -> Sequence[Example]:
        """An example of ``count`` pictures for every side that learns; depends on ``generator`` alone."""


class SideBatches:
    """The classic way, sides unpaired: warp a face, and ask its own decoder for the face as it was."""

    geometry: ClassVar = Geometry(warp=0.025)
    # The answer shares the question's light, so only what a camera adds may differ between the two.
    light: ClassVar = Photometry(exposure=0.08, gamma=0.06, balance=0.03, saturation=0.1, light=0.05)

    def __init__(self, sides: Sequence[FaceSet], geometry: Geometry = geometry, light: Photometry = light) -> None:
        self.counts = tuple(len(side) for side in sides)
        self._sides = sides
        self._geometry = geometry
        self._light = light

    def draw(self, count: int, generator: Generator) -> Sequence[Example]:
        """See ``Batches.draw``."""
        examples = []
        for side, faces in enumerate(self._sides):
            index = torch.randint(len(faces), (count,), generator=generator)
            face, mask = _picture(faces.faces, index), _mask(faces.masks, index)
            grid = affine_grid(face, self._geometry, generator)
            warped = sample(face, grid + warp_field(face, self._geometry, generator))
            target, mask = sample(face, grid, cubic=True), sample(mask, grid)
            shown = photometry(warped, self._light, generator)
            examples.append(Example(shown, target, mask, torch.ones_like(mask), side))
        return examples


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

    def draw(self, count: int, generator: Generator) -> Sequence[Example]:
        """See ``Batches.draw``."""
        pairs = self._pairs
        index = torch.multinomial(self._chances, count, replacement=True, generator=generator)
        face, target = _picture(pairs.inputs, index), _picture(pairs.targets, index)
        mask = _mask(pairs.masks, index)
        grid = affine_grid(face, self._geometry, generator) + warp_field(face, self._geometry, generator)
        moved = sample(torch.cat([face, mask], dim=1), grid)  # (B, 4, S, S)
        shown, mask = photometry(moved[:, :3], self._light, generator), moved[:, 3:]
        weight = torch.ones_like(mask)
        if pairs.weights is not None:
            weight = sample(_mask(pairs.weights, index) * (255 / WEIGHT_ONE), grid)  # whatever its size
        return [Example(shown, sample(target, grid, cubic=True), mask, weight, self._side)]


def _picture(faces: Bytes, index: Tensor) -> Tensor:
    """uint8 (N, S, S, 3) to float (B, 3, S, S) in 0..1."""
    return torch.from_numpy(faces[index.numpy()]).permute(0, 3, 1, 2).float() / 255


def _mask(masks: Bytes, index: Tensor) -> Tensor:
    """uint8 (N, S, S) to float (B, 1, S, S) in 0..1."""
    return torch.from_numpy(masks[index.numpy()]).unsqueeze(1).float() / 255
