"""Batches of augmented examples, drawn from facesets or from pairs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Final, Protocol, TypeAlias

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Generator, Tensor

from models.augment import Geometry, Photometry, affine_grid, photometry, sample, warp_field
from models.faces import FaceSet
from models.pairs import WEIGHT_ONE, Pairs
from models.priority import priority_maps
from models.pseudo import lent_mouths, partners
from models.reshape import bending
from models.settings import Stage
from realtime.arrays import Bytes, Points

__all__ = ["Batches", "Example", "PairBatches", "SideBatches", "held_out"]

#: Neighbours in film order that are held out together: a face beside one that was learnt is no test.
STRETCH: Final = 8
CPU: Final = torch.device("cpu")
#: How much of a bent face's rim says nothing, in shares of the crop's side.
RIM: Final = 0.03
#: ``Example`` without its side.
Drawn: TypeAlias = tuple[Tensor, Tensor, Tensor, Tensor]


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

    def part(self, which: slice) -> "Example":
        """Some pictures of the batch."""
        return Example(self.face[which], self.target[which], self.mask[which], self.weight[which], self.side)


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


class SideBatches:
    """The classic way, sides unpaired: warp a face, and ask its own decoder for the face as it was.

    ``flips`` says of each side how often a face is mirrored, ``fit`` are faces of the target clip, which join side A,
    ``hold_out`` is the share of each side that is kept for judging, ``priority`` that of eyes and mouth.
    """

    geometry: ClassVar = Geometry(warp=0.025)
    # The answer shares the question's light, so only what a camera adds may differ between the two.
    light: ClassVar = Photometry(exposure=0.08, gamma=0.06, balance=0.03, saturation=0.1, light=0.05)

    def __init__(
        self,
        sides: Sequence[FaceSet],
        geometry: Geometry = geometry,
        light: Photometry = light,
        flips: Sequence[float] | None = None,
        fit: FaceSet | None = None,
        hold_out: float = 0.05,
        priority: float = 1.0,
    ) -> None:
        self.counts = tuple(len(side) for side in sides)
        self._sets = [_Side(side, hold_out, priority) for side in sides]
        self._fit = _Side(fit, 0.0, priority) if fit is not None else None
        self._geometry = [replace(geometry, flip=flip) for flip in flips or [geometry.flip] * len(sides)]
        self._light = light
        self._partners = {
            (ours, theirs): partners(asked.landmarks, answering.landmarks, self._geometry[theirs].flip > 0)
            for ours, asked in enumerate(self._sets)
            for theirs, answering in enumerate(self._sets)
            if ours != theirs and asked.landmarks is not None and answering.landmarks is not None
        }

    def draw(self, count: int, generator: Generator, stage: Stage, device: torch.device = CPU) -> Sequence[Example]:
        """See ``Batches.draw``."""
        light = self._light.scaled(stage.light)
        examples = []
        for side in range(len(self._sets)):
            others = [ours for ours, theirs in self._partners if theirs == side]
            paired = round(count * stage.pseudo) if others else 0
            parts = [self._own(side, count - paired, generator, stage, device)]
            if paired:
                other = others[int(torch.randint(len(others), (1,), generator=generator))]
                parts.append(self._pseudo(other, side, paired, generator, stage, device))
            face, target, mask, weight = (torch.cat(tensors) for tensors in zip(*parts, strict=True))
            examples.append(Example(photometry(face, light, generator), target, mask, weight, side))
        return examples

    def _own(self, side: int, count: int, generator: Generator, stage: Stage, device: torch.device) -> Drawn:
        """Faces of a side, bent, to be answered with the same as they were."""
        faces, geometry = self._sets[side], self._geometry[side]
        picks = faces.pick(count, generator)
        if side == 0 and self._fit is not None and (fitted := round(count * stage.fit)):
            clip = self._fit.pick(fitted, generator)
            picks = [torch.cat([ours[fitted:], theirs]) for ours, theirs in zip(picks, clip, strict=True)]
        face, mask, weight = (_floats(pick.to(device)) for pick in picks)
        grid = affine_grid(face, geometry, generator)
        shown = sample(face, _warped(face, grid, geometry, stage, generator))
        return shown, sample(face, grid, cubic=True), sample(mask, grid), _weighed(weight, grid)

    def _pseudo(
        self, ours: int, theirs: int, count: int, generator: Generator, stage: Stage, device: torch.device
    ) -> Drawn:
        """Faces of one side, bent, to be answered with another side's, which are bent to their landmarks."""
        asked, answering = self._sets[ours], self._sets[theirs]
        geometry = replace(self._geometry[ours], flip=min(self._geometry[ours].flip, self._geometry[theirs].flip))
        chosen = torch.randint(len(asked.used), (count,), generator=generator).numpy()
        drawn = self._partners[ours, theirs].draw(chosen, generator)
        face, mask, weight = (_floats(pick.to(device)) for pick in asked.take(asked.used[chosen]))
        target, target_mask, _ = (_floats(pick.to(device)) for pick in answering.take(answering.used[drawn.faces]))
        mirrored = torch.from_numpy(drawn.mirrored).to(device)[:, None, None, None]
        target, target_mask = (torch.where(mirrored, each.flip(-1), each) for each in (target, target_mask))
        grid = affine_grid(face, geometry, generator)
        places = bending(torch.from_numpy(drawn.wanted).to(device), torch.from_numpy(drawn.source).to(device))
        bent = sample(places, grid).permute(0, 2, 3, 1)
        shown = sample(face, _warped(face, grid, geometry, stage, generator))
        sure = _shrunk(sample(target_mask, bent))
        lent = sample(torch.from_numpy(lent_mouths(drawn)).to(device).unsqueeze(1), grid)
        target = torch.lerp(sample(target, bent, cubic=True), sample(face, grid, cubic=True), lent)
        return shown, target, sample(mask, grid), sure * _weighed(weight, grid)

    def held(self, count: int) -> Sequence[Example]:
        """See ``Batches.held``."""
        return [_still(faces, faces.held[:count], side) for side, faces in enumerate(self._sets) if len(faces.held)]

    def shown(self, count: int) -> Sequence[Example]:
        """See ``Batches.shown``."""
        parts = np.array_split(np.arange(count), len(self._sets))
        return [
            _still(faces, faces.sample(len(part)), side)
            for side, (faces, part) in enumerate(zip(self._sets, parts, strict=True))
            if len(part)
        ]


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
        face, target, mask = (
            _floats(_take(part, index).to(device)) for part in (pairs.inputs, pairs.targets, pairs.masks)
        )
        grid = affine_grid(face, self._geometry, generator) + warp_field(face, self._geometry, generator)
        moved = sample(torch.cat([face, mask], dim=1), grid)  # (B, 4, S, S)
        shown, mask = photometry(moved[:, :3], self._light.scaled(stage.light), generator), moved[:, 3:]
        weight = torch.ones_like(mask)
        if pairs.weights is not None:
            weight = sample(_floats(_take(pairs.weights, index).to(device)) * (255 / WEIGHT_ONE), grid)
        return [Example(shown, sample(target, grid, cubic=True), mask, weight, self._side)]

    def held(self, count: int) -> Sequence[Example]:
        """See ``Batches.held``; none, since pairs come without an order in which neighbours look alike."""
        return []

    def shown(self, count: int) -> Sequence[Example]:
        """See ``Batches.shown``."""
        index = np.linspace(0, len(self._pairs) - 1, count).astype(np.int64)
        face, target, mask = (
            _floats(_take(part, index)) for part in (self._pairs.inputs, self._pairs.targets, self._pairs.masks)
        )
        return [Example(face, target, mask, torch.ones_like(mask), self._side)]


class _Side:
    """The faces of one side, some of them held out."""

    def __init__(self, faces: FaceSet, hold_out: float, priority: float) -> None:
        self.faces = faces
        order = np.argsort(np.array(faces.names)) if faces.names else np.arange(len(faces))  # film order
        out = held_out(len(faces), hold_out)
        self.held, self.used = order[out], order[~out]
        self.weights: Bytes = (
            np.full((1, 1, 1), WEIGHT_ONE, np.uint8)
            if faces.landmarks is None or priority == 1
            else priority_maps(faces.landmarks, faces.faces.shape[1], priority)
        )

        size = faces.faces.shape[1]
        #: Of the faces in use, float32 (N, 68, 2) in -1..1 from edge to edge.
        self.landmarks: Points | None = (
            None if faces.landmarks is None else (faces.landmarks[self.used] + np.float32(0.5)) * (2 / size) - 1
        )

    def pick(self, count: int, generator: Generator) -> list[Tensor]:
        """Random faces, masks and weight maps, uint8 (B, C, S, S) with sides S of their own."""
        chosen = torch.randint(len(self.used), (count,), generator=generator).numpy()
        return self.take(self.used[chosen])

    def take(self, index: NDArray[np.int64]) -> list[Tensor]:
        """The faces, masks and weight maps at ``index``, as ``pick`` gives them."""
        weights = self.weights[index] if len(self.weights) > 1 else self.weights.repeat(len(index), 0)
        return [_take(self.faces.faces, index), _take(self.faces.masks, index), torch.from_numpy(weights).unsqueeze(1)]

    def sample(self, count: int) -> NDArray[np.int64]:
        """``count`` indices of faces from all over the set, up to half of them held out."""
        return np.resize(np.concatenate([_spread(self.held, count // 2), _spread(self.used, count)]), count)


def held_out(count: int, share: float) -> NDArray[np.bool_]:
    """Which of ``count`` faces in film order are held out: evenly spaced stretches, ``share`` of all.

    Never all: at least half of the faces are left, and a set too small for one stretch keeps them all.
    """
    out = np.zeros(count, bool)
    stretches = round(count * share / STRETCH) or int(count * share >= STRETCH / 4)
    length = min(STRETCH, round(count * share))
    for middle in (np.arange(stretches) + 0.5) * (count / max(stretches, 1)):
        out[int(middle) - length // 2 :][:length] = True
    return out


def _spread(index: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Up to ``count`` of ``index``, evenly spaced."""
    return index[np.linspace(0, len(index) - 1, min(count, len(index))).astype(np.int64)]


def _still(faces: _Side, index: NDArray[np.int64], side: int) -> Example:
    """Faces as they are."""
    face, mask, _ = (_floats(part) for part in faces.take(index))
    mask = F.interpolate(mask, face.shape[-2:], mode="bilinear", align_corners=False)
    return Example(face, face, mask, mask.new_ones(1).expand_as(mask), side)


def _take(pictures: Bytes, index: NDArray[np.int64]) -> Tensor:
    """uint8 (N, S, S, 3) or (N, S, S) to uint8 (B, 3 or 1, S, S)."""
    taken = torch.from_numpy(pictures[index])
    return taken.permute(0, 3, 1, 2) if taken.ndim == 4 else taken.unsqueeze(1)


def _warped(like: Tensor, grid: Tensor, geometry: Geometry, stage: Stage, generator: Generator) -> Tensor:
    """``grid`` with the warp of the stage."""
    return grid + warp_field(like, geometry, generator, stage.warp) if stage.warp else grid


def _weighed(weight: Tensor, grid: Tensor) -> Tensor:
    """Weight maps taken at ``grid``, 1 where they say ``WEIGHT_ONE``."""
    return sample(weight, grid) * (255 / WEIGHT_ONE)


def _shrunk(mask: Tensor) -> Tensor:
    """``mask`` without its rim: outlines are found less exactly than what lies inside them."""
    reach = max(round(mask.shape[-1] * RIM), 1)
    return 1 - F.max_pool2d(1 - mask, 2 * reach + 1, 1, reach)


def _floats(pictures: Tensor) -> Tensor:
    """uint8 to float in 0..1."""
    return pictures.float() / 255
