"""What the network is told about its errors. Pictures are float (B, C, S, S) in 0..1."""

from dataclasses import dataclass
from typing import Final

import torch.nn.functional as F
from torch import Tensor

__all__ = ["LossWeights", "picture_loss", "ssim_map"]

#: Side and spacing, in pixels, of the windows in which structure is compared.
WINDOW: Final = 8
STRIDE: Final = 4


@dataclass(frozen=True, slots=True)
class LossWeights:
    """How much each part counts."""

    l1: float = 1.0
    ssim: float = 0.3
    edges: float = 2.0
    mask: float = 0.5


def ssim_map(a: Tensor, b: Tensor, window: int = WINDOW, stride: int = STRIDE) -> Tensor:
    """Structural similarity (Wang et al. 2004) of square windows: float (B, C, n, n), at most 1."""
    ab = (a, b, a * a, b * b, a * b)
    mean_a, mean_b, square_a, square_b, product = (F.avg_pool2d(x, window, stride) for x in ab)
    variances = square_a - mean_a**2 + square_b - mean_b**2
    covariance = product - mean_a * mean_b
    c1, c2 = 0.01**2, 0.03**2
    likeness = (2 * mean_a * mean_b + c1) * (2 * covariance + c2)
    return likeness / ((mean_a**2 + mean_b**2 + c1) * (variances + c2))


def picture_loss(
    answer: Tensor, target: Tensor, mask: Tensor, weight: Tensor, parts: LossWeights
) -> tuple[Tensor, dict[str, Tensor]]:
    """Loss of an answer (B, 4, S, S), colour only where the mask is, and its bare parts by name."""
    rgb, answer_mask = answer[:, :3], answer[:, 3:]
    where = mask * weight  # (B, 1, S, S)
    total = 3 * where.sum() + 1e-6
    error = (rgb - target) * where  # (B, 3, S, S)
    # Structure is in the lightness: a third of the work, and no noticeable difference.
    similarity = ssim_map(rgb.mean(1, keepdim=True), target.mean(1, keepdim=True), WINDOW, STRIDE)
    window_where = F.avg_pool2d(where, WINDOW, STRIDE)
    values = {
        "l1": error.abs().sum() / total,
        # The error's steps from pixel to pixel are large where an edge is smeared.
        "edges": (error.diff(dim=-1).abs().sum() + error.diff(dim=-2).abs().sum()) / total,
        "ssim": ((1 - similarity) * window_where).sum() / (window_where.sum() + 1e-6),
        "mask": (answer_mask - mask).abs().mean(),
    }
    loss = (
        values["l1"] * parts.l1
        + values["ssim"] * parts.ssim
        + values["edges"] * parts.edges
        + values["mask"] * parts.mask
    )
    return loss, values
