"""``.dfm``, the form that DeepFaceLab exports and DeepFaceLive plays: floats in 0..1, BGR, channels last.

Input 0 is the face, float32 (N, S, S, 3); input 1, where there is one, the morph value of AMP models, float32 (1,).
The outputs are, in this order, the mask of the face as it came in, the new face, and the new face's mask. They go
by their places: names differ from exporter to exporter.
"""

from typing import Final

import cv2
import numpy as np

from realtime.inference.modelfile import ModelFile
from realtime.inference.onnx_reader import Graph
from realtime.runtime.arrays import Bytes, Floats
from realtime.runtime.errors import ModelError, UsageError
from realtime.swap.library import ModelRecord, how_to_add, record_of
from realtime.swap.manifest import KEY, Manifest, Tensors, parse_manifest
from realtime.swap.model import OpenModel, OpenRequest, check_crops

__all__ = ["DfmModel", "fits"]

FLOAT: Final = "tensor(float)"
#: How much of the other face an AMP model shows unless told: what DeepFaceLive begins with.
MORPH: Final = 0.75


def fits(graph: Graph) -> bool:
    """Whether the file is of this kind: a float picture, channels last, and three outputs."""
    face = graph.inputs[0] if graph.inputs else None
    return (
        face is not None
        and face.type == FLOAT
        and len(face.shape) == 4
        and face.shape[-1] == 3
        and len(graph.inputs) <= 2
        and len(graph.outputs) == 3
    )


class DfmModel(OpenModel):
    """A ``.dfm``, ours with its manifest, or another program's with the user's record of it."""

    def __init__(self, request: OpenRequest, record: ModelRecord | None = None) -> None:
        """Raises what ``OpenModel`` raises, and ``ModelError`` where the graph is not as it should be."""
        record = record or record_of(request.file.path)
        super().__init__(request, _manifest(request.file, record))
        if record is not None:
            record.check(request.file)  # here, since the digest is computed while the file is opened
        _check_contract(self)
        self._face, *morph = (port.name for port in self.inputs)
        self._names = [port.name for port in self.outputs]
        self._masks = [place for place in (0, 2) if self._names[place] in self.manifest.masks]
        self._one_by_one = self.inputs[0].shape[0] == 1
        self._morph_name = morph[0] if morph else None
        self._morph = MORPH
        self._floats: Floats = np.empty((0, self.size, self.size, 3), np.float32)
        self._choose(request.options)

    @property
    def morph(self) -> float | None:
        """How much of the other face is shown, 0..1; None where the model has no such input."""
        return None if self._morph_name is None else self._morph

    @morph.setter
    def morph(self, share: float | None) -> None:
        if self._morph_name is None:
            raise UsageError(f"{self.path}: --morph is for models with a morph value, and this is none")
        if share is None or not 0 <= share <= 1:
            raise UsageError(f"--morph is a share from 0 to 1, not {share}")
        self._morph = share

    def swap(self, crops: Bytes) -> tuple[Bytes, Bytes]:
        """See ``SwapModel``. The mask is the least of those that the manifest names."""
        check_crops(crops, self.size)
        if not len(crops):
            return crops, crops[..., 0]
        if self._one_by_one and len(crops) > 1:
            faces, masks = zip(*(self.swap(crop[None]) for crop in crops), strict=True)
            return np.concatenate(faces), np.concatenate(masks)
        if len(self._floats) != len(crops):
            self._floats = np.empty(crops.shape, np.float32)
        for floats, crop in zip(self._floats, crops, strict=True):
            np.multiply(cv2.cvtColor(crop, cv2.COLOR_RGB2BGR), np.float32(1 / 255), out=floats)
        feeds: dict[str, Floats] = {self._face: self._floats}
        if self._morph_name is not None:
            feeds[self._morph_name] = np.array([self._morph], np.float32)
        answer = self._run(self._names, feeds)
        for name, values, channels in zip(self._names, answer, (1, 3, 1), strict=True):
            if values.shape != (*crops.shape[:3], channels):
                raise ModelError(f"{self.path}: {name!r} answers {crops.shape} with the shape {values.shape}")
        levels = [self._levels(values) for values in answer]  # type: ignore[arg-type]  # checked to be floats
        rgb = np.empty_like(crops)
        for face, bgr in zip(rgb, levels[1], strict=True):
            cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB, dst=face)
        return rgb, np.minimum.reduce([levels[place][..., 0] for place in self._masks])

    def _levels(self, values: Floats) -> Bytes:
        """0..1 as 0..255, rounded. Raises ``ModelError`` for what is no number."""
        flat = values.reshape(-1)
        with np.errstate(all="ignore"):
            finite = np.isfinite(flat @ flat)
        if not finite:
            raise ModelError(f"{self.path}: its answer is no picture (not a number)")
        np.maximum(flat, 0, out=flat)  # the next line takes absolute values, and cuts off above
        return np.asarray(cv2.convertScaleAbs(flat, alpha=255), np.uint8).reshape(values.shape)


def _manifest(file: ModelFile, record: ModelRecord | None) -> Manifest:
    """The file's own manifest, or one made of the user's record of it."""
    if text := file.graph.metadata.get(KEY):
        return parse_manifest(text, str(file.path))
    if record is None:
        raise ModelError(how_to_add(file.path))
    face, outputs = file.graph.inputs[0], [port.name for port in file.graph.outputs]
    return Manifest(
        architecture={"name": "dfm"},
        size=record.size,
        template=record.template,
        tensors=Tensors(
            input=face.name,
            swapped=outputs[1],
            mask=outputs[2],
            color_order="BGR",
            dtype="float32",
            value_range=(0, 1),
        ),
        masks=(outputs[0], outputs[2]),
        identities=record.identities,
        licence=record.licence,
        training=None,
        weights_sha256=None,
        color=record.color,
    )


def _check_contract(model: DfmModel) -> None:
    """Types and shapes are those of a ``.dfm``; an output's shape may be left open, and is checked when it comes."""
    path, size, names = model.path, model.size, model.manifest.tensors
    promised = (names.layout, names.color_order, names.dtype, names.value_range)
    if promised != ("NHWC", "BGR", "float32", (0, 1)):
        raise ModelError(f"{path}: its manifest promises {promised}, which is not how a .dfm is laid out")
    face, *rest = model.inputs
    batch, *picture = face.shape
    if picture != [size, size, 3]:
        raise ModelError(f"{path}: {face.name!r} has the shape {list(face.shape)}, not (N, {size}, {size}, 3)")
    if isinstance(batch, int) and batch != 1:
        raise ModelError(f"{path}: {face.name!r} takes batches of {batch} only; the batch must be free, or 1")
    if rest and (rest[0].type != FLOAT or len(rest[0].shape) != 1 or rest[0].shape[0] not in (1, None)):
        raise ModelError(f"{path}: {rest[0].name!r} is {rest[0].type} {list(rest[0].shape)}, not {FLOAT} [1]")
    for port, channels in zip(model.outputs, (1, 3, 1), strict=True):
        if port.type != FLOAT:
            raise ModelError(f"{path}: {port.name!r} is {port.type}, not {FLOAT}")
        if port.shape and not all(
            isinstance(have, str | None) or have == want
            for have, want in zip(port.shape[1:], (size, size, channels), strict=False)
        ):
            raise ModelError(
                f"{path}: {port.name!r} has the shape {list(port.shape)}, not (N, {size}, {size}, {channels})"
            )
    masks = model.manifest.masks
    if not masks or not set(masks) <= {model.outputs[0].name, model.outputs[2].name}:
        raise ModelError(f"{path}: its masks are not {', '.join(masks) or 'named'} in the manifest")
