"""Weights to begin with: a ``lite`` that has seen many faces and depicts none of them.

``models.recipes.base`` makes it. A network's inner layers are the same for every size; the first and the last
convolution, which see blocks of pixels, are resampled to blocks of another size.
"""

from dataclasses import replace
from pathlib import Path
from typing import Final

import torch.nn.functional as F
from torch import Tensor

from models.architectures import Config, LiteConfig
from models.architectures.lite import GRID
from models.checkpoint import FILE, Checkpoint, read_checkpoint
from realtime.runtime.digest import file_digest

__all__ = ["BASE", "base_digest", "base_weights"]

#: A run's folder like any other, but for the optimiser's state; its weights are in half precision.
BASE: Final = Path(__file__).parent / "assets" / "base"
#: Colours of a pixel that is seen; those of one that is answered, with its mask; rows of a convolution's kernel.
SEEN: Final = 3
ANSWERED: Final = 4
KERNEL: Final = 3


def base_weights(config: Config, template: str, folder: Path = BASE) -> dict[str, Tensor] | None:
    """All weights for a network of ``config`` to begin with, by name: every side begins as the one that ``folder`` has.

    None where they do not fit: networks may differ in size and sides alone, and see faces aligned by one ``template``.
    Raises ``InputError`` where the file is missing or damaged.
    """
    if not isinstance(config, LiteConfig):
        return None
    saved = read_checkpoint(folder)
    if not _fits(saved, config, template):
        return None
    before, block = saved.config.size // GRID, config.size // GRID
    weights: dict[str, Tensor] = {}
    for name, half in saved.part("average").items():
        weight, layer = half.float(), name.removeprefix("decoders.0.")
        if layer.startswith("head."):
            weight = _answered_in(weight, before, block)
        elif layer == "down.0.weight":
            weight = _seen_in(weight, before, block)
        names = [name] if layer == name else [f"decoders.{side}.{layer}" for side in range(config.sides)]
        weights |= {each: weight.clone() for each in names}
    return weights


def base_digest(folder: Path = BASE) -> str:
    """The sha256 of the file, 64 hexadecimal digits."""
    return file_digest(folder / FILE)


def _fits(saved: Checkpoint, config: LiteConfig, template: str) -> bool:
    same = replace(config, size=saved.config.size, sides=saved.config.sides)
    return same == saved.config and template == saved.facts["template"]


def _seen_in(weight: Tensor, before: int, block: int) -> Tensor:
    """The first convolution's weights, (O, before * before * SEEN, 3, 3), for other blocks."""
    outputs = len(weight)
    # As one kernel over pixels, however they are folded: (O, SEEN, 3 * before, 3 * before).
    pixels = weight.view(outputs, before, before, SEEN, KERNEL, KERNEL).permute(0, 3, 4, 1, 5, 2)
    pixels = pixels.reshape(outputs, SEEN, KERNEL * before, KERNEL * before)
    # The more pixels there are, the less each counts.
    pixels = _resampled(pixels, KERNEL * block) * (before / block) ** 2
    folded = pixels.view(outputs, SEEN, KERNEL, block, KERNEL, block).permute(0, 3, 5, 1, 2, 4)
    return folded.reshape(outputs, block * block * SEEN, KERNEL, KERNEL)


def _answered_in(values: Tensor, before: int, block: int) -> Tensor:
    """The last convolution's weights or bias, (before * before * ANSWERED, ...), for other blocks."""
    rest = values.shape[1:]
    pixels = values.view(before, before, ANSWERED, -1).permute(2, 3, 0, 1)  # (ANSWERED, K, before, before)
    pixels = _resampled(pixels, block)
    return pixels.permute(2, 3, 0, 1).reshape(block * block * ANSWERED, *rest)


def _resampled(pixels: Tensor, side: int) -> Tensor:
    """(N, C, S, S) to (N, C, side, side)."""
    if pixels.shape[-1] == side:
        return pixels
    return F.interpolate(pixels, (side, side), mode="bilinear", antialias=True)
