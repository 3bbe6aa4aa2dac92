"""Mingling the sides of a batch, so that nothing but the face tells them apart.

Two films differ in light, colours and surroundings. An encoder that can tell them apart by these gives each side codes
of its own; then the decoder of B has never seen the like of A's, and its answer is a blur. So part of the faces take
on the colours of another side's, question and answer alike (means and spreads inside the mask, after Reinhard et al.
2001), and part of the questions are set in another side's surroundings. What comes of it keeps the light of the film
that it is put into.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

__all__ = ["Drawn", "mingle"]

#: The spread of colours changes by this factor at most; beyond it noise is all that there is to spread.
_MOST: Final = 2.0
#: How far surroundings keep from the mask, in shares of the picture's side, and how soft their edge is.
_ROOM: Final = 0.03


@dataclass(frozen=True, slots=True)
class Drawn:
    """Faces of one side before another light falls on them.

    ``face`` and ``target`` are float (B, 3, S, S) RGB in 0..1, question and answer; ``face_mask`` and ``mask``,
    float (B, 1, S, S) in 0..1, say where the face is in each; ``weight`` is as in ``Example``.
    """

    face: Tensor
    target: Tensor
    face_mask: Tensor
    mask: Tensor
    weight: Tensor


def mingle(sides: Sequence[Drawn], share: float, generator: Generator) -> list[Drawn]:
    """The same faces, of which ``share`` (0..1) have taken on another side's colours, and as many its surroundings."""
    if len(sides) < 2 or not share:
        return list(sides)
    mingled = []
    for number, ours in enumerate(sides):
        step = int(torch.randint(1, len(sides), (1,), generator=generator))
        theirs = sides[(number + step) % len(sides)]
        dyed = _dyed(ours, theirs, _chosen(ours, share, generator) * _random(ours, generator))
        around = _chosen(ours, share, generator) * (1 - _grown(ours.face_mask))
        mingled.append(replace(dyed, face=torch.lerp(dyed.face, theirs.face, around)))
    return mingled


def _dyed(ours: Drawn, theirs: Drawn, strength: Tensor) -> Drawn:
    """``ours`` with colours on the way to those of ``theirs``; ``strength`` (B, 1, 1, 1) is how far, 0..1."""
    mean, spread = _colors(ours)  # (B, 3, 1, 1)
    their_mean, their_spread = _colors(theirs)
    gain = (their_spread / spread).clamp(1 / _MOST, _MOST) ** strength
    goal = torch.lerp(mean, their_mean, strength)

    def dye(picture: Tensor) -> Tensor:
        return ((picture - mean) * gain + goal).clamp(0, 1)

    return replace(ours, face=dye(ours.face), target=dye(ours.target))


def _colors(faces: Drawn) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each colour where the face is: float (B, 3, 1, 1) each."""
    area = faces.mask.sum((2, 3), keepdim=True) + 1e-3
    mean = (faces.target * faces.mask).sum((2, 3), keepdim=True) / area
    variance = ((faces.target - mean) ** 2 * faces.mask).sum((2, 3), keepdim=True) / area
    return mean, variance.sqrt() + 1e-3


def _grown(mask: Tensor) -> Tensor:
    """``mask`` with room around it, and a soft edge."""
    reach = max(round(mask.shape[-1] * _ROOM), 1)
    window = 2 * reach + 1
    return F.avg_pool2d(F.max_pool2d(mask, window, 1, reach), window, 1, reach, count_include_pad=False)


def _chosen(like: Drawn, share: float, generator: Generator) -> Tensor:
    return (torch.rand((len(like.face), 1, 1, 1), generator=generator) < share).to(like.face)


def _random(like: Drawn, generator: Generator) -> Tensor:
    return torch.rand((len(like.face), 1, 1, 1), generator=generator).to(like.face.device)
