"""Augmentation of whole batches as tensors, on whatever device they are.

Pictures are float (B, C, S, S), RGB in 0..1. A grid is float (B, S, S, 2) as
``torch.nn.functional.grid_sample`` takes it with ``align_corners=False``: where in the source, in -1..1 from
edge to edge, each pixel is taken from. All randomness comes from the generator given, a CPU one, so that a
batch depends on nothing else.
"""

import math
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

__all__ = ["Geometry", "Photometry", "affine_grid", "photometry", "sample", "warp_field"]


@dataclass(frozen=True, slots=True)
class Geometry:
    """Standard deviations; shifts and warps in shares of the crop's side."""

    rotation: float = 6.0  # degrees
    scale: float = 0.04
    shift: float = 0.02
    flip: float = 0.5  # probability
    warp: float = 0.02
    knots: int = 5  # control points of the warp along a side


@dataclass(frozen=True, slots=True)
class Photometry:
    """Standard deviations, or shares of the batch where the name says so."""

    exposure: float = 0.22  # of the logarithm
    gamma: float = 0.18  # of the logarithm
    balance: float = 0.06  # of the logarithm, a channel
    saturation: float = 0.25
    light: float = 0.25  # of the logarithm, a smooth field
    noise: float = 0.02
    blur_share: float = 0.5
    compress_share: float = 0.3

    def scaled(self, strength: float) -> "Photometry":
        """The same with its deviations ``strength`` times as large."""
        names = ("exposure", "gamma", "balance", "saturation", "light", "noise")
        return replace(self, **{name: getattr(self, name) * strength for name in names})


def _normal(shape: tuple[int, ...], like: Tensor, generator: Generator) -> Tensor:
    return torch.randn(shape, generator=generator).to(like.device)


def _uniform(shape: tuple[int, ...], like: Tensor, generator: Generator) -> Tensor:
    return torch.rand(shape, generator=generator).to(like.device)


def affine_grid(like: Tensor, geometry: Geometry, generator: Generator) -> Tensor:
    """A grid of small random similarities, some of them mirrored, for the batch ``like``."""
    count, _, size, _ = like.shape
    angle = _normal((count,), like, generator).clamp(-2, 2) * math.radians(geometry.rotation)
    scale = torch.exp(_normal((count,), like, generator).clamp(-2, 2) * geometry.scale)
    shift = _normal((count, 2), like, generator).clamp(-2, 2) * (2 * geometry.shift)
    mirror = 1 - 2 * (_uniform((count,), like, generator) < geometry.flip).float()
    cos, sin = torch.cos(angle) * scale, torch.sin(angle) * scale
    rows = torch.stack(
        [
            torch.stack([cos * mirror, -sin, shift[:, 0]], -1),
            torch.stack([sin * mirror, cos, shift[:, 1]], -1),
        ],
        1,
    )  # (B, 2, 3)
    return F.affine_grid(rows, [count, 1, size, size], align_corners=False)


def warp_field(like: Tensor, geometry: Geometry, generator: Generator, strength: float = 1.0) -> Tensor:
    """A smooth random displacement to add to a grid: knots moved at random, cubic in between."""
    count, _, size, _ = like.shape
    knots = geometry.knots
    moves = _normal((count, 2, knots, knots), like, generator).clamp(-2, 2) * (2 * geometry.warp * strength)
    coarse = F.interpolate(moves, (33, 33), mode="bicubic", align_corners=True)  # fine enough to be smooth
    return F.interpolate(coarse, (size, size), mode="bilinear", align_corners=True).permute(0, 2, 3, 1)


def sample(picture: Tensor, grid: Tensor, cubic: bool = False) -> Tensor:
    """``picture`` taken at ``grid``, its edges replicated; ``cubic`` keeps a target sharp."""
    mode = "bicubic" if cubic else "bilinear"
    taken = F.grid_sample(picture, grid, mode=mode, padding_mode="border", align_corners=False)
    return taken.clamp(0, 1) if cubic else taken


def photometry(face: Tensor, spread: Photometry, generator: Generator) -> Tensor:
    """Another light and another camera: exposure, colour, blur, noise and compression."""
    count, _, size, _ = face.shape
    column = (count, 1, 1, 1)
    field = _normal((count, 1, 3, 3), face, generator) * spread.light
    gain = F.interpolate(field, (size, size), mode="bilinear", align_corners=True)
    gain = gain + _normal(column, face, generator) * spread.exposure
    gain = gain + _normal((count, 3, 1, 1), face, generator) * spread.balance  # (B, 3, S, S)
    face = face * gain.exp_()
    grey = face.mean(dim=1, keepdim=True)
    face = torch.lerp(grey, face, (1 + _normal(column, face, generator) * spread.saturation).clamp(0, 2))
    face = face.clamp(1e-3, 1) ** torch.exp(_normal(column, face, generator) * spread.gamma)
    face = _blur(face, spread.blur_share, generator)
    amount = _uniform(column, face, generator) ** 2 * (2 * spread.noise)
    face = face + _normal((count, 3, size, size), face, generator) * amount
    return _compress(face, spread.compress_share, generator).clamp(0, 1)


def _chosen(count: int, share: float, generator: Generator) -> Tensor:
    """Indices of a random ``share`` of a batch, int64."""
    return torch.randperm(count, generator=generator)[: round(count * share)]


def _blur(face: Tensor, share: float, generator: Generator) -> Tensor:
    """Part of the batch as if the face had been small in its frame: shrunk, and enlarged again."""
    size = face.shape[-1]
    chosen = _chosen(len(face), share, generator)
    for index in torch.tensor_split(chosen, max(len(chosen) // 4, 1)):
        smaller = int(size * float(torch.empty(1).uniform_(0.2, 0.8, generator=generator)))
        shrunk = F.interpolate(face[index], (smaller, smaller), mode="bilinear", antialias=True)
        face = face.index_copy(
            0,
            index.to(face.device),
            F.interpolate(shrunk, (size, size), mode="bilinear", align_corners=False),
        )
    return face


def _compress(face: Tensor, share: float, generator: Generator) -> Tensor:
    """Part of the batch with its 8 x 8 cosine transform quantised, coarser with frequency, as codecs do."""
    index = _chosen(len(face), share, generator).to(face.device)
    count, size = len(index), face.shape[-1]
    if not count or size % 8:
        return face
    frequency = torch.arange(8, dtype=torch.float32, device=face.device)
    basis = torch.cos((2 * frequency[None] + 1) * frequency[:, None] * math.pi / 16) / 2  # (8, 8), rows are waves
    basis[0] /= math.sqrt(2)
    step = 0.01 + 0.012 * (frequency[:, None] + frequency[None])  # of the whole range, at middling quality
    step = step * torch.exp(_uniform((count, 1, 1, 1, 1, 1), face, generator) * 3 - 1.5)
    side = size // 8
    blocks = face[index].reshape(count, 3, side, 8, side, 8).transpose(3, 4)  # (b, 3, S/8, S/8, 8, 8)
    waves = torch.round(basis @ blocks @ basis.T / step) * step
    decoded = (basis.T @ waves @ basis).transpose(3, 4).flatten(4, 5).flatten(2, 3)
    return face.index_copy(0, index, decoded)
