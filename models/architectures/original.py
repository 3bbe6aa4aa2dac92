"""``original``: the classic face-swap autoencoder of 2017, 64 x 64, as it was."""

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.architectures.base import Config, Network
from models.architectures.convolution import PatchConv2d
from realtime.runtime.errors import UsageError

__all__ = ["OriginalConfig"]

#: Of the leaky rectifiers.
SLOPE: Final = 0.1
#: Side of a picture in pixels.
SIZE: Final = 64
#: Channels of the encoder and of the decoders for colours and mask, from a picture in to a picture out.
DOWN, COLORS, MASK = (3, 128, 256, 512, 1024), (512, 256, 128, 64), (512, 64, 32, 16)
#: Numbers that a face is told by.
CODE: Final = 1024


@dataclass(frozen=True)
class OriginalConfig(Config):
    """``mask`` adds a second, narrower decoder for the mask; without it the mask is all ones."""

    name: ClassVar[str] = "original"

    size: int = SIZE
    sides: int = 2
    mask: bool = True

    def check_size(self) -> None:
        """See ``Config.check_size``."""
        if self.size != SIZE:
            raise UsageError(f"original works at {SIZE} pixels only, not at {self.size}; take lite for more")

    def build(self) -> Network:
        """See ``Config.build``."""
        return Original(self)


class Original(Network):
    """Four convolutions, two dense layers and an upscale; a decoder of three upscales for each side."""

    def __init__(self, config: OriginalConfig) -> None:
        super().__init__(config.sides)
        inner = DOWN[-1]
        self.down = nn.ModuleList(nn.Conv2d(i, o, 5, stride=2, padding=2) for i, o in pairwise(DOWN[:-1]))
        self.down.append(PatchConv2d(DOWN[-2], inner, 5, stride=2, padding=2))
        self.to_code = nn.Linear(inner * 4 * 4, CODE)
        self.from_code = nn.Linear(CODE, inner * 4 * 4)
        self.up = Upscale(inner, COLORS[0], PatchConv2d)
        self.decoders = nn.ModuleList(OriginalDecoder(COLORS, 3) for _ in range(config.sides))
        self.masks = nn.ModuleList(OriginalDecoder(MASK, 1) for _ in range(config.sides if config.mask else 0))

    def encode(self, face: Tensor) -> tuple[Tensor, ...]:
        """See ``Network.encode``; one tensor, float (B, 512, 8, 8)."""
        x = face
        for down in self.down:
            x = F.leaky_relu(down(x), SLOPE)  # 32, 16, 8, 4
        x = self.from_code(self.to_code(x.flatten(1))).view(-1, DOWN[-1], 4, 4)
        return (self.up(x),)

    def decode(self, code: tuple[Tensor, ...], side: int) -> Tensor:
        """See ``Network.decode``."""
        rgb: Tensor = self.decoders[side](code[0])  # (B, 3, 64, 64)
        mask: Tensor = self.masks[side](code[0]) if len(self.masks) else torch.ones_like(rgb[:, :1])
        return torch.cat([rgb, mask], dim=1)


class OriginalDecoder(nn.Module):
    """Three upscales and a 5 x 5 convolution with a sigmoid."""

    def __init__(self, channels: tuple[int, int, int, int], outputs: int) -> None:
        super().__init__()
        self.up = nn.Sequential(*(Upscale(i, o) for i, o in pairwise(channels)))
        self.out = nn.Conv2d(channels[-1], outputs, 5, padding=2)

    def forward(self, x: Tensor) -> Tensor:
        return torch.sigmoid(self.out(self.up(x)))


class Upscale(nn.Module):
    """Convolution to four times the channels, rectifier, and pixel shuffle to twice the size."""

    def __init__(self, inputs: int, outputs: int, convolution: type[nn.Conv2d] = nn.Conv2d) -> None:
        super().__init__()
        self.conv = convolution(inputs, outputs * 4, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return F.pixel_shuffle(F.leaky_relu(self.conv(x), SLOPE), 2)
