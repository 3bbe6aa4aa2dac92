"""What the face finder's landmark net sees of a face: two pictures that it sees alike do the same, in detail.

A perceptual loss (Johnson et al., ECCV 2016) whose net is our own, and which was taught where lids, lips and irises'
surroundings are. It is read from the very file that the program runs, node by node, so that gradients pass through it.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import NodeProto, numpy_helper
from torch import Tensor, nn

from realtime.align import TEMPLATES
from realtime.finder.landmarker import ASSET, SIZE
from realtime.runtime.arrays import Points
from realtime.runtime.errors import InputError

__all__ = ["Features"]

#: Where the net's picture enters its layers, and the maps that are compared: the outputs of its first convolution, at
#: half its picture's size, and of two later stages, at a quarter and an eighth. Then its landmarks.
ENTRY: Final = "net.features.0.0.weight"
MAPS: Final = ("relu", "fine", "coarse")
LANDMARKS: Final = "landmarks"
#: Landmarks that differ by this share of the net's picture count as much as maps that differ by all that they vary.
MARKS: Final = 0.02
#: What a layer is computed from: its inputs, the weights among them, and its attributes.
_Operator = Callable[[list[Tensor], Mapping[str, list[int]]], Tensor]


class Features(nn.Module):
    """How differently the landmark net sees two pictures of a face, aligned alike."""

    grid: Tensor

    def __init__(self, template: str, size: int, path: Path = ASSET) -> None:
        """For crops of ``size`` pixels by ``template``. Raises ``InputError`` where ``path`` is another net's."""
        super().__init__()
        nodes, weights = _layers(path)
        self._steps = [
            (_OPERATORS[node.op_type], list(node.input), node.output[0], _attributes(node)) for node in nodes
        ]
        self._names = {name: f"weight_{number}" for number, name in enumerate(weights)}
        for name, weight in weights.items():
            self.register_buffer(self._names[name], weight)
        self.register_buffer("grid", _grid(template, size))

    def forward(self, answer: Tensor, target: Tensor, mask: Tensor) -> Tensor:
        """The mean difference, float (): of the maps, in their standard deviations, and of the landmarks.

        ``answer`` and ``target`` are float (B, 3, S, S) in 0..1, ``mask`` float (B, 1, S, S): where it is 0, they are
        taken to be alike.
        """
        with torch.no_grad():
            wanted = self.seen(target)
        found = self.seen(target + (answer - target) * mask)
        unlike = [_unlike(ours, theirs) for ours, theirs in zip(found[:-1], wanted[:-1], strict=True)]
        marks = (found[-1] - wanted[-1]).abs().mean() / MARKS
        return torch.stack([*unlike, marks]).mean()

    def seen(self, picture: Tensor) -> list[Tensor]:
        """The net's maps of pictures, float (B, 3, S, S) in 0..1, and its landmarks, (B, 68, 2) in sides."""
        grid = self.grid.expand(len(picture), -1, -1, -1)
        crop = F.grid_sample(picture, grid, align_corners=False, padding_mode="border")
        known = {"": (crop - 0.5) * 4.0}  # as the file has it before its first layer
        for operator, inputs, output, attributes in self._steps:
            given = [known[name] if name in known else getattr(self, self._names[name]) for name in inputs]
            known[output] = operator(given, attributes)
        return [known[name] for name in (*MAPS, LANDMARKS)]


def _unlike(ours: Tensor, theirs: Tensor) -> Tensor:
    """The mean difference of two maps, (B, C, n, n), in the standard deviation of each channel of the second."""
    usual = theirs.std(dim=(0, 2, 3), keepdim=True) + 0.05
    return ((ours - theirs) / usual).abs().mean()


def _grid(template: str, size: int) -> Tensor:
    """Where in a crop of ``size`` pixels by ``template`` each pixel of the net's picture lies: (1, 112, 112, 2)."""
    closer = TEMPLATES["landmarks"]
    reference: Points = np.zeros((68, 2), np.float32)
    reference[[mark for (mark,) in closer.groups]] = closer.places(SIZE)
    matrix = TEMPLATES[template].frame_to_crop(reference, size)
    y, x = np.mgrid[:SIZE, :SIZE]
    places = np.stack([x, y, np.ones_like(x)], axis=-1) @ matrix.T  # (112, 112, 2) in pixels
    return torch.from_numpy(((places + 0.5) * (2 / size) - 1).astype(np.float32))[None]


def _layers(path: Path) -> tuple[list[NodeProto], dict[str, Tensor]]:
    """The nodes that lead from the net's first layer to its landmarks, and their weights."""
    try:
        graph = onnx.load(path).graph
        constants = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
        makers = {output: node for node in graph.node for output in node.output}
        needed: set[str] = set()
        waiting = [*MAPS, LANDMARKS]
        while waiting:
            name = waiting.pop()
            if name not in needed and name in makers:
                needed.add(name)
                waiting += [] if ENTRY in makers[name].input else makers[name].input
        nodes = [node for node in graph.node if node.output[0] in needed]
        for node in nodes:
            if ENTRY in node.input:
                node.input[0] = ""  # its picture
        used = {name for node in nodes for name in node.input} & constants.keys()
        missing = {node.op_type for node in nodes} - _OPERATORS.keys()
        if missing or not {*MAPS, LANDMARKS} <= needed:
            raise KeyError(", ".join(missing) or LANDMARKS)
    except (OSError, KeyError, ValueError, onnx.checker.ValidationError) as error:
        raise InputError(f"{path}: not the landmark net ({error})") from error
    return nodes, {name: torch.from_numpy(constants[name].copy()) for name in sorted(used)}


def _attributes(node: NodeProto) -> dict[str, list[int]]:
    return {each.name: list(each.ints) or [each.i] for each in node.attribute}


def _convolved(inputs: list[Tensor], attributes: Mapping[str, list[int]]) -> Tensor:
    x, weight, bias = inputs
    (pad, *_), (stride, *_), (groups,) = attributes["pads"], attributes["strides"], attributes["group"]
    return F.conv2d(x, weight, bias, stride=stride, padding=pad, groups=groups)


def _reshaped(inputs: list[Tensor], attributes: Mapping[str, list[int]]) -> Tensor:
    x, shape = inputs
    return x.reshape(len(x), *shape.tolist()[1:])


#: What the file's nodes do.
_OPERATORS: Final[Mapping[str, _Operator]] = {
    "Conv": _convolved,
    "Relu": lambda inputs, _: F.relu(inputs[0]),
    "Add": lambda inputs, _: inputs[0] + inputs[1],
    "Gemm": lambda inputs, _: F.linear(inputs[0], inputs[1], inputs[2]),
    "Reshape": _reshaped,
}
