"""``lite``: a real-time autoencoder whose cost hardly grows with the size of the picture.

The picture is folded into 64 x 64 blocks of ``size / 64`` pixels square before the first convolution and
unfolded after the last one, so that all the work happens at 64 x 64 and below. Inside there are dense 3 x 3
convolutions with multiples of 16 channels, which CPUs run at full width, nearest-neighbour upscaling in front
of the convolution, which cannot make a checkerboard, and no normalisation. The unfolding starts without a
checkerboard (ICNR, Aitken et al. 2017).
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, Final, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.architectures.base import Config, Network
from realtime.runtime.errors import UsageError

__all__ = ["GRID", "SLOPE", "STEPS", "Lite", "LiteConfig", "LiteDecoder", "Residual", "fold"]

GRID: Final = 64  # the resolution that the picture is folded to
SLOPE: Final = 0.1  # of the leaky rectifiers
STEPS: Final = 4  # halvings from the grid to the innermost picture


@dataclass(frozen=True)
class LiteConfig(Config):
    """``encoder`` and ``decoder`` are channels from the outside in and from the inside out.

    ``skips`` is the number of decoder levels, from the inside, that also see the encoder's picture of the
    same resolution. It sharpens a network that learns from pairs. Leave it at 0 where sides are not paired:
    there the code must be too narrow for an identity to slip through.
    """

    name: ClassVar[str] = "lite"

    size: int = 128
    sides: int = 2
    encoder: tuple[int, int, int, int] = (48, 96, 160, 192)
    neck: int = 96
    code: int = 256
    decoder: tuple[int, int, int, int] = (160, 112, 64, 32)
    residuals: tuple[int, int, int, int] = (1, 0, 0, 0)
    skips: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.skips < STEPS:
            raise UsageError(f"lite has {STEPS - 1} levels to skip over at most, not {self.skips}")

    def check_size(self) -> None:
        """See ``Config.check_size``."""
        if self.size % GRID or self.size < GRID:
            raise UsageError(f"lite works at multiples of {GRID} pixels from {GRID} up, not at {self.size}")

    def build(self) -> Network:
        """See ``Config.build``."""
        return Lite(self)


class Lite(Network):
    """See the module's text."""

    def __init__(self, config: LiteConfig) -> None:
        super().__init__(config.sides)
        self.block = config.size // GRID
        channels = (3 * self.block**2, *config.encoder)
        self.down = nn.ModuleList(nn.Conv2d(i, o, 3, stride=2, padding=1) for i, o in pairwise(channels))
        inner = config.neck * (GRID >> STEPS) ** 2
        self.squeeze = nn.Conv2d(config.encoder[-1], config.neck, 1)
        self.to_code = nn.Linear(inner, config.code)
        self.decoders = nn.ModuleList(LiteDecoder(config) for _ in range(config.sides))
        self.skips = config.skips
        for module in (*self.down, self.squeeze, self.to_code):
            _initialise(module)

    def encode(self, face: Tensor) -> tuple[Tensor, ...]:
        """See ``Network.encode``: float (B, code), then the pictures for the skips, from the inside out."""
        x = fold(face, self.block)  # (B, 3 * block**2, 64, 64)
        pictures = []
        for down in self.down:
            x = F.leaky_relu(down(x), SLOPE)  # 32, 16, 8, 4
            pictures.append(x)
        x = F.leaky_relu(self.squeeze(x), SLOPE)  # (B, neck, 4, 4)
        x = F.leaky_relu(self.to_code(x.flatten(1)), SLOPE)  # (B, code)
        return (x, *pictures[-2::-1][: self.skips])

    def decode(self, code: tuple[Tensor, ...], side: int) -> Tensor:
        """See ``Network.decode``."""
        return cast(Tensor, self.decoders[side](code))


class LiteDecoder(nn.Module):
    """Code to picture: 4 x 4, four doublings, and the unfolding."""

    def __init__(self, config: LiteConfig) -> None:
        super().__init__()
        self.block = config.size // GRID
        self.neck = config.neck
        self.inner = GRID >> STEPS
        channels = (config.neck, *config.decoder)
        self.from_code = nn.Linear(config.code, config.neck * self.inner**2)
        self.up = nn.ModuleList(nn.Conv2d(i, o, 3, padding=1) for i, o in pairwise(channels))
        self.skip = nn.ModuleList(
            nn.Conv2d(config.encoder[-2 - level], config.decoder[level], 1, bias=False) for level in range(config.skips)
        )
        self.residual = nn.ModuleList(
            nn.Sequential(*(Residual(c) for _ in range(count)))
            for c, count in zip(config.decoder, config.residuals, strict=True)
        )
        self.head = nn.Conv2d(config.decoder[-1], 4 * self.block**2, 3, padding=1)
        for module in (self.from_code, *self.up, *self.skip):
            _initialise(module)
        _initialise_head(self.head, self.block)

    def forward(self, code: tuple[Tensor, ...]) -> Tensor:
        """Code, float (B, code), and the pictures for the skips to a picture, float (B, 4, S, S)."""
        x = F.leaky_relu(self.from_code(code[0]), SLOPE)
        x = x.view(-1, self.neck, self.inner, self.inner)  # (B, neck, 4, 4)
        for level, (up, residual) in enumerate(zip(self.up, self.residual, strict=True)):
            x = up(F.interpolate(x, scale_factor=2.0, mode="nearest"))  # 8, 16, 32, 64
            if level < len(self.skip):
                x = x + self.skip[level](code[1 + level])
            x = residual(F.leaky_relu(x, SLOPE))
        return unfold(self.head(x), self.block)  # (B, 4, size, size)


class Residual(nn.Module):
    """Two convolutions beside a straight line, which starts out as the straight line."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        _initialise(self.first)
        _initialise(self.second)
        with torch.no_grad():
            self.second.weight.mul_(0.1)

    def forward(self, x: Tensor) -> Tensor:
        """A picture, float (B, C, H, W), to another of that shape."""
        return F.leaky_relu(x + self.second(F.leaky_relu(self.first(x), SLOPE)), SLOPE)


def _initialise(module: nn.Module) -> None:
    """He et al. 2015, for a leaky rectifier."""
    assert isinstance(module, nn.Conv2d | nn.Linear)  # noqa: S101  (narrows the type)
    nn.init.kaiming_normal_(module.weight, SLOPE)
    if module.bias is not None:
        nn.init.zeros_(module.bias)


def fold(picture: Tensor, block: int) -> Tensor:
    """(B, C, S, S) to (B, block * block * C, S/block, S/block): what ``pixel_unshuffle`` does, in another order.

    Channels run by row of the block, then column, then colour. Pictures lie in memory with their colours side by
    side, so that this order takes whole rows and one matrix transpose, which run several times faster.
    """
    count, channels, size, _ = picture.shape
    side = size // block
    rows = picture.permute(0, 2, 3, 1).reshape(count, side, block, side * block * channels).transpose(1, 2)
    columns = rows.reshape(count * block, side * side, block * channels).transpose(1, 2)
    return columns.reshape(count, block * block * channels, side, side)


def unfold(folded: Tensor, block: int) -> Tensor:
    """The way back from ``fold``: (B, block * block * C, S, S) to (B, C, S * block, S * block)."""
    count, channels, side, _ = folded.shape
    inner = channels // block  # a row of the block: its columns and their colours
    columns = folded.reshape(count * block, inner, side * side).transpose(1, 2)
    rows = columns.reshape(count, block, side, side * inner).transpose(1, 2)
    return rows.reshape(count, side * block, side * block, inner // block).permute(0, 3, 1, 2)


def _initialise_head(head: nn.Conv2d, block: int) -> None:
    """Mid-grey to begin with, and the same weights for every pixel of a block (ICNR)."""
    with torch.no_grad():
        nn.init.normal_(head.weight, std=0.02)
        head.weight.copy_(head.weight[: len(head.weight) // block**2].repeat(block**2, 1, 1, 1))
        if head.bias is not None:
            head.bias.fill_(0.5)
