"""The project's own kind of model: uint8 in and out, and a manifest in the file. See ``docs/model-file.md``."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from realtime.inference.onnx_reader import Graph, Port
from realtime.runtime.arrays import Bytes
from realtime.runtime.errors import ModelError
from realtime.swap.manifest import KEY, parse_manifest
from realtime.swap.model import OpenModel, OpenRequest, check_crops

__all__ = ["OwnModel", "fits"]

UINT8: Final = "tensor(uint8)"
INT64: Final = "tensor(int64)"


def fits(graph: Graph) -> bool:
    """Whether the file is of this kind: it says so itself, in a manifest."""
    return KEY in graph.metadata


class OwnModel(OpenModel):
    """A model of our own form, checked against its manifest."""

    def __init__(self, request: OpenRequest) -> None:
        """Raises what ``OpenModel`` raises, and ``ModelError`` where the graph is not what the manifest says."""
        name = str(request.file.path)
        super().__init__(request, parse_manifest(request.file.graph.metadata[KEY], name))
        tensors = self.manifest.tensors
        _check_contract(self)
        self._outputs = (tensors.swapped, str(tensors.mask))
        # Made once, so that a switch is one assignment: atomic, and free.
        self._choices: dict[str, dict[str, NDArray[np.int64]]] = {
            each.id: {tensors.identity: np.array([place], np.int64)} if tensors.identity else {}
            for place, each in enumerate(self.identities)
        }
        self._choose(request.options)

    def swap(self, crops: Bytes) -> tuple[Bytes, Bytes]:
        """See ``SwapModel``."""
        check_crops(crops, self.size)
        if not len(crops):
            return crops, crops[..., 0]
        feeds: dict[str, NDArray[np.generic]] = {self.manifest.tensors.input: np.ascontiguousarray(crops)}
        feeds |= self._choices[self._identity]
        swapped, mask = self._run(self._outputs, feeds)
        if swapped.shape != crops.shape or mask.shape != (*crops.shape[:3], 1):
            raise ModelError(f"{self.path}: it answers {crops.shape} with {swapped.shape} and {mask.shape}")
        return np.asarray(swapped, np.uint8), np.asarray(mask[..., 0], np.uint8)


def _check_contract(model: OwnModel) -> None:
    """Names, types and shapes of the graph are those that the manifest promises."""
    path, size, names = model.path, model.size, model.manifest.tensors
    promised = (names.layout, names.color_order, names.dtype, names.value_range)
    if promised != ("NHWC", "RGB", "uint8", (0, 255)) or names.mask is None:
        raise ModelError(f"{path}: its manifest promises {promised}, which is not how this kind of model is laid out")
    inputs = {port.name: port for port in model.inputs}
    outputs = {port.name: port for port in model.outputs}
    wanted = [name for name in (names.input, names.identity) if name is not None]
    if list(inputs) != wanted:
        raise ModelError(f"{path}: its inputs are {list(inputs)}, not {' and '.join(map(repr, wanted))} alone")
    if missing := {names.swapped, names.mask} - set(outputs):
        raise ModelError(f"{path}: it has no output {min(missing)!r}; its outputs are {sorted(outputs)}")
    for port, channels in ((inputs[names.input], 3), (outputs[names.swapped], 3), (outputs[names.mask], 1)):
        _check_picture(path, port, size, channels)
    if names.identity is not None and (port := inputs[names.identity])[1:] != (INT64, (1,)):
        raise ModelError(f"{path}: {port.name!r} is {port.type} {list(port.shape)}, not {INT64} [1]")


def _check_picture(path: object, port: Port, size: int, channels: int) -> None:
    if port.type != UINT8:
        raise ModelError(f"{path}: {port.name!r} is {port.type}, not {UINT8}")
    batch, *picture = port.shape or (0,)
    if picture != [size, size, channels]:
        raise ModelError(f"{path}: {port.name!r} has the shape {list(port.shape)}, not (N, {size}, {size}, {channels})")
    if isinstance(batch, int):
        raise ModelError(f"{path}: {port.name!r} takes batches of {batch} only; the batch must be free")
