"""A last step of the mesh net, by what its fine map shows at the points of the mesh that it has just found.

Blocks that see the whole crop say well what a face is like and less well where exactly it lies. What a map shows at the
found points tells how far they are off: a linear map from the one to the other is one step of the supervised descent
method (Xiong and De la Torre 2013). It is fitted by least squares and takes no training.
"""

from collections.abc import Iterable
from itertools import chain
from typing import Final, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from realtime.mesh.canonical import POINTS, VERTICES
from realtime.mesh.vertices import EYES, OUTER_EYE_CORNERS, OUTER_LIPS, OVAL

__all__ = ["DescentStep", "Seen", "fit_step", "spread"]

#: Side of the fine map, and pixels of the crop, 112 of them a side, from one of its columns to the next.
SIDE: Final = 28
STRIDE: Final = 4
#: Points that are looked at, channels that are seen at each, and directions in which a step goes: with more of them
#: faces are no nearer, and lids follow worse.
LOOKED_AT: Final = 80
CHANNELS: Final = 32
RANK: Final = 16
#: The ridge, per known face: chosen on 50 of the training subjects, the others being known.
HELD_BACK: Final = 1.0
#: Meshes off by so much, in outer-eye distances, count as they are; those off by more count less, for their distance is
#: what should fall, and not its square.
USUAL: Final = 0.025

#: The maps float32 (N, 32, 28, 28), the codes (N, D), the meshes found and true, (N, 468, 3) in crop sides.
Seen: TypeAlias = tuple[Tensor, Tensor, Tensor, Tensor]


def spread(count: int) -> list[int]:
    """Points of the mesh: lids, lips and outline first, then always the one that is farthest from all others."""
    chosen = [*chain(*(eye[::2] for eye in EYES)), *OUTER_LIPS[::3], *OVAL[::3]]
    apart = np.min([np.linalg.norm(POINTS - POINTS[i], axis=1) for i in chosen], axis=0)
    while len(chosen) < count:
        chosen.append(int(apart.argmax()))
        apart = np.minimum(apart, np.linalg.norm(POINTS - POINTS[chosen[-1]], axis=1))
    return chosen


class DescentStep(nn.Module):
    """A mesh to one that is nearer. At first it changes nothing."""

    def __init__(self, code: int) -> None:
        super().__init__()
        self._points = spread(LOOKED_AT)
        self.look = nn.Linear(LOOKED_AT * CHANNELS + code, RANK)
        self.move = nn.Linear(RANK, VERTICES * 3)
        nn.init.zeros_(self.move.weight)
        nn.init.zeros_(self.move.bias)

    def seen(self, mesh: Tensor, fine: Tensor, code: Tensor) -> Tensor:
        """What the map shows at the mesh, and the code: (N, 468, 3), (N, 32, 28, 28), (N, D) -> (N, 2560 + D)."""
        places = (mesh[:, self._points, :2] * (SIDE * STRIDE) - 0.5) / STRIDE  # the map's first column is pixel 0
        grid = (places * (2 / (SIDE - 1)) - 1).unsqueeze(2)
        shown = functional.grid_sample(fine, grid, padding_mode="border", align_corners=True)
        return torch.cat([shown.flatten(1), code], dim=1)

    def forward(self, mesh: Tensor, fine: Tensor, code: Tensor) -> Tensor:
        """(N, 468, 3), (N, 32, 28, 28), (N, D) -> (N, 468, 3)."""
        moved: Tensor = self.move(self.look(self.seen(mesh, fine, code)))
        return mesh + moved.view(-1, VERTICES, 3)


@torch.no_grad()
def fit_step(step: DescentStep, known: Iterable[Seen]) -> None:
    """Give the step the linear map that brings most meshes nearest, by least squares, and of that what matters."""
    rows, moves, weights = [], [], []
    for fine, code, found, true in known:
        rows.append(step.seen(found, fine, code))
        moves.append((true - found).flatten(1))
        flat = true[..., :2]
        eye = torch.linalg.vector_norm(flat[:, OUTER_EYE_CORNERS[0]] - flat[:, OUTER_EYE_CORNERS[1]], dim=1)
        off = torch.linalg.vector_norm((found - true)[..., :2], dim=2).mean(dim=1) / eye
        weights.append((USUAL / (off + USUAL / 5)).clamp(0.2, 3))
    seen, moved, weight = torch.cat(rows), torch.cat(moves), torch.cat(weights)[:, None]
    mean, unit = seen.mean(dim=0), seen.std(dim=0) + 1e-2
    seen = torch.cat([(seen - mean) / unit, torch.ones(len(seen), 1)], dim=1)
    square = (seen * weight).T @ seen + HELD_BACK * len(seen) * torch.eye(seen.shape[1])
    best = torch.linalg.solve(square, (seen * weight).T @ moved)
    # What the step does varies in few directions: the others are left out.
    _, _, directions = torch.linalg.svd(seen[:: max(1, len(seen) // 4000)] @ best, full_matrices=False)
    kept = directions[:RANK]
    inner = best @ kept.T
    step.look.weight.copy_((inner[:-1] / unit[:, None]).T)
    step.look.bias.copy_(inner[-1] - (mean / unit) @ inner[:-1])
    step.move.weight.copy_(kept.T)
    step.move.bias.zero_()
