"""Graphs with nearest-neighbour upscaling in front of convolutions, as graphs that give the same for less work.

Where each pixel stands there four times, a convolution of 3 x 3 multiplies it with one neighbouring weight after the
other. Added up beforehand, these are the 4 x 4 weights of a transposed convolution of stride 2 (cf. Shi et al. 2016,
"Is the deconvolution layer the same as a convolutional layer?"): four products for each pixel in place of nine.
"""

from typing import Final

import numpy as np
import onnx
from onnx import helper, numpy_helper

from realtime.runtime.arrays import Floats

__all__ = ["SPREAD", "joined"]

#: What a convolution must be, and what it becomes.
PLAIN: Final = {"strides": [1, 1], "dilations": [1, 1], "pads": [1, 1, 1, 1], "group": 1, "auto_pad": b"NOTSET"}
JOINED: Final = {"kernel_shape": [4, 4], "strides": [2, 2], "pads": [1, 1, 1, 1]}
#: What each of the transposed kernel's four weights along an axis is made of: those of the three that see one pixel.
SPREAD: Final = np.array([[0, 0, 1], [0, 1, 1], [1, 1, 0], [1, 0, 0]], np.float64)
#: Each pixel twice in both directions.
DOUBLED: Final = (1.0, 1.0, 2.0, 2.0)
#: Pixels in the small picture from which on this is less work, not only fewer products.
LEAST: Final = 8 * 8


def joined(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy of ``model`` where each doubling by nearest neighbour is one with the convolution of 3 x 3 behind it.

    It gives the same pictures but for the rounding of sums.
    """
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    graph = copy.graph
    weights = {tensor.name: tensor for tensor in graph.initializer}
    makers = {name: node for node in graph.node for name in node.output}
    readers = [name for node in graph.node for name in node.input] + [value.name for value in graph.output]
    sizes = _sizes(model)
    for node in list(graph.node):
        doubling = makers.get(node.input[0]) if node.op_type == "Conv" else None
        if doubling is None or not _doubles(doubling, weights) or readers.count(node.input[0]) > 1:
            continue
        kernel = weights.get(node.input[1])
        if kernel is None or list(kernel.dims[2:]) != [3, 3] or readers.count(kernel.name) > 1 or not _plain(node):
            continue
        if sizes.get(doubling.input[0], 0) < LEAST:
            continue
        added = numpy_helper.from_array(_added_up(numpy_helper.to_array(kernel)), f"{kernel.name}_joined")
        graph.initializer.append(added)
        inputs = [doubling.input[0], added.name, *node.input[2:]]
        node.CopyFrom(helper.make_node("ConvTranspose", inputs, node.output, node.name))
        node.attribute.extend(helper.make_attribute(name, value) for name, value in JOINED.items())
        graph.node.remove(doubling)
    used = {name for node in graph.node for name in (*node.input, *node.output)}
    for parts in (graph.initializer, graph.value_info):
        for part in [part for part in parts if part.name not in used]:
            parts.remove(part)
    return copy


def _added_up(kernel: Floats) -> Floats:
    """The transposed kernel, float32 (I, O, 4, 4), of float32 (O, I, 3, 3).

    Along each axis an even pixel sees its left neighbour with the first weight and its own small pixel with the other
    two, an odd one its own with the first two and its right neighbour with the last.
    """
    return np.asarray(np.einsum("oiyx,ay,bx->ioab", kernel, SPREAD, SPREAD), np.float32)


def _doubles(node: onnx.NodeProto, weights: dict[str, onnx.TensorProto]) -> bool:
    """Whether ``node`` repeats each pixel of a picture twice in both directions."""
    if node.op_type != "Resize" or len(node.input) != 3 or node.input[2] not in weights:
        return False
    given = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
    nearest = (given.get("mode"), given.get("coordinate_transformation_mode"), given.get("nearest_mode"))
    scales = numpy_helper.to_array(weights[node.input[2]])
    return nearest == (b"nearest", b"asymmetric", b"floor") and tuple(scales.tolist()) == DOUBLED


def _plain(node: onnx.NodeProto) -> bool:
    """Whether a convolution moves by single pixels, over a picture with a border of one."""
    given = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
    return all(given.get(name, value) == value for name, value in PLAIN.items()) and "pads" in given


def _sizes(model: onnx.ModelProto) -> dict[str, int]:
    """How many pixels the pictures in the graph have, by name, where that is fixed."""
    values = onnx.shape_inference.infer_shapes(model).graph.value_info
    shapes = {value.name: [axis.dim_value for axis in value.type.tensor_type.shape.dim] for value in values}
    return {name: shape[2] * shape[3] for name, shape in shapes.items() if len(shape) == 4}
