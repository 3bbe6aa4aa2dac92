"""``df`` and ``liae``: the two families of DeepFaceLab's SAEHD trainer, for any number of sides.

Both begin with four halvings and a narrow dense code. In ``df`` one inter feeds a decoder of each side's own: the face
keeps the light of the side put in. In ``liae`` one decoder serves all, and what differs is the inter: the code is the
shared inter's beside the side's own, and side B's is the shared one's twice, so that a face passes to B without any
part that has never seen it. It takes more of the light and shape of the face replaced.

The numbers (kernels, channels, slopes, which inter feeds what) are SAEHD's, ``likeness`` and ``double`` its options
``u`` and ``d``; the code is ours.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, Final, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.architectures.base import Config, Network
from realtime.runtime.errors import UsageError

__all__ = ["DfConfig", "LiaeConfig"]

SMALLEST, LARGEST = 64, 512  # sides of a picture, in pixels
HALVINGS: Final = 4
SLOPE: Final = 0.1  # of the leaky rectifiers
RESIDUAL_SLOPE: Final = 0.2


@dataclass(frozen=True)
class DfConfig(Config):
    """``inter``, ``encoder``, ``decoder`` and ``masker`` are channels: of the code, and the least of each part.

    ``likeness`` scales every code to length one, which helps the likeness. ``double`` decodes at half the size and
    lets the last layer make four pixels of each: much of the quality at a quarter of the cost, for 256 px and up.
    """

    name: ClassVar[str] = "df"

    size: int = 128
    sides: int = 2
    inter: int = 256
    encoder: int = 64
    decoder: int = 64
    masker: int = 22
    likeness: bool = True
    double: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if min(self.inter, self.encoder, self.decoder, self.masker) < 1:
            raise UsageError(f"{self.name} needs at least one channel everywhere")

    def check_size(self) -> None:
        """See ``Config.check_size``."""
        step = 32 if self.double else 16
        if self.size % step or not SMALLEST <= self.size <= LARGEST:
            raise UsageError(
                f"{self.name} works at multiples of {step} pixels from {SMALLEST} to {LARGEST}, not at {self.size}"
            )

    def build(self) -> Network:
        """See ``Config.build``."""
        return Df(self)


@dataclass(frozen=True)
class LiaeConfig(DfConfig):
    """See ``DfConfig``."""

    name: ClassVar[str] = "liae"

    def build(self) -> Network:
        """See ``Config.build``."""
        return Liae(self)


class Df(Network):
    """One encoder and one inter; a decoder for each side."""

    def __init__(self, config: DfConfig) -> None:
        super().__init__(config.sides)
        self.encoder = Encoder(config)
        self.inter = Inter(config, config.inter)
        self.decoders = nn.ModuleList(Decoder(config, config.inter) for _ in range(config.sides))

    def encode(self, face: Tensor) -> tuple[Tensor, ...]:
        """See ``Network.encode``; one tensor, float (B, inter, S/8, S/8), or S/16 where the size is doubled."""
        return (self.inter(self.encoder(face)),)

    def decode(self, code: tuple[Tensor, ...], side: int) -> Tensor:
        """See ``Network.decode``."""
        return cast(Tensor, self.decoders[side](code[0]))


class Liae(Network):
    """One encoder, a shared inter, an inter for each side but B, one decoder."""

    def __init__(self, config: LiaeConfig) -> None:
        super().__init__(config.sides)
        self.encoder = Encoder(config)
        self.shared = Inter(config, config.inter * 2)
        others = (side for side in range(config.sides) if side != 1)
        self.own = nn.ModuleDict({str(side): Inter(config, config.inter * 2) for side in others})
        self.decoder = Decoder(config, config.inter * 4)

    def encode(self, face: Tensor) -> tuple[Tensor, ...]:
        """See ``Network.encode``: the encoder's answer, float (B, n), and the shared code (B, 2 * inter, s, s)."""
        flat = self.encoder(face)
        return (flat, self.shared(flat))

    def decode(self, code: tuple[Tensor, ...], side: int) -> Tensor:
        """See ``Network.decode``."""
        flat, shared = code
        own = shared if side == 1 else self.own[str(side)](flat)
        return cast(Tensor, self.decoder(torch.cat([own, shared], dim=1)))


class Encoder(nn.Module):
    """Four halvings to (B, 8 * encoder, S/16, S/16), flattened."""

    def __init__(self, config: DfConfig) -> None:
        super().__init__()
        channels = (3, *(config.encoder * min(2**level, 8) for level in range(HALVINGS)))
        self.down = nn.ModuleList(nn.Conv2d(i, o, 5, stride=2, padding=2) for i, o in pairwise(channels))
        self.likeness = config.likeness

    def forward(self, face: Tensor) -> Tensor:
        x = face
        for down in self.down:
            x = F.leaky_relu(down(x), SLOPE)  # S/2, S/4, S/8, S/16
        x = x.flatten(1)
        return x * torch.rsqrt(x.square().mean(1, keepdim=True) + 1e-6) if self.likeness else x


class Inter(nn.Module):
    """Two dense layers around the code, and an upscale."""

    def __init__(self, config: DfConfig, outputs: int) -> None:
        super().__init__()
        self.side = config.size >> HALVINGS + config.double
        inputs = config.encoder * 8 * (config.size >> HALVINGS) ** 2
        self.to_code = nn.Linear(inputs, config.inter)
        self.from_code = nn.Linear(config.inter, outputs * self.side**2)
        self.up = Upscale(outputs, outputs)

    def forward(self, flat: Tensor) -> Tensor:
        x = self.from_code(self.to_code(flat))  # (B, outputs * side * side)
        return cast(Tensor, self.up(x.unflatten(1, (-1, self.side, self.side))))  # (B, outputs, 2 * side, 2 * side)


class Decoder(nn.Module):
    """Three upscales with residuals for the colours; three narrower ones without for the mask."""

    def __init__(self, config: DfConfig, inputs: int) -> None:
        super().__init__()
        rgb = (inputs, *(config.decoder * scale for scale in (8, 4, 2)))
        mask = (inputs, *(config.masker * scale for scale in (8, 4, 2)))
        self.up = nn.ModuleList(Upscale(i, o) for i, o in pairwise(rgb))
        self.residuals = nn.ModuleList(Residual(channels) for channels in rgb[1:])
        self.mask_up = nn.ModuleList(Upscale(i, o) for i, o in pairwise(mask))
        self.block = 2 if config.double else 1
        self.out = nn.Conv2d(rgb[-1], 3 * self.block**2, 2 * self.block - 1, padding=self.block - 1)
        self.mask_out = nn.Conv2d(mask[-1], self.block**2, 2 * self.block - 1, padding=self.block - 1)

    def forward(self, code: Tensor) -> Tensor:
        x = mask = code  # (B, inputs, S/8, S/8), or S/16 where the size is doubled
        for up, residual in zip(self.up, self.residuals, strict=True):
            x = residual(up(x))  # S/4, S/2, S
        for up in self.mask_up:
            mask = up(mask)
        rgb = F.pixel_shuffle(self.out(x), self.block)  # (B, 3, S, S)
        return torch.sigmoid(torch.cat([rgb, F.pixel_shuffle(self.mask_out(mask), self.block)], dim=1))


class Upscale(nn.Module):
    """Convolution to four times the channels, rectifier, and pixel shuffle to twice the size."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs * 4, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return F.pixel_shuffle(F.leaky_relu(self.conv(x), SLOPE), 2)


class Residual(nn.Module):
    """Two convolutions beside a straight line."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return F.leaky_relu(x + self.second(F.leaky_relu(self.first(x), RESIDUAL_SLOPE)), RESIDUAL_SLOPE)
