"""Models that put in the face of one photograph: the contract of ``inswapper_128``.

The network takes ``target``, the aligned face, float32 (1, 3, 128, 128) RGB in 0..1, and ``source``, float32
(1, 512), and answers with the new face in the form of ``target``. ``source`` is who the photograph shows, as an
ArcFace network sees it (InsightFace's: the face aligned by five points in 112 pixels, RGB, (x - 127.5) / 127.5),
multiplied with the 512 x 512 matrix that lies last among the network's weights, at the length of one.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np

from realtime.align import TEMPLATES
from realtime.finder import open_finder
from realtime.inference.guarded_session import GuardedSession, open_guarded
from realtime.inference.modelfile import ModelFile
from realtime.inference.onnx_reader import REAL, Graph, GraphError, Port
from realtime.media.frame import Frame
from realtime.media.picture import read_picture
from realtime.runtime.arrays import Bytes, Floats
from realtime.runtime.errors import InputError, ModelError, UsageError
from realtime.swap.consent import Identity, read_identity
from realtime.swap.library import ModelRecord, how_to_add, record_of
from realtime.swap.manifest import Manifest, Tensors
from realtime.swap.model import OpenModel, OpenRequest, check_crops

__all__ = ["LICENCE_NOTE", "OneImageModel", "fits", "read_matrix"]

FLOAT: Final = "tensor(float)"
CODE: Final = 512
FACE: Final = 112
#: What the user is told when adding one.
LICENCE_NOTE: Final = (
    "the public weights of this kind are for non-commercial research only; whoever is photographed needs a consent"
    " record, given with --consent when the model runs"
)


def fits(graph: Graph) -> bool:
    """Whether the file is of this kind: a ``target`` picture and a ``source`` code."""
    return {port.name for port in graph.inputs} == {"target", "source"}


def read_matrix(file: ModelFile) -> Floats:
    """The matrix that codes are multiplied with, float32 (512, 512). Raises ``ModelError`` where there is none."""
    matrices = [tensor for tensor in file.graph.weights if tensor.shape == (CODE, CODE) and tensor.type in REAL]
    if not matrices:
        raise ModelError(f"{file.path}: no matrix of {CODE} x {CODE} among its weights, which this kind of model needs")
    try:
        return matrices[-1].floats()
    except GraphError as error:
        raise ModelError(f"{file.path}: {error}") from error


class OneImageModel(OpenModel):
    """A one-image network with the face of one photograph."""

    def __init__(self, request: OpenRequest, record: ModelRecord | None = None) -> None:
        """Raises what ``OpenModel`` raises, and more.

        ``UsageError`` without photograph, embedder or consent record, ``InputError`` where there is no face in the
        photograph, and ``ModelError`` for the wrong networks.
        """
        file, options = request.file, request.options
        record = record or record_of(file.path)
        if record is None:
            raise ModelError(how_to_add(file.path, consent=False))
        if options.photo is None or options.embedder is None or options.consent is None:
            raise UsageError(
                f"{file.path}: puts in the face of a photograph: give --photo FACE.jpg, --embedder ARCFACE.onnx"
                " and --consent IDENTITY.json of the photographed person"
            )
        matrix = read_matrix(file)
        super().__init__(request, _manifest(record, read_identity(options.consent)))
        record.check(file)
        check_contract(self.path, self.size, self.inputs, self.outputs)
        with np.errstate(all="ignore"):  # what comes of odd numbers is looked at below
            code = embed(options.photo, options.embedder, request.device, request.threads) @ matrix  # (1, 512)
            self._source: Floats = (code / np.linalg.norm(code)).astype(np.float32)
        if not np.isfinite(self._source).all():
            raise ModelError(f"{options.embedder}: its answer to {options.photo} cannot be used (not a number)")
        self._choose(options)

    def swap(self, crops: Bytes) -> tuple[Bytes, Bytes]:
        """See ``SwapModel``. The network has no mask; the mask is an ellipse where the template has the face."""
        check_crops(crops, self.size)
        faces = np.empty_like(crops)
        for face, crop in zip(faces, crops, strict=True):
            target = crop.transpose(2, 0, 1)[None] * np.float32(1 / 255)  # (1, 3, S, S)
            answer = _answer(self._run, target, self._source, self.path)
            levels = np.clip(answer[0], 0, 1).transpose(1, 2, 0) * np.float32(255)
            np.rint(levels, out=face, casting="unsafe")
        return faces, np.repeat(_ellipse(self.size)[None], len(crops), axis=0)


def try_network(request: OpenRequest, record: ModelRecord) -> None:
    """Run the network once on a grey face, without anybody's photograph. Raises ``ModelError`` where it fails."""
    read_matrix(request.file)
    run = open_guarded(request.file, request.device, request.threads)
    check_contract(request.file.path, record.size, run.inputs, run.outputs)
    grey = np.full((1, 3, record.size, record.size), 0.5, np.float32)
    _answer(run, grey, np.full((1, CODE), CODE**-0.5, np.float32), request.file.path)


def _answer(run: GuardedSession, target: Floats, source: Floats, path: Path) -> Floats:
    """The new face, float32 (1, 3, S, S), for the face ``target`` and the code ``source``, both as in the contract."""
    (answer,) = run([run.outputs[0].name], {"target": target, "source": source})
    if answer.shape != target.shape or answer.dtype != np.float32 or not np.isfinite(answer).all():
        raise ModelError(f"{path}: its answer is no picture: {answer.dtype} {list(answer.shape)}")
    return np.asarray(answer, np.float32)


def embed(photo: Path, embedder: Path, device: str, threads: int) -> Floats:
    """Who ``photo`` shows, as the ArcFace network ``embedder`` sees the largest face in it: float32 (1, 512)."""
    frame = Frame.from_rgb(read_picture(photo))
    faces = open_finder("builtin", device).find(frame)
    if not faces:
        raise InputError(f"{photo}: no face found in this picture")
    landmarks = max(faces, key=lambda face: face.eye_distance).landmarks
    crop = frame.warp(TEMPLATES["arcface-112"].frame_to_crop(landmarks, FACE), FACE)
    with ModelFile(embedder) as file:
        run = open_guarded(file, device, threads)
    if len(run.inputs) != 1 or run.inputs[0].type != FLOAT or run.inputs[0].shape[1:] != (3, FACE, FACE):
        raise ModelError(f"{embedder}: not an ArcFace network: it does not take float32 (N, 3, {FACE}, {FACE}) alone")
    picture = (crop.transpose(2, 0, 1)[None].astype(np.float32) - 127.5) / 127.5
    (code,) = run([run.outputs[0].name], {run.inputs[0].name: picture})
    if code.shape != (1, CODE) or code.dtype != np.float32:
        raise ModelError(f"{embedder}: not an ArcFace network: it answers with {code.dtype} {list(code.shape)}")
    return np.asarray(code, np.float32)


def check_contract(path: Path, size: int, inputs: Sequence[Port], outputs: Sequence[Port]) -> None:
    """Raise ``ModelError`` where types and shapes are not those of ``inswapper_128``, but for the ``size``."""
    wanted = {"target": (1, 3, size, size), "source": (1, CODE)}
    for port in inputs:
        if port.type != FLOAT or not _agree(port.shape, wanted[port.name]):
            raise ModelError(
                f"{path}: {port.name!r} is {port.type} {list(port.shape)}, not {FLOAT} {list(wanted[port.name])}"
            )
    answer = outputs[0] if len(outputs) == 1 else None
    if answer is None or answer.type != FLOAT or not _agree(answer.shape, wanted["target"]):
        raise ModelError(f"{path}: its outputs are not one {FLOAT} {list(wanted['target'])}")


def _agree(shape: tuple[int | str | None, ...], wanted: tuple[int, ...]) -> bool:
    return not shape or (
        len(shape) == len(wanted)
        and all(not isinstance(have, int) or have == want for have, want in zip(shape, wanted, strict=True))
    )


def _manifest(record: ModelRecord, person: Identity) -> Manifest:
    return Manifest(
        architecture={"name": "one-image"},
        size=record.size,
        template=record.template,
        tensors=Tensors(
            input="target", swapped="output", mask=None, layout="NCHW", dtype="float32", value_range=(0, 1)
        ),
        masks=(),
        identities=(person,),
        licence=record.licence,
        training=None,
        weights_sha256=None,
        color=record.color,
    )


@cache
def _ellipse(size: int) -> Bytes:
    """A mask, uint8 (size, size): from the brows to the chin of the five-point template, with a soft edge."""
    y, x = np.mgrid[0:size, 0:size] / size
    distance = np.hypot((x - CENTRE[0]) / AXES[0], (y - CENTRE[1]) / AXES[1])
    return np.asarray(np.rint(255 * np.clip((1 - distance) / EDGE + 0.5, 0, 1)), np.uint8)


#: The face in shares of the crop's side, by the eye on ArcFace's template; the edge fades over a tenth of the axes.
CENTRE: Final = (0.5, 0.53)
AXES: Final = (0.32, 0.42)
EDGE: Final = 0.1
