"""``lite`` in bytes from end to end, for CPUs: a third of the time of single precision where they add up bytes at once.

``walk`` says once what the network does; it is carried out twice. ``Watch`` does it in torch and measures which values
there are, ``ByteGraph`` writes it down for bytes.
"""

import copy
from collections.abc import Iterable, Sequence
from typing import Final, Protocol, TypeVar, cast

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from export.byte_graph import ByteGraph
from export.grid import best_grid
from models.architectures.lite import SLOPE, STEPS, Lite, LiteDecoder, Residual, fold
from models.graph import OPSET
from realtime.runtime.arrays import Bytes, Floats

__all__ = ["LEAST_OPSET", "in_bytes"]

T = TypeVar("T")

#: How far channels are brought to one range: 0 not at all, 1 wholly. Weights have to make up for it, and they are of
#: fewer bits. In front of the last layer, which all pixels come from, and behind the first; measured on the statue.
LAST: Final = 0.4
FIRST: Final = 0.3
#: The share of the loudest channel below which none counts as quieter still.
QUIETEST: Final = 0.04
#: How many faces values are looked at for at a time, and of how many values of a picture between layers then.
TOGETHER: Final = 16
VALUES: Final = 20_000
#: The first version of the standard operators that has a scale for each output channel.
LEAST_OPSET: Final = 13


class Steps(Protocol[T]):
    """What the network is made of. A leaky rectifier follows ``layer`` and ``join``."""

    def layer(self, name: str, module: nn.Module, x: T) -> T:
        """A convolution or a linear layer."""
        ...

    def plain(self, name: str, module: nn.Module, x: T) -> T:
        """The same without a rectifier."""
        ...

    def doubled(self, name: str, module: nn.Conv2d, x: T) -> T:
        """A convolution of 3 x 3 behind a doubling by nearest neighbour, without a rectifier."""
        ...

    def rectified(self, name: str, x: T) -> T:
        """The rectifier alone."""
        ...

    def join(self, name: str, x: T, other: T) -> T:
        """The sum."""
        ...

    def flat(self, x: T) -> T:
        """A picture as a row of numbers."""
        ...

    def picture(self, x: T, channels: int, side: int) -> T:
        """The way back."""
        ...


def in_bytes(network: Lite, side: int, faces: Bytes, opset: int = OPSET) -> onnx.ModelProto:
    """The graph of one ``side``, as of the form ``Own``: uint8 (N, P, P, 3) RGB in, the same and a mask out.

    The ranges of all that lies between are taken from ``faces``, uint8 (M, P, P, 3) RGB. ``opset`` is the version of
    the standard operators, ``LEAST_OPSET`` or later.
    """
    network = copy.deepcopy(network).eval().float().cpu()
    with torch.inference_mode():
        _even_out(network, side, _watched(network, side, faces))
        values = _watched(network, side, faces).values
        grids = {
            name: best_grid(np.concatenate(some), SLOPE if _rectified(name) in values else 1.0)
            for name, some in values.items()
        }
        graph = ByteGraph(grids, SLOPE)
        graph.answer(_decoder(network, side).head, walk(network, side, graph, graph.face(network.block)))
    return graph.model(opset)


def walk(network: Lite, side: int, steps: Steps[T], x: T) -> T:
    """What ``network`` does between the folded face ``x`` and its last convolution."""
    pictures = []
    for level, down in enumerate(network.down):
        x = steps.layer(f"down.{level}", down, x)
        pictures.append(x)
    x = steps.layer("squeeze", network.squeeze, x)
    x = steps.layer("to_code", network.to_code, steps.flat(x))
    decoder = _decoder(network, side)
    x = steps.picture(steps.layer(f"{side}.from_code", decoder.from_code, x), decoder.neck, decoder.inner)
    for level, (up, residuals) in enumerate(zip(decoder.up, decoder.residual, strict=True)):
        name = f"{side}.{level}"
        x = steps.doubled(name, _convolution(up), x)
        if level < len(decoder.skip):
            seen = steps.plain(f"{name}.skip", decoder.skip[level], pictures[-2 - level])
            x = steps.join(f"{name}.joined", x, seen)
        else:
            x = steps.rectified(_rectified(name), x)
        for number, residual in enumerate(cast(Iterable[Residual], residuals)):
            beside = steps.layer(f"{name}.{number}.first", residual.first, x)
            beside = steps.plain(f"{name}.{number}.second", residual.second, beside)
            x = steps.join(f"{name}.{number}.joined", x, beside)
    return x


class Watch:
    """In torch: float32 (N, C, H, W). By name of the result: some of its values, and the largest of each channel."""

    def __init__(self) -> None:
        self.values: dict[str, list[Floats]] = {}
        self.loudest: dict[str, Tensor] = {}

    def layer(self, name: str, module: nn.Module, x: Tensor) -> Tensor:
        """See ``Steps``."""
        return self.rectified(_rectified(name), self.plain(name, module, x))

    def plain(self, name: str, module: nn.Module, x: Tensor) -> Tensor:
        """See ``Steps``."""
        return self._seen(name, module(x))

    def doubled(self, name: str, module: nn.Conv2d, x: Tensor) -> Tensor:
        """See ``Steps``."""
        return self._seen(name, module(F.interpolate(x, scale_factor=2.0, mode="nearest")))

    def rectified(self, name: str, x: Tensor) -> Tensor:
        """See ``Steps``."""
        return self._seen(name, F.leaky_relu(x, SLOPE))

    def join(self, name: str, x: Tensor, other: Tensor) -> Tensor:
        """See ``Steps``."""
        return self.rectified(name, x + other)

    def flat(self, x: Tensor) -> Tensor:
        """See ``Steps``."""
        return x.flatten(1)

    def picture(self, x: Tensor, channels: int, side: int) -> Tensor:
        """See ``Steps``."""
        return x.view(-1, channels, side, side)

    def _seen(self, name: str, x: Tensor) -> Tensor:
        values = x.flatten()
        step = max(1, len(values) // VALUES) | 1  # odd, so that no column is left out for good
        self.values.setdefault(name, []).append(values[::step].numpy().copy())
        loudest = x.abs().transpose(0, 1).flatten(1).amax(1)
        self.loudest[name] = torch.maximum(self.loudest.get(name, loudest), loudest)
        return x


def _watched(network: Lite, side: int, faces: Bytes) -> Watch:
    watch = Watch()
    for first in range(0, len(faces), TOGETHER):
        walk(network, side, watch, _folded(network, faces[first : first + TOGETHER]))
    return watch


def _even_out(network: Lite, side: int, watch: Watch) -> None:
    """Bring channels nearer to one range, where they differ most: a rectifier lets factors through.

    Cf. Nagel et al. 2019, "Data-free quantization through weight equalization and bias correction".
    """
    decoder = _decoder(network, side)
    readers = [network.down[1], *decoder.skip[STEPS - 2 :]]
    _even(network.down[0], readers, watch.loudest[_rectified("down.0")], FIRST)
    if not len(cast(nn.Sequential, decoder.residual[-1])):  # its straight line would have to be scaled, too
        _even(decoder.up[-1], [decoder.head], watch.loudest[_rectified(f"{side}.{STEPS - 1}")], LAST)


def _even(module: nn.Module, readers: Sequence[nn.Module], loudest: Tensor, how_far: float) -> None:
    maker = _convolution(module)
    assert maker.bias is not None  # noqa: S101  # those of ``lite`` that a rectifier follows have one
    factor = (loudest / loudest.max().clamp(min=1e-9)).clamp(min=QUIETEST) ** how_far
    maker.weight /= factor[:, None, None, None]
    maker.bias /= factor
    for reader in readers:
        _convolution(reader).weight *= factor[None, :, None, None]


def _decoder(network: Lite, side: int) -> LiteDecoder:
    return cast(LiteDecoder, network.decoders[side])


def _convolution(module: nn.Module) -> nn.Conv2d:
    return cast(nn.Conv2d, module)


def _rectified(name: str) -> str:
    """The name of what a rectifier makes of that."""
    return f"{name}.rectified"


def _folded(network: Lite, faces: Bytes) -> Tensor:
    return fold(torch.from_numpy(faces).permute(0, 3, 1, 2).float() / 255, network.block)
