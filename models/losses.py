"""What the network is told about its errors. Pictures are float (B, C, S, S) in 0..1."""

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

__all__ = ["LossWeights", "edge_loss", "picture_loss", "ssim_map"]


@dataclass(frozen=True, slots=True)
class LossWeights:
    """How much each part counts."""

    l1: float = 1.0
    ssim: float = 0.3
    edges: float = 2.0
    mask: float = 0.5


def ssim_map(a: Tensor, b: Tensor, window: int = 8, stride: int = 4) -> Tensor:
    """Structural similarity (Wang et al. 2004) of square windows: float (B, C, n, n), at most 1."""
    ab = (a, b, a * a, b * b, a * b)
    mean_a, mean_b, square_a, square_b, product = (F.avg_pool2d(x, window, stride) for x in ab)
    variances = square_a - mean_a**2 + square_b - mean_b**2
    covariance = product - mean_a * mean_b
    c1, c2 = 0.01**2, 0.03**2
    likeness = (2 * mean_a * mean_b + c1) * (2 * covariance + c2)
    return likeness / ((mean_a**2 + mean_b**2 + c1) * (variances + c2))


def edge_loss(a: Tensor, b: Tensor, weight: Tensor) -> Tensor:
    """Weighted mean difference of the steps from pixel to pixel: large where an edge is smeared."""
    error = a - b
    across = error.diff(dim=-1).abs() * weight[..., 1:]
    down = error.diff(dim=-2).abs() * weight[..., 1:, :]
    return (across.sum() + down.sum()) / (weight.sum() * a.shape[1] + 1e-6)


def picture_loss(
    answer: Tensor, target: Tensor, mask: Tensor, weight: Tensor, parts: LossWeights
) -> tuple[Tensor, dict[str, Tensor]]:
    """Loss of an answer (B, 4, S, S), colour only where the mask is, and its bare parts by name."""
    rgb, answer_mask = answer[:, :3], answer[:, 3:]
    where = mask * weight  # (B, 1, S, S)
    total = where.sum() + 1e-6
    window, stride = 8, 4
    ssim_where = F.avg_pool2d(where, window, stride)
    # Structure is in the lightness: a third of the work, and no noticeable difference.
    similarity = ssim_map(rgb.mean(1, keepdim=True), target.mean(1, keepdim=True), window, stride)
    values = {
        "l1": ((rgb - target).abs() * where).sum() / (3 * total),
        "ssim": ((1 - similarity) * ssim_where).sum() / (ssim_where.sum() + 1e-6),
        "edges": edge_loss(rgb, target, where),
        "mask": (answer_mask - mask).abs().mean(),
    }
    loss = (
        values["l1"] * parts.l1
        + values["ssim"] * parts.ssim
        + values["edges"] * parts.edges
        + values["mask"] * parts.mask
    )
    return loss, values
