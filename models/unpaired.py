"""Batches of sides that were filmed apart."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from string import ascii_uppercase
from typing import ClassVar, Final, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor

from models.augment import Geometry, Photometry, affine_grid, photometry, sample, warp_field
from models.batches import CPU, Example, to_floats
from models.bent import bent_to
from models.faceset.reading import AlignedFaces
from models.pairs import WEIGHT_ONE
from models.pseudo import Partners, partners
from models.renderings import Renderings
from models.settings import Stage
from models.side import Side
from models.teacher import Teacher
from realtime.runtime.arrays import Floats

__all__ = ["PseudoPairs", "SideBatches"]

#: A true frame that does the same counts so many times as much as one that the mesh drew.
OWN: Final = 2.0
#: ``Example`` without its side.
Part: TypeAlias = tuple[Tensor, Tensor, Tensor, Tensor]
#: Targets for faces, of these and their masks, taken at a grid; and how much they say.
_Answer: TypeAlias = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]


@dataclass(frozen=True, slots=True)
class PseudoPairs:
    """Faces of one side, or of the clip (``of_clip``), and for each the faces that may be its target.

    ``name`` says whose they are and become. ``drawn`` are faces of the side as the mesh draws the target's over them,
    and ``rows`` int64 (N,) their rows among the used ones; None where every target is one of the nearest.
    """

    name: str
    source: Side
    partners: Partners
    of_clip: bool
    drawn: Renderings | None = None
    rows: NDArray[np.int64] | None = None

    def nearest_counts(self, rows: NDArray[np.int64]) -> Floats:
        """How many times the nearest face counts where the drawn one counts once: float32, for ``rows``."""
        return np.asarray(OWN * self.partners.likeness[rows], np.float32)


class SideBatches:
    """A warped face is the input. The target is the face as it was, or for a pseudo-pair one of another side.

    ``flips`` says of each side how often a face is mirrored, ``fit`` are faces of the target clip, which join side A,
    ``hold_out`` is the share of each side that is kept out of training, ``priority`` how many times a pixel of eyes and
    mouth counts. With a ``teacher`` most targets of pseudo-pairs are drawn by the mesh. ``pseudo_pairs`` are those
    with targets of each of the ``sides``.
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
        teacher: Teacher | None = None,
    ) -> None:
        self.counts = tuple(len(side) for side in sides)
        self._geometry = geometry
        self._light = light
        flips = flips or [geometry.flip] * len(sides)
        self.sides = [Side(side, flip, hold_out, priority) for side, flip in zip(sides, flips, strict=True)]
        self._fit = Side(fit, flips[0], 0.0, priority) if fit is not None else None
        self._teacher = teacher
        self.pseudo_pairs = [list(self._pseudo_pairs_for(number)) for number in range(len(sides))]

    def draw(self, count: int, generator: Generator, stage: Stage, device: torch.device = CPU) -> Sequence[Example]:
        """See ``Batches.draw``."""
        light = self._light.scaled(stage.light)
        examples = []
        for number, side in enumerate(self.sides):
            paired = round(count * stage.pseudo) if self.pseudo_pairs[number] else 0
            own = count - paired
            parts = []
            if number == 0 and self._fit is not None and (fitted := round(own * stage.fit)):
                parts.append(self._own(self._fit, fitted, generator, stage, device))
                own -= fitted
            if own:
                parts.append(self._own(side, own, generator, stage, device))
            true = torch.arange(count, device=device) < count - paired
            if paired:
                pairs = _one_of(self.pseudo_pairs[number], stage.fit, generator)
                parts += self._pseudo(pairs, side, paired, generator, stage, device)
            face, target, mask, weight = (torch.cat(tensors) for tensors in zip(*parts, strict=True))
            examples.append(Example(photometry(face, light, generator), target, mask, weight, true, number))
        return examples

    def held(self, count: int) -> Sequence[Example]:
        """See ``Batches.held``."""
        return [side.still(side.held[:count], number) for number, side in enumerate(self.sides) if len(side.held)]

    def shown(self, count: int) -> Sequence[Example]:
        """See ``Batches.shown``."""
        sides = len(self.sides)
        counts = [count // sides + (number < count % sides) for number in range(sides)]
        return [
            side.still(side.sample(part), number)
            for number, (side, part) in enumerate(zip(self.sides, counts, strict=True))
            if part
        ]

    def _pseudo_pairs_for(self, number: int) -> Iterator[PseudoPairs]:
        """Pseudo-pairs with targets of that side: of every other side, and of the clip for all but A."""
        target = self.sides[number]
        others = [
            (side, letter, False)
            for side, letter in zip(self.sides, ascii_uppercase, strict=False)
            if side is not target
        ]
        if self._fit is not None and number:
            others.append((self._fit, "fit", True))
        for source, name, of_clip in others:
            if source.landmarked is None or target.landmarked is None:
                continue
            found = partners(source.landmarked, target.landmarked, target.flip > 0)
            what = f"{name} as {ascii_uppercase[number]}"
            drawn = self._teacher.renderings(source, target, what) if self._teacher else None
            rows = None if drawn is None else source.rows_of(drawn.index)
            found = found if drawn is None else found.with_own_build()  # as the drawn ones have it
            yield PseudoPairs(what, source, found, of_clip, drawn, rows)

    def _own(self, side: Side, count: int, generator: Generator, stage: Stage, device: torch.device) -> Part:
        """Faces of a side, warped, with themselves, not warped, as targets."""
        face, mask, weight = side.take(side.used[side.choose(count, generator)], device)
        grid, warped = self._grids(face, side.flip, generator, stage)
        return sample(face, warped), sample(face, grid, cubic=True), sample(mask, grid), _weighed(weight, grid)

    def _pseudo(
        self, pairs: PseudoPairs, side: Side, count: int, generator: Generator, stage: Stage, device: torch.device
    ) -> list[Part]:
        """Faces of another side, warped; their targets are faces of ``side`` that do the same."""
        source = pairs.source

        def answered(index: NDArray[np.int64], answer: _Answer) -> Part:
            """The faces of ``source`` at ``index``, with what ``answer`` gives to them."""
            face, mask, weight = source.take(index, device)
            grid, warped = self._grids(face, min(source.flip, side.flip), generator, stage)
            target, sure = answer(face, mask, grid)
            return sample(face, warped), target, sample(mask, grid), sure * _weighed(weight, grid)

        def bent(rows: NDArray[np.int64]) -> Part:
            return answered(source.used[rows], partial(bent_to, pairs.partners.draw(rows, generator), side))

        if pairs.drawn is None or pairs.rows is None:
            return [bent(source.choose(count, generator))]
        chosen = torch.randint(len(pairs.rows), (count,), generator=generator).numpy()
        times = pairs.nearest_counts(pairs.rows[chosen])
        true = torch.rand(count, generator=generator).numpy() < times / (times + 1)
        parts = []
        if true.any():
            parts.append(bent(pairs.rows[chosen[true]]))
        if not true.all():
            drawn = chosen[~true]
            parts.append(answered(pairs.drawn.index[drawn], partial(_drawn, pairs.drawn, drawn)))
        return parts

    def _grids(self, face: Tensor, flip: float, generator: Generator, stage: Stage) -> tuple[Tensor, Tensor]:
        """Where the target's pixels come from, and the input's, which are warped as the stage says."""
        geometry = replace(self._geometry, flip=flip)
        grid = affine_grid(face, geometry, generator)
        return grid, grid + warp_field(face, geometry, generator, stage.warp) if stage.warp else grid


def _drawn(
    drawn: Renderings, chosen: NDArray[np.int64], face: Tensor, mask: Tensor, grid: Tensor
) -> tuple[Tensor, Tensor]:
    """What the mesh drew over the ``chosen`` faces, taken at ``grid``, and how much it counts; see ``bent_to``."""
    target, sure = (to_floats(part[chosen], face.device) for part in (drawn.pictures, drawn.sure))
    return sample(target, grid, cubic=True), sample(sure, grid)


def _one_of(choices: Sequence[PseudoPairs], clip: float, generator: Generator) -> PseudoPairs:
    """A pairs at random: one of the clip, if there are some, with a chance of ``clip``."""
    of_clip = bool(torch.rand((), generator=generator) < clip)
    offered = [pairs for pairs in choices if pairs.of_clip == of_clip] or choices
    return offered[int(torch.randint(len(offered), (1,), generator=generator))]


def _weighed(weight: Tensor, grid: Tensor) -> Tensor:
    """Weight maps taken at ``grid``, 1 where they say ``WEIGHT_ONE``."""
    return sample(weight, grid) * (255 / WEIGHT_ONE)
