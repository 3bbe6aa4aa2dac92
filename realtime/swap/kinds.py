"""Which kinds of swap model there are, and how a file is opened as what it is."""

from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from realtime.inference.modelfile import ModelFile
from realtime.inference.onnx_reader import Graph
from realtime.runtime.errors import ModelError, UsageError
from realtime.settings import MODEL, ModelOptions
from realtime.swap import dfm, one_image_contract, own
from realtime.swap.drawing import MAGIC, MASK, PHOTO, Drawing, read_drawing
from realtime.swap.drawn import DrawnModel
from realtime.swap.library import ModelRecord, find_model, how_to_add, record_of
from realtime.swap.manifest import KEY, Manifest, parse_manifest
from realtime.swap.model import OpenRequest, SwapModel
from realtime.swap.one_image import OneImageModel

__all__ = ["KINDS", "PLAIN", "ModelKind", "describe", "is_drawing", "kind_of", "open_file", "open_model"]


class ModelKind(NamedTuple):
    """A kind of model file: how to tell it by its graph, and how to open it."""

    fits: Callable[[Graph], bool]
    open: Callable[[OpenRequest], SwapModel]


PLAIN: Final = ModelOptions()
#: By name, in the order in which they are tried: a ``.dfm`` may carry our manifest too.
KINDS: Final = {
    "one-image": ModelKind(one_image_contract.fits, OneImageModel),
    "dfm": ModelKind(dfm.fits, dfm.DfmModel),
    "own": ModelKind(own.fits, own.OwnModel),
}


def _mask(drawing: Drawing, sha256: str, options: ModelOptions) -> DrawnModel:
    from realtime.swap.mask import MaskModel

    return MaskModel(drawing, sha256, options)


def _photo(drawing: Drawing, sha256: str, options: ModelOptions) -> DrawnModel:
    from realtime.swap.photo import PhotoModel

    return PhotoModel(drawing, sha256, options)


#: Kinds of drawing, by the name of the architecture in the manifest. Each is imported when a file of it is opened:
#: drawing is much code, which a network does without.
DRAWINGS: Final = {MASK: _mask, PHOTO: _photo}


def open_model(name_or_path: str, device: str = "auto", options: ModelOptions = PLAIN, threads: int = 1) -> SwapModel:
    """Open a model by its name in the library or its path, on ``device``, with ``threads`` threads.

    The file is read once: what is hashed and checked is what runs. Raises ``ModelError`` where it is missing, is
    no model that this program knows, or is not what it says; ``ConsentError`` where the consent of anyone it shows
    is missing or expired; ``UsageError`` where ``options`` ask for what it does not have. Photographs without a model
    that takes them are drawn.
    """
    if options.photo and name_or_path == MODEL:
        from realtime.swap.photo import open_photos

        return open_photos(options, device)
    with ModelFile(find_model(name_or_path)) as file:
        return open_file(OpenRequest(file, device, threads, options))


def open_file(request: OpenRequest) -> SwapModel:
    """Open a file that has been read; raises as ``open_model`` does."""
    if is_drawing(request.file):
        return _open_drawing(request)
    return KINDS[kind_of(request.file)].open(request)


def describe(path: Path) -> Manifest | ModelRecord:
    """What a model file says of itself, or its user of it, without getting it ready to run.

    Raises ``ModelError`` where neither says anything.
    """
    if record := record_of(path):
        return record
    with ModelFile(path) as file:
        if is_drawing(file):
            return read_drawing(path, bytes(file.data)).manifest
        kind_of(file)
        if text := file.graph.metadata.get(KEY):
            return parse_manifest(text, str(path))
    raise ModelError(how_to_add(path))


def is_drawing(file: ModelFile) -> bool:
    """Whether the file is a drawn model, by its first bytes."""
    return bytes(file.data[: len(MAGIC)]) == MAGIC


def _open_drawing(request: OpenRequest) -> DrawnModel:
    file, options = request.file, request.options
    drawing = read_drawing(file.path, bytes(file.data))
    if drawing.kind not in DRAWINGS:
        raise ModelError(
            f"{file.path}: a drawing of the kind {drawing.kind!r}, which this version does not know; it knows"
            f" {', '.join(DRAWINGS)}"
        )
    for name in ("photo", "face", "embedder", "consent"):
        if getattr(options, name):
            raise UsageError(f"{file.path}: --{name} is for photographs to be read, and this one has been")
    return DRAWINGS[drawing.kind](drawing, file.sha256(), options)


def kind_of(file: ModelFile) -> str:
    """The name of the file's kind, told by what it is. Raises ``ModelError`` where it is none of them."""
    for name, kind in KINDS.items():
        if kind.fits(file.graph):
            return name
    ports = ", ".join(f"{port.name} {port.type} {list(port.shape)}" for port in file.graph.inputs[:3]) or "none"
    raise ModelError(
        f"{file.path}: an ONNX model without a mummer manifest, and no swap model of another kind (its inputs:"
        f" {ports}); make one with `mummer export`, or choose from `mummer models`"
    )
