"""Writing a network of bytes: the standard QDQ form, pixels with their channels side by side.

Between ``QuantizeLinear`` and ``DequantizeLinear`` everything is a byte, and is moved about as such. ONNX Runtime makes
integer kernels of what stands between them, and these want a pixel's channels side by side: where they are so already,
the transpositions that the standard asks for cancel each other out, and blocks of bytes are all that is ever copied.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from export.grid import BYTE, Grid
from models.architectures.lite import GRID
from models.upscaling import SPREAD
from realtime.runtime.arrays import Floats

__all__ = ["ByteGraph"]

#: The largest weight, and the most that two neighbours may add up to: a byte times these is what 16 bits hold, where
#: processors without VNNI add up two products and cut off what is more.
LARGEST: Final = 127
LARGEST_PAIR: Final = 128
#: Pixels with their channels side by side, to the standard's order and back.
TO_PLANES: Final = (0, 3, 1, 2)
TO_PIXELS: Final = (0, 2, 3, 1)
#: Of the transposed kernel's four weights those that an even pixel of a doubled picture, and an odd one, multiplies
#: with the two that it sees.
DOUBLED: Final = SPREAD[[[3, 1], [2, 0]]]
#: Colours of the answer and, behind them, its mask.
COLORS: Final = 3


@dataclass(frozen=True, slots=True)
class BytePicture:
    """Bytes in the graph, (N, ``side``, ``side``, C), or (N, C) where ``side`` is 0."""

    name: str
    grid: Grid
    side: int


class ByteGraph:
    """The steps of ``byte_lite``, written down; ``grids`` says by name what the bytes of each result stand for."""

    def __init__(self, grids: Mapping[str, Grid], slope: float) -> None:
        self._grids = grids
        self._slope = slope
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, onnx.TensorProto] = {}
        self._size = 0

    def face(self, block: int) -> BytePicture:
        """The input, whose blocks of ``block`` x ``block`` pixels become pixels: by row, column, colour."""
        side = GRID
        self._size = side * block
        rows = self._reshape("face", "face.rows", 0, side, block, side * block * COLORS)
        parts = [
            self._reshape(self._slice(rows, f"face.{row}", (2, row, row + 1)), f"face.{row}.pixels", 0, side, side, -1)
            for row in range(block)
        ]
        return BytePicture(self._node("Concat", "face.folded", parts, axis=3), Grid(1 / BYTE, 0), side)

    def layer(self, name: str, module: nn.Module, x: BytePicture) -> BytePicture:
        """See ``Steps``."""
        return self.rectified(f"{name}.rectified", self.plain(name, module, x))

    def plain(self, name: str, module: nn.Module, x: BytePicture) -> BytePicture:
        """See ``Steps``."""
        assert isinstance(module, nn.Conv2d | nn.Linear)  # noqa: S101  # of what else is lite made
        weight, bias = _array(module.weight), None if module.bias is None else _array(module.bias)
        if isinstance(module, nn.Linear):
            return self._layer(name, "Gemm", x, weight, bias, self._grids[name], 0, transB=1)
        step, pad = int(module.stride[0]), int(module.padding[0])
        return self._convolution(name, x, weight, bias, self._grids[name], x.side // step, step, pad)

    def doubled(self, name: str, module: nn.Conv2d, x: BytePicture) -> BytePicture:
        """See ``Steps``. Each of the four pixels that one becomes sees 2 x 2, which one convolution gives for all."""
        weight, side = _array(module.weight), x.side
        four = np.einsum("oiyx,pay,qbx->pqoiab", weight, DOUBLED, DOUBLED)
        channels = weight.shape[0]
        bias = np.tile(_array(module.bias), 4)
        grid, four = self._grids[name], four.reshape(4 * channels, *weight.shape[1:2], 2, 2)
        whole = self._convolution(f"{name}.four", x, four, bias, grid, side + 1, 1, 1)
        rows = []
        for row in (0, 1):
            pair = [
                self._slice(
                    whole.name,
                    f"{name}.{row}{column}",
                    (1, row, row + side),
                    (2, column, column + side),
                    (3, (2 * row + column) * channels, (2 * row + column + 1) * channels),
                )
                for column in (0, 1)
            ]
            beside = self._node("Concat", f"{name}.{row}", pair, axis=3)
            rows.append(self._reshape(beside, f"{name}.{row}.row", 0, side, 2 * side * channels))
        both = self._node("Concat", f"{name}.rows", rows, axis=2)
        return BytePicture(self._reshape(both, name, 0, 2 * side, 2 * side, channels), grid, 2 * side)

    def rectified(self, name: str, x: BytePicture) -> BytePicture:
        """See ``Steps``."""
        return self._rectified(self._floats(x, name), name, x.side)

    def join(self, name: str, x: BytePicture, other: BytePicture) -> BytePicture:
        """See ``Steps``. The sum stays a float up to the rectifier: it would be rounded once more for nothing."""
        floats = [self._floats(each, f"{name}.{place}") for place, each in enumerate((x, other))]
        return self._rectified(self._node("Add", f"{name}.sum", floats), name, x.side)

    def flat(self, x: BytePicture) -> BytePicture:
        """See ``Steps``."""
        planes = self._node("Transpose", f"{x.name}.planes", [x.name], perm=TO_PLANES)
        return BytePicture(self._reshape(planes, f"{x.name}.flat", 0, -1), x.grid, 0)

    def picture(self, x: BytePicture, channels: int, side: int) -> BytePicture:
        """See ``Steps``."""
        planes = self._reshape(x.name, f"{x.name}.planes", 0, channels, side, side)
        return BytePicture(self._node("Transpose", f"{x.name}.pixels", [planes], perm=TO_PIXELS), x.grid, side)

    def answer(self, head: nn.Conv2d, x: BytePicture) -> None:
        """The outputs: the last convolution, unfolded. Its bytes are the answer's, since they are cut off as it is."""
        channels = COLORS + 1
        order = np.arange(head.out_channels).reshape(-1, channels)
        colors, mask = order[:, :COLORS].ravel(), order[:, COLORS:].ravel()
        rows = np.concatenate([colors, mask])
        weight, bias = _array(head.weight)[rows], _array(head.bias)[rows]
        whole = self._convolution("head", x, weight, bias, Grid(1 / BYTE, 0), x.side, 1, 1)
        for output, first, depth in (("swapped", 0, COLORS), ("mask", len(colors), 1)):
            width = self._size // x.side * depth
            parts = []
            for row in range(self._size // x.side):
                begin = first + row * width
                part = self._slice(whole.name, f"{output}.{row}", (3, begin, begin + width))
                parts.append(self._reshape(part, f"{output}.{row}.row", 0, x.side, x.side * width))
            together = self._node("Concat", f"{output}.rows", parts, axis=2)
            self._reshape(together, output, 0, self._size, self._size, depth)

    def model(self, opset: int) -> onnx.ModelProto:
        """All that was written."""
        ports = [
            helper.make_tensor_value_info(name, TensorProto.UINT8, ["batch", self._size, self._size, depth])
            for name, depth in (("face", COLORS), ("swapped", COLORS), ("mask", 1))
        ]
        graph = helper.make_graph(self._nodes, "bytes", ports[:1], ports[1:], list(self._constants.values()))
        operators = [helper.make_opsetid("", opset)]
        return helper.make_model(graph, opset_imports=operators, ir_version=helper.find_min_ir_version_for(operators))

    def _rectified(self, floats: str, name: str, side: int) -> BytePicture:
        rectified = self._node("LeakyRelu", f"{name}.floats", [floats], alpha=self._slope)
        return self._bytes(rectified, name, self._grids[name], side)

    def _convolution(
        self, name: str, x: BytePicture, weight: Floats, bias: Floats | None, grid: Grid, side: int, step: int, pad: int
    ) -> BytePicture:
        planes = BytePicture(self._node("Transpose", f"{name}.planes", [x.name], perm=TO_PLANES), x.grid, x.side)
        attributes = {"kernel_shape": list(weight.shape[2:]), "strides": [step] * 2, "pads": [pad] * 4}
        result = self._layer(f"{name}.result", "Conv", planes, weight, bias, grid, side, **attributes)
        return BytePicture(self._node("Transpose", name, [result.name], perm=TO_PIXELS), grid, side)

    def _layer(
        self,
        name: str,
        kind: str,
        x: BytePicture,
        weight: Floats,
        bias: Floats | None,
        grid: Grid,
        side: int,
        **attributes: object,
    ) -> BytePicture:
        """With a scale for each output channel; the bias counts in products of an input's and a weight's steps."""
        scales = _scales(weight)
        whole = np.round(weight / scales.reshape(-1, *[1] * (weight.ndim - 1))).astype(np.int8)
        inputs = [self._floats(x, name), self._constant_floats(f"{name}.weight", whole, scales)]
        if bias is not None:
            steps = scales.astype(np.float32) * np.float32(x.grid.scale)
            inputs.append(self._constant_floats(f"{name}.bias", np.round(bias / steps).astype(np.int32), steps))
        floats = self._node(kind, f"{name}.floats", inputs, **attributes)
        return self._bytes(floats, name, grid, side)

    def _bytes(self, floats: str, name: str, grid: Grid, side: int) -> BytePicture:
        return BytePicture(self._node("QuantizeLinear", name, [floats, *self._grid(grid)]), grid, side)

    def _floats(self, x: BytePicture, reader: str) -> str:
        """Once for each that reads it: only so it becomes part of that one's kernel."""
        return self._node("DequantizeLinear", f"{reader}.of.{x.name}", [x.name, *self._grid(x.grid)])

    def _grid(self, grid: Grid) -> tuple[str, str]:
        name = f"grid.{grid.scale:.9g}.{grid.zero}"
        scale, zero = np.float32(grid.scale), np.uint8(grid.zero)
        return self._constant(f"{name}.scale", np.array(scale)), self._constant(f"{name}.zero", np.array(zero))

    def _constant_floats(self, name: str, whole: NDArray[np.int8] | NDArray[np.int32], scales: Floats) -> str:
        zeros = np.zeros(len(scales), whole.dtype)
        inputs = [
            self._constant(name, whole),
            self._constant(f"{name}.scale", scales.astype(np.float32)),
            self._constant(f"{name}.zero", zeros),
        ]
        return self._node("DequantizeLinear", f"{name}.floats", inputs, axis=0)

    def _reshape(self, x: str, name: str, *shape: int) -> str:
        words = ".".join(str(length) for length in shape)
        return self._node("Reshape", name, [x, self._constant(f"shape.{words}", np.array(shape, np.int64))])

    def _slice(self, x: str, name: str, *cuts: tuple[int, int, int]) -> str:
        """Cuts are axis, begin and end."""
        axes, begins, ends = (
            self._constant(f"{name}.{what}", np.array(values, np.int64))
            for what, values in zip(("axes", "begins", "ends"), zip(*cuts, strict=True), strict=True)
        )
        return self._node("Slice", name, [x, begins, ends, axes])

    def _constant(self, name: str, values: NDArray[np.generic]) -> str:
        if name not in self._constants:
            self._constants[name] = numpy_helper.from_array(np.array(values, order="C"), name)
        return name

    def _node(self, kind: str, name: str, inputs: list[str], **attributes: object) -> str:
        """A node with one result, which has its name."""
        self._nodes.append(helper.make_node(kind, inputs, [name], name))
        self._nodes[-1].attribute.extend(helper.make_attribute(key, value) for key, value in attributes.items())
        return name


def _scales(weight: Floats) -> Floats:
    """What one step of a weight is worth, float64 (O,), of float32 (O, I) or (O, I, H, W)."""
    # Kernels go from pixel to pixel, and there from channel to channel.
    rows = np.moveaxis(weight, 1, -1).reshape(len(weight), -1).astype(np.float64)
    pairs = [np.clip(sign * rows, 0, None) for sign in (1, -1)]
    most = np.max([(each[:, 1:] + each[:, :-1]).max(axis=1, initial=0) for each in pairs], axis=0)
    # Rounding may add a step to the sum.
    least = np.maximum(np.abs(rows).max(axis=1) / LARGEST, most / (LARGEST_PAIR - 1))
    return np.asarray(np.maximum(least, 1e-8))


def _array(parameter: object) -> Floats:
    assert isinstance(parameter, nn.Parameter)  # noqa: S101  # torch's modules do not say so
    return np.asarray(parameter.detach().numpy(), np.float32)
