"""The book's networks as its code pickles them: classes of those names and layers in a module of that name.

They are as wide as ``original`` is at the time, whose true widths ``test_original_is_the_classic_one`` holds.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import accumulate
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import Tensor, nn

from models.architectures import original


class Upscale(nn.Module):
    def __init__(self, size: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(size * 2, size * 4, 3, padding="same")
        self.shuffle = nn.PixelShuffle(2)

    def forward(self, x: Tensor) -> Tensor:
        shuffled: Tensor = self.shuffle(self.conv(x))
        return shuffled


class OriginalEncoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.activation = nn.LeakyReLU(0.1)
        channels, self.inner = original.DOWN, original.DOWN[-1]
        layers: list[nn.Module] = []
        for level in range(4):
            layers += [nn.Conv2d(channels[level], channels[level + 1], 5, 2, padding=2), self.activation]
        self.conv_tower = nn.Sequential(*layers)
        self.dense1 = nn.Linear(4 * 4 * self.inner, original.CODE)
        self.dense2 = nn.Linear(original.CODE, 4 * 4 * self.inner)
        self.flatten = nn.Flatten()
        self.upscale = Upscale(original.COLORS[0])

    def forward(self, x: Tensor) -> Tensor:
        code = self.dense2(self.dense1(self.flatten(self.conv_tower(x)))).view(-1, self.inner, 4, 4)
        answer: Tensor = self.activation(self.upscale(code))
        return answer


class OriginalDecoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        activation = nn.LeakyReLU(0.1)
        self.upscale_tower = nn.Sequential(
            *(part for size in original.COLORS[1:] for part in (Upscale(size), activation))
        )
        self.output = nn.Conv2d(original.COLORS[-1], 3, 5, padding="same")
        self.activation = nn.LeakyReLU()

    def forward(self, x: Tensor) -> Tensor:
        return torch.sigmoid(self.output(self.upscale_tower(x)))


@contextmanager
def defined_in(module: str) -> Iterator[None]:
    """As if the classes had been defined in ``module``, where pickle looks for them."""
    classes = (Upscale, OriginalEncoder, OriginalDecoder)
    with pytest.MonkeyPatch.context() as patch:
        for name in accumulate(module.split("."), "{}.{}".format):
            if name not in sys.modules:
                patch.setitem(sys.modules, name, ModuleType(name))
        for each in classes:
            patch.setattr(sys.modules[module], each.__name__, each, raising=False)
            patch.setattr(each, "__module__", module)
        yield


def write_book_run(folder: Path, module: str = "lib.models") -> tuple[nn.Module, nn.Module, nn.Module]:
    """What the book's training leaves in its folder, and the networks that were pickled."""
    torch.manual_seed(0)
    networks = OriginalEncoder(), OriginalDecoder(), OriginalDecoder()
    with defined_in(module):
        for network, name in zip(networks, ("encoder", "decodera", "decoderb"), strict=True):
            torch.save(network, folder / f"{name}.pth")
    return networks
