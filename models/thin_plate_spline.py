"""Bending a face to the landmarks of another, with thin plate splines (Bookstein 1989), on whole batches.

Positions are float (..., 2), x and y in -1..1 from edge to edge of the picture, as ``torch.nn.functional.grid_sample``
takes them with ``align_corners=False``.
"""

from typing import Final

import torch
from torch import Tensor

__all__ = ["bending"]

#: Points along a side at which a spline is computed; in between it is smooth enough for cubics.
GRID: Final = 48
#: Lets the spline miss a landmark a little, since landmarks err; on the scale of its kernel.
SLACK: Final = 1e-3


def bending(landmarks: Tensor, source: Tensor) -> Tensor:
    """Where each point of a bent picture comes from: float (B, 2, GRID, GRID).

    The bent picture has its landmarks at ``landmarks``, the one that it is made of at ``source``, both (B, N, 2).
    """
    count, number, _ = landmarks.shape
    size = number + 3
    affine = torch.cat([torch.ones_like(landmarks[..., :1]), landmarks], -1)  # (B, N, 3)
    system = landmarks.new_zeros(count, size, size)
    system[:, :number, :number] = _kernel(landmarks, landmarks) + SLACK * torch.eye(number, device=landmarks.device)
    system[:, :number, number:] = affine
    system[:, number:, :number] = affine.transpose(1, 2)
    moves = landmarks.new_zeros(count, size, 2)
    moves[:, :number] = source - landmarks
    weights = torch.linalg.solve(system, moves)  # (B, N + 3, 2)

    steps = (torch.arange(GRID, device=landmarks.device) + 0.5) * (2 / GRID) - 1
    points = torch.stack(torch.meshgrid(steps, steps, indexing="xy"), -1).reshape(1, -1, 2).expand(count, -1, -1)
    known = torch.cat([_kernel(points, landmarks), torch.ones_like(points[..., :1]), points], -1)
    places: Tensor = points + known @ weights
    return places.transpose(1, 2).reshape(count, 2, GRID, GRID)


def _kernel(points: Tensor, centres: Tensor) -> Tensor:
    """r^2 log r^2 of all distances: float (B, P, N)."""
    squares = (points[:, :, None] - centres[:, None]).square().sum(-1)
    return torch.xlogy(squares, squares.clamp_min(1e-12))
