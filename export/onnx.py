"""A trained network to a model file that checks itself before it appears."""

import hashlib
import importlib.metadata
import json
from pathlib import Path
from typing import Final

import onnx
import torch
from pydantic import ValidationError
from torch import Tensor, nn

from export.parity import check_parity
from export.record import Card, first_problem
from models.architectures import Config, Network
from models.files import write_whole
from models.graph import to_graph
from realtime.arrays import Bytes
from realtime.errors import ModelError
from realtime.manifest import KEY, Manifest, Tensors, Training

__all__ = ["check_graph", "export_model", "weights_sha256"]

#: Operator domains that every runtime has.
STANDARD: Final = frozenset({"", "ai.onnx"})


class Graph(nn.Module):
    """Bytes to bytes: uint8 (N, S, S, 3) in, uint8 (N, S, S, 3) and (N, S, S, 1) out, all inside one graph.

    The third output, float (N, 4, S, S), is the network's own answer. It is compared, and then cut off.
    """

    def __init__(self, network: Network, side: int) -> None:
        super().__init__()
        self.network = network
        self.side = side

    def forward(self, face: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        planes = face.permute(0, 3, 1, 2).to(torch.float32) * (1 / 255)  # (N, 3, S, S)
        answer: Tensor = self.network(planes, self.side)  # (N, 4, S, S)
        # Conversion cuts the fraction off, so half a level is added first.
        rounded = (answer * 255 + 0.5).clamp(0, 255).to(torch.uint8)
        return rounded[:, :3].permute(0, 2, 3, 1), rounded[:, 3:].permute(0, 2, 3, 1), answer


def export_model(network: Network, config: Config, side: int, card: Card, faces: Bytes, path: Path) -> Manifest:
    """Write side ``side`` of ``network`` as a model file.

    ``faces``, uint8 (N, S, S, 3) RGB with N >= 2, are what torch and ONNX Runtime are compared on. The file
    appears only when it is whole and passes the checks: onnx's own, parity within 1e-3, the same for one face
    as for several. Raises ``ModelError`` when a check fails, ``OutputError`` when the file cannot be written.
    """
    network = network.eval().cpu()
    graph = Graph(network, side).eval()
    example = torch.from_numpy(faces[:2].copy())
    model = to_graph(graph, example, {0: torch.export.Dim("batch")}, "face", ["swapped", "mask", "answer"])
    compared = model.SerializeToString()
    model.graph.output.pop()  # the file has no use for the floats
    manifest = _manifest(config, card, weights_sha256(model))
    onnx.helper.set_model_props(model, {KEY: manifest.model_dump_json()})
    check_graph(model)
    data = model.SerializeToString()
    check_parity(graph, compared, data, faces)
    write_whole(path, data)
    return manifest


def weights_sha256(model: onnx.ModelProto) -> str:
    """Digest of the initialisers: for each, by name, its name, type, shape and little-endian bytes."""
    digest = hashlib.sha256()
    for tensor in sorted(model.graph.initializer, key=lambda tensor: tensor.name):
        array = onnx.numpy_helper.to_array(tensor)
        digest.update(json.dumps([tensor.name, array.dtype.str, array.shape]).encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def check_graph(model: onnx.ModelProto) -> None:
    """onnx's own checks, one file, standard operators only. Raises ``ModelError``."""
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ModelError(f"the exported graph is not valid ONNX: {str(error).splitlines()[0]}") from error
    foreign = {node.domain for node in model.graph.node} - STANDARD
    if foreign or len(model.functions):
        raise ModelError(f"the exported graph needs operators outside the standard: {sorted(foreign)}")
    if any(tensor.external_data for tensor in model.graph.initializer):
        raise ModelError("the exported graph keeps weights in another file")


def _manifest(config: Config, card: Card, digest: str) -> Manifest:
    """The manifest of weights with that ``digest``. Raises ``ModelError`` for what may not stand in one."""
    try:
        return Manifest(
            architecture=config.fields(),  # type: ignore[arg-type]  # pydantic checks it
            size=config.size,
            template=card.template,
            tensors=Tensors(),
            identities=(card.identity,),
            licence=card.licence,
            training=Training(
                counts=card.counts,
                iterations=card.iterations,
                sources=dict(card.sources),
                code_version=_code_version(),
            ),
            weights_sha256=digest,
            color=card.color,
        )
    except ValidationError as error:
        raise ModelError(f"the manifest: {first_problem(error)}") from error


def _code_version() -> str:
    try:
        return importlib.metadata.version("mummer")
    except importlib.metadata.PackageNotFoundError:  # run from a checkout that is not installed
        return "unknown"
