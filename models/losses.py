"""What the network is told about its errors. Pictures are float (B, C, S, S) in 0..1.

Every part is a mean over the pictures of a batch of something computed from each picture alone, so that the loss of a
batch is the mean of the losses of its parts, however many processes share it.
"""

from typing import Final

import torch
import torch.nn.functional as F
from pytorch_msssim import ms_ssim, ssim  # type: ignore[import-untyped]
from torch import Tensor

from models.features import Features
from models.settings import LossWeights

__all__ = ["masked_ssim", "picture_loss", "ssim_map"]

#: Side and spacing, in pixels, of the windows in which structure is compared.
WINDOW: Final = 8
STRIDE: Final = 4
#: Halvings of multi-scale similarity, and its windows, the largest that the innermost scale has room for.
SCALES: Final = 5
WINDOWS: Final = (11, 9, 7, 5, 3)


def ssim_map(a: Tensor, b: Tensor, window: int = WINDOW, stride: int = STRIDE) -> Tensor:
    """Structural similarity (Wang et al. 2004) of square windows: float (B, C, n, n), at most 1.

    For the loss only: with flat windows four pixels apart it costs a tenth of pytorch-msssim's Gaussian ones, which
    would take a quarter of a CPU's training time. What is reported is measured with the library.
    """
    ab = (a, b, a * a, b * b, a * b)
    mean_a, mean_b, square_a, square_b, product = (F.avg_pool2d(x, window, stride) for x in ab)
    variances = square_a - mean_a**2 + square_b - mean_b**2
    covariance = product - mean_a * mean_b
    c1, c2 = 0.01**2, 0.03**2
    likeness = (2 * mean_a * mean_b + c1) * (2 * covariance + c2)
    return likeness / ((mean_a**2 + mean_b**2 + c1) * (variances + c2))


def masked_ssim(a: Tensor, b: Tensor, mask: Tensor, scales: int = 1) -> Tensor:
    """Mean similarity inside the mask, float (B,): pytorch-msssim's, in colour, at one scale or at ``SCALES``.

    Outside the mask both pictures are black, hence alike; that share of the crop is taken out of the mean again.
    """
    share = mask.mean((1, 2, 3)) + 1e-6  # (B,)
    likeness: Tensor  # (B,)
    if scales == 1:
        likeness = ssim(a * mask, b * mask, data_range=1.0, size_average=False)
    else:
        window = next(w for w in WINDOWS if (w - 1) * 2 ** (SCALES - 1) < a.shape[-1])
        likeness = ms_ssim(a * mask, b * mask, data_range=1.0, size_average=False, win_size=window)
    return 1 - (1 - likeness) / share


def picture_loss(
    answer: Tensor,
    target: Tensor,
    mask: Tensor,
    weight: Tensor,
    parts: LossWeights,
    features: Features | None = None,
) -> tuple[Tensor, dict[str, Tensor]]:
    """Loss of an answer (B, 4, S, S), colour only where the mask is, and its bare parts by name.

    Without ``features`` they are no part of it.
    """
    rgb, answer_mask = answer[:, :3], answer[:, 3:]
    where = mask * weight  # (B, 1, S, S)
    total = 3 * where.sum((1, 2, 3)) + 1e-6  # (B,)
    error = (rgb - target) * where  # (B, 3, S, S)

    def share(x: Tensor) -> Tensor:
        return (x.sum((1, 2, 3)) / total).mean()

    values: dict[str, Tensor] = {}
    if parts.l1:
        values["l1"] = share(error.abs())
    if parts.mse:
        values["mse"] = share(error.square() / weight.clamp_min(1e-6))
    if parts.edges:
        # The error's steps from pixel to pixel are large where an edge is smeared.
        values["edges"] = share(error.diff(dim=-1).abs()) + share(error.diff(dim=-2).abs())
    if parts.structure:
        # Structure is in the lightness: a third of the work, and no noticeable difference.
        similarity = ssim_map(rgb.mean(1, keepdim=True), target.mean(1, keepdim=True))
        window_where = F.avg_pool2d(where, WINDOW, STRIDE)
        unlike = ((1 - similarity) * window_where).sum((1, 2, 3))
        values["structure"] = (unlike / (window_where.sum((1, 2, 3)) + 1e-6)).mean()
    if parts.ssim:
        values["ssim"] = 1 - masked_ssim(rgb, target, mask).mean()
    if parts.ms_ssim:
        values["ms_ssim"] = 1 - masked_ssim(rgb, target, mask, SCALES).mean()
    if features is not None:
        values["features"] = features(rgb, target, mask)
    if parts.mask:
        values["mask"] = (answer_mask - mask).abs().mean()
    weights = parts.model_dump()
    loss = torch.stack([values[name] * weights[name] for name in values]).sum()
    return loss, values
