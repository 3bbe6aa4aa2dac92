"""Batches of sides that were filmed apart."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Final, TypeAlias

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from models.augment import Geometry, Photometry, affine_grid, photometry, sample, warp_field
from models.batches import CPU, Example
from models.faceset.reading import AlignedFaces
from models.pairs import WEIGHT_ONE
from models.pseudo import Partners, lent_mouths, partners
from models.settings import Stage
from models.side import Side
from models.thin_plate_spline import bending

__all__ = ["SideBatches"]

#: How much of a bent face's rim says nothing, in shares of the crop's side.
RIM: Final = 0.03
#: ``Example`` without its side.
Part: TypeAlias = tuple[Tensor, Tensor, Tensor, Tensor]


@dataclass(frozen=True, slots=True)
class _PseudoPairs:
    """Faces of one side, or of the clip (``of_clip``), and for each the faces that may be its target."""

    source: Side
    partners: Partners
    of_clip: bool


class SideBatches:
    """A warped face is the input. The target is the face as it was, or for a pseudo-pair one of another side.

    ``flips`` says of each side how often a face is mirrored, ``fit`` are faces of the target clip, which join side A,
    ``hold_out`` is the share of each side that is kept out of training, ``priority`` that of eyes and mouth.
    """

    geometry: ClassVar = Geometry(warp=0.025)
    # The target shares the input's light, so only what a camera adds may differ between the two.
    light: ClassVar = Photometry(exposure=0.08, gamma=0.06, balance=0.03, saturation=0.1, light=0.05)

    def __init__(
        self,
        sides: Sequence[AlignedFaces],
        geometry: Geometry = geometry,
        light: Photometry = light,
        flips: Sequence[float] | None = None,
        fit: AlignedFaces | None = None,
        hold_out: float = 0.05,
        priority: float = 1.0,
    ) -> None:
        self.counts = tuple(len(side) for side in sides)
        self._geometry = geometry
        self._light = light
        flips = flips or [geometry.flip] * len(sides)
        self._sides = [Side(side, flip, hold_out, priority) for side, flip in zip(sides, flips, strict=True)]
        self._fit = Side(fit, flips[0], 0.0, priority) if fit is not None else None
        self._pseudo_pairs = [list(self._pseudo_pairs_for(answering)) for answering in self._sides]

    def draw(self, count: int, generator: Generator, stage: Stage, device: torch.device = CPU) -> Sequence[Example]:
        """See ``Batches.draw``."""
        light = self._light.scaled(stage.light)
        examples = []
        for number, side in enumerate(self._sides):
            paired = round(count * stage.pseudo) if self._pseudo_pairs[number] else 0
            own = count - paired
            parts = []
            if number == 0 and self._fit is not None and (fitted := round(own * stage.fit)):
                parts.append(self._own(self._fit, fitted, generator, stage, device))
                own -= fitted
            if own:
                parts.append(self._own(side, own, generator, stage, device))
            if paired:
                pairs = _one_of(self._pseudo_pairs[number], stage.fit, generator)
                parts.append(self._pseudo(pairs, side, paired, generator, stage, device))
            face, target, mask, weight = (torch.cat(tensors) for tensors in zip(*parts, strict=True))
            examples.append(Example(photometry(face, light, generator), target, mask, weight, number))
        return examples

    def held(self, count: int) -> Sequence[Example]:
        """See ``Batches.held``."""
        return [side.still(side.held[:count], number) for number, side in enumerate(self._sides) if len(side.held)]

    def shown(self, count: int) -> Sequence[Example]:
        """See ``Batches.shown``."""
        sides = len(self._sides)
        counts = [count // sides + (number < count % sides) for number in range(sides)]
        return [
            side.still(side.sample(part), number)
            for number, (side, part) in enumerate(zip(self._sides, counts, strict=True))
            if part
        ]

    def _pseudo_pairs_for(self, target: Side) -> Sequence[_PseudoPairs]:
        """Pseudo-pairs with targets of the side ``target``: of every other side, and of the clip for all but A."""
        others = [(side, False) for side in self._sides if side is not target]
        if self._fit is not None and target is not self._sides[0]:
            others.append((self._fit, True))
        return [
            _PseudoPairs(source, partners(source.landmarked, target.landmarked, target.flip > 0), of_clip)
            for source, of_clip in others
            if source.landmarked is not None and target.landmarked is not None
        ]

    def _own(self, side: Side, count: int, generator: Generator, stage: Stage, device: torch.device) -> Part:
        """Faces of a side, warped, with themselves, not warped, as targets."""
        face, mask, weight = side.take(side.used[side.choose(count, generator)], device)
        grid, warped = self._grids(face, side.flip, generator, stage)
        return sample(face, warped), sample(face, grid, cubic=True), sample(mask, grid), _weighed(weight, grid)

    def _pseudo(
        self, pairs: _PseudoPairs, side: Side, count: int, generator: Generator, stage: Stage, device: torch.device
    ) -> Part:
        """Faces of another side, warped; their targets are faces of ``side``, bent to the landmarks of the inputs."""
        source = pairs.source
        chosen = source.choose(count, generator)
        drawn = pairs.partners.draw(chosen, generator)
        face, mask, weight = source.take(source.used[chosen], device)
        theirs, their_mask, _ = side.take(side.used[drawn.faces], device)
        mirrored = torch.from_numpy(drawn.mirrored).to(device)[:, None, None, None]
        theirs, their_mask = (torch.where(mirrored, each.flip(-1), each) for each in (theirs, their_mask))
        grid, warped = self._grids(face, min(source.flip, side.flip), generator, stage)
        places = bending(torch.from_numpy(drawn.wanted).to(device), torch.from_numpy(drawn.source).to(device))
        bent = sample(places, grid).permute(0, 2, 3, 1)
        lent = sample(torch.from_numpy(lent_mouths(drawn)).to(device).unsqueeze(1), grid)
        target = torch.lerp(sample(theirs, bent, cubic=True), sample(face, grid, cubic=True), lent)
        sure = _shrunk(sample(their_mask, bent))
        return sample(face, warped), target, sample(mask, grid), sure * _weighed(weight, grid)

    def _grids(self, face: Tensor, flip: float, generator: Generator, stage: Stage) -> tuple[Tensor, Tensor]:
        """Where the target's pixels come from, and the input's, which are warped as the stage says."""
        geometry = replace(self._geometry, flip=flip)
        grid = affine_grid(face, geometry, generator)
        return grid, grid + warp_field(face, geometry, generator, stage.warp) if stage.warp else grid


def _one_of(choices: Sequence[_PseudoPairs], clip: float, generator: Generator) -> _PseudoPairs:
    """A pairs at random: one of the clip, if there are some, with a chance of ``clip``."""
    of_clip = bool(torch.rand((), generator=generator) < clip)
    offered = [pairs for pairs in choices if pairs.of_clip == of_clip] or choices
    return offered[int(torch.randint(len(offered), (1,), generator=generator))]


def _weighed(weight: Tensor, grid: Tensor) -> Tensor:
    """Weight maps taken at ``grid``, 1 where they say ``WEIGHT_ONE``."""
    return sample(weight, grid) * (255 / WEIGHT_ONE)


def _shrunk(mask: Tensor) -> Tensor:
    """``mask`` without its rim: outlines are found less exactly than what lies inside them."""
    reach = max(round(mask.shape[-1] * RIM), 1)
    return 1 - F.max_pool2d(1 - mask, 2 * reach + 1, 1, reach)
