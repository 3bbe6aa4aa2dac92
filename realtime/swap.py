"""A swap model: crops of faces in, crops with the other face and its mask out."""

import hashlib
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import onnxruntime

from realtime.arrays import Bytes
from realtime.errors import ModelError
from realtime.geometry import TEMPLATES, Template
from realtime.manifest import KEY, Manifest, parse_manifest
from realtime.sessions import REFUSALS, open_session, read_model

__all__ = ["Port", "SwapModel"]

UINT8: Final = "tensor(uint8)"


class Port(NamedTuple):
    """An input or output of the graph; a free dimension is a name."""

    name: str
    type: str
    shape: tuple[int | str | None, ...]


class SwapModel:
    """A model file, opened and checked against its manifest.

    ``manifest`` is what the file says of itself, ``size`` the side of its crops in pixels, ``template`` how
    faces are aligned for it, ``inputs`` and ``outputs`` the graph's, and ``sha256`` the digest of the file as
    it was read.
    """

    def __init__(self, path: Path, manifest: Manifest, sha256: str, session: onnxruntime.InferenceSession) -> None:
        self.path = path
        self.manifest = manifest
        self.sha256 = sha256
        self.size = manifest.size
        self.template: Template = TEMPLATES[manifest.template]
        self.inputs = tuple(Port(node.name, node.type, tuple(node.shape)) for node in session.get_inputs())
        self.outputs = tuple(Port(node.name, node.type, tuple(node.shape)) for node in session.get_outputs())
        self._session = session
        self._outputs = [manifest.tensors.swapped, manifest.tensors.mask]

    @classmethod
    def load(cls, path: Path, device: str = "auto", threads: int = 1) -> "SwapModel":
        """Open the model file; what is hashed is what runs, since the file is read once.

        Raises ``ModelError`` where the file is missing or no ONNX model, has no manifest, or is not what its
        manifest says.
        """
        data = read_model(path)
        try:
            session = open_session(data, device, threads)
        except ModelError as error:
            raise ModelError(str(error).replace("the model", str(path), 1)) from error.__cause__
        text = session.get_modelmeta().custom_metadata_map.get(KEY)
        if text is None:
            raise ModelError(
                f"{path}: an ONNX model without a mummer manifest; make one with `mummer export`, "
                "or choose from `mummer models`"
            )
        manifest = parse_manifest(text, str(path))
        if manifest.template not in TEMPLATES:
            raise ModelError(
                f"{path}: aligned by the template {manifest.template!r}, which this version does not know; "
                f"it knows {', '.join(TEMPLATES)}"
            )
        _check_contract(path, manifest, session)
        return cls(path, manifest, hashlib.sha256(data).hexdigest(), session)

    def swap(self, crops: Bytes) -> tuple[Bytes, Bytes]:
        """Put the model's face into aligned crops.

        ``crops`` is uint8 (N, S, S, 3) RGB with S = ``size``; returns the new faces, uint8 (N, S, S, 3) RGB,
        and their masks, uint8 (N, S, S), 255 where the face is. Raises ``ModelError`` where the model fails
        on them.
        """
        if crops.dtype != np.uint8 or crops.ndim != 4 or crops.shape[1:] != (self.size, self.size, 3):
            raise ValueError(f"crops are {crops.dtype} {crops.shape}, not uint8 (N, {self.size}, {self.size}, 3)")
        try:
            swapped, mask = self._session.run(self._outputs, {self.manifest.tensors.input: np.ascontiguousarray(crops)})
        except REFUSALS as error:
            raise ModelError(f"{self.path}: failed on a batch of {len(crops)}: {str(error).splitlines()[0]}") from error
        return swapped, mask[..., 0]


def _check_contract(path: Path, manifest: Manifest, session: onnxruntime.InferenceSession) -> None:
    """Names, types and shapes of the graph are those that the manifest promises."""
    size, names = manifest.size, manifest.tensors
    expected = {names.input: 3, names.swapped: 3, names.mask: 1}  # channels
    inputs = {node.name: node for node in session.get_inputs()}
    outputs = {node.name: node for node in session.get_outputs()}
    if set(inputs) != {names.input}:
        raise ModelError(f"{path}: its inputs are {sorted(inputs)}, not {names.input!r} alone")
    if missing := {names.swapped, names.mask} - set(outputs):
        raise ModelError(f"{path}: it has no output {min(missing)!r}; its outputs are {sorted(outputs)}")
    nodes = inputs | outputs
    for name, channels in expected.items():
        node = nodes[name]
        if node.type != UINT8:
            raise ModelError(f"{path}: {name!r} is {node.type}, not {UINT8}")
        batch, *picture = node.shape
        if picture != [size, size, channels]:
            raise ModelError(f"{path}: {name!r} has the shape {node.shape}, not (N, {size}, {size}, {channels})")
        if isinstance(batch, int):
            raise ModelError(f"{path}: {name!r} takes batches of {batch} only; the batch must be free")
