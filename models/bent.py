"""Targets of pseudo-pairs from true frames: another side's faces, bent to the landmarks of those asked for."""

from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor

from models.augment import sample
from models.pseudo import Drawn, lent_mouths
from models.side import Side
from models.thin_plate_spline import bending

__all__ = ["bent_to"]

#: How much of a bent face's rim says nothing, in shares of the crop's side.
RIM: Final = 0.03
#: The colours of a frame are brought to those of the face asked for, by factors of no more than this.
GAIN: Final = 1.8


def bent_to(drawn: Drawn, side: Side, face: Tensor, mask: Tensor, grid: Tensor) -> tuple[Tensor, Tensor]:
    """The faces of ``side`` that were ``drawn``, bent to the landmarks asked for, and taken at ``grid``.

    ``face`` float (B, 3, S, S) are the faces asked for, ``mask`` float (B, 1, s, s) where they are. Returns the
    targets, float (B, 3, S, S), in their mean colour, and where they say something, float (B, 1, S, S).
    """
    device = face.device
    theirs, their_mask, _ = side.take(side.used[drawn.faces], device)
    mirrored = torch.from_numpy(drawn.mirrored).to(device)[:, None, None, None]
    theirs, their_mask = (torch.where(mirrored, each.flip(-1), each) for each in (theirs, their_mask))
    places = bending(torch.from_numpy(drawn.wanted).to(device), torch.from_numpy(drawn.source).to(device))
    bent = sample(places, grid).permute(0, 2, 3, 1)
    asked, sure = sample(face, grid, cubic=True), _shrunk(sample(their_mask, bent))
    target = _coloured_as(sample(theirs, bent, cubic=True), asked, sure * sample(mask, grid))
    lent = sample(torch.from_numpy(lent_mouths(drawn)).to(device).unsqueeze(1), grid)
    return torch.lerp(target, asked, lent), sure


def _coloured_as(picture: Tensor, like: Tensor, where: Tensor) -> Tensor:
    """``picture`` with the mean colour of ``like`` where both show the face: a film's light is not the person's."""
    total = where.sum((2, 3), keepdim=True) + 1e-3
    means = [(each * where).sum((2, 3), keepdim=True) / total + 1e-2 for each in (like, picture)]
    return (picture * (means[0] / means[1]).clamp(1 / GAIN, GAIN)).clamp(0, 1)


def _shrunk(mask: Tensor) -> Tensor:
    """``mask`` without its rim: outlines are found less exactly than what lies inside them."""
    reach = max(round(mask.shape[-1] * RIM), 1)
    return 1 - F.max_pool2d(1 - mask, 2 * reach + 1, 1, reach)
