"""Models that put in the face of one photograph.

The network takes the aligned face and a code of who the photograph shows, as an ArcFace network sees it (InsightFace's:
the face aligned by five points in 112 pixels, RGB, (x - 127.5) / 127.5). What else the families of such networks have
agreed on, ``one_image_contract`` tells.
"""

from functools import cache
from pathlib import Path
from typing import Final

import numpy as np

from realtime.align import Template
from realtime.finder import open_finder
from realtime.inference.arcface import ArcFace
from realtime.inference.guarded_session import GuardedSession, open_guarded
from realtime.media.frame import Frame
from realtime.media.picture import read_picture
from realtime.runtime.arrays import Bytes, Floats
from realtime.runtime.errors import InputError, ModelError, UsageError
from realtime.swap.consent import Identity, read_identity
from realtime.swap.library import ModelRecord, how_to_add, record_of
from realtime.swap.manifest import Manifest, Tensors
from realtime.swap.model import OpenModel, OpenRequest, check_crops
from realtime.swap.one_image_contract import CODE, OneImageContract, check_ports, contract_of

__all__ = ["LICENCE_NOTE", "OneImageModel", "embed", "try_network"]

#: What the user is told when adding one.
LICENCE_NOTE: Final = (
    "the public weights of this kind are for non-commercial research only; whoever is photographed needs a consent"
    " record, given with --consent when the model runs"
)


class OneImageModel(OpenModel):
    """A one-image network with the face of one photograph."""

    takes_photograph = True

    def __init__(self, request: OpenRequest, record: ModelRecord | None = None) -> None:
        """Raises what ``OpenModel`` raises, and more.

        ``UsageError`` without photograph, embedder or consent record, ``InputError`` where there is no face in the
        photograph, and ``ModelError`` for the wrong networks.
        """
        file, options = request.file, request.options
        record = record or record_of(file.path)
        if record is None:
            raise ModelError(how_to_add(file.path, consent=False))
        if len(options.photo) != 1 or options.embedder is None or options.consent is None:
            raise UsageError(
                f"{file.path}: puts in the face of one photograph: give --photo FACE.jpg, --embedder ARCFACE.onnx"
                " and --consent IDENTITY.json of the photographed person"
            )
        self._contract = contract_of(file)
        super().__init__(request, _manifest(record, self._contract, read_identity(options.consent)))
        record.check(file)
        check_ports(self.path, self._contract, self.size, self.inputs, self.outputs)
        code = embed(options.photo[0], options.embedder, request.device, request.threads)
        self._source = self._contract.source(file, code)
        if not np.isfinite(self._source).all():
            raise ModelError(f"{options.embedder}: its answer to {options.photo[0]} cannot be used (not a number)")
        self._choose(options)

    def swap(self, crops: Bytes) -> tuple[Bytes, Bytes]:
        """See ``SwapModel``. Where the network has no mask, it is an ellipse where the template has the face."""
        check_crops(crops, self.size)
        faces, masks = np.empty_like(crops), np.empty(crops.shape[:3], np.uint8)
        for face, mask, crop in zip(faces, masks, crops, strict=True):
            shares, seen = _answer(self._run, self._contract, crop, self._source, self.path)
            _levels(shares, face)
            if seen is None:
                mask[:] = _ellipse(self.template, self.size)
            else:
                _levels(seen, mask)
        return faces, masks


def try_network(request: OpenRequest, record: ModelRecord) -> None:
    """Run the network once on a grey face, without anybody's photograph. Raises ``ModelError`` where it fails."""
    contract = contract_of(request.file)
    code = np.full((1, CODE), CODE**-0.5, np.float32)
    source = contract.source(request.file, code)
    run = open_guarded(request.file, request.device, request.threads)
    check_ports(request.file.path, contract, record.size, run.inputs, run.outputs)
    grey = np.full((record.size, record.size, 3), 128, np.uint8)
    _answer(run, contract, grey, source if np.isfinite(source).all() else code, request.file.path)


def _answer(
    run: GuardedSession, contract: OneImageContract, crop: Bytes, source: Floats, path: Path
) -> tuple[Floats, Floats | None]:
    """The new face, (S, S, 3) RGB, and its mask, (S, S), in 0..1 or a little beyond, for ``crop``, uint8 (S, S, 3)."""
    size = len(crop)
    mean, deviation = np.asarray([contract.mean, contract.deviation], np.float32)
    picture = (crop * np.float32(1 / 255) - mean) / deviation
    target = np.ascontiguousarray(picture.transpose(2, 0, 1)[None])  # (1, 3, S, S)
    answers = run([port.name for port in run.outputs], {"target": target, "source": source})
    for answer, channels in zip(answers, (3, 1), strict=False):
        wanted = (1, channels, size, size)
        if answer.shape != wanted or answer.dtype != np.float32 or not np.isfinite(answer).all():
            raise ModelError(f"{path}: its answer is no picture: {answer.dtype} {list(answer.shape)}")
    face = np.asarray(answers[0][0], np.float32).transpose(1, 2, 0)
    mask = np.asarray(answers[1][0, 0], np.float32) if contract.mask else None
    return face * np.float32(contract.answer_deviation) + np.float32(contract.answer_mean), mask


def _levels(shares: Floats, levels: Bytes) -> None:
    """Write ``shares`` of 0..1 into ``levels``, uint8 of the same shape, as 0..255."""
    np.rint(np.clip(shares, 0, 1) * np.float32(255), out=levels, casting="unsafe")


def embed(photo: Path, embedder: Path, device: str, threads: int) -> Floats:
    """Who ``photo`` shows, as the ArcFace network ``embedder`` sees the largest face in it: float32 (1, 512)."""
    frame = Frame.from_rgb(read_picture(photo))
    faces = open_finder("builtin", device).find(frame)
    if not faces:
        raise InputError(f"{photo}: no face found in this picture")
    landmarks = max(faces, key=lambda face: face.eye_distance).landmarks
    network = ArcFace(embedder, device, threads)
    code = network(frame.warp(network.frame_to_crop(landmarks), network.size))
    if code.shape != (CODE,):
        raise ModelError(f"{embedder}: not an ArcFace network: it answers with {len(code)} numbers, not {CODE}")
    return code[None]


def _manifest(record: ModelRecord, contract: OneImageContract, person: Identity) -> Manifest:
    return Manifest(
        architecture={"name": "one-image", "contract": contract.name},
        size=record.size,
        template=record.template,
        tensors=Tensors(
            input="target",
            swapped="output",
            mask="mask" if contract.mask else None,
            layout="NCHW",
            dtype="float32",
            value_range=(-1, 1) if contract.mask else (0, 1),
        ),
        masks=("mask",) if contract.mask else (),
        identities=(person,),
        licence=record.licence,
        training=None,
        weights_sha256=None,
        color=record.color,
    )


@cache
def _ellipse(template: Template, size: int) -> Bytes:
    """A mask, uint8 (size, size): from the brows to the chin of a five-point template, soft to the crop's borders."""
    centre = np.mean(template.points, axis=0) + (0, LIFT)
    y, x = (np.mgrid[0:size, 0:size] + 0.5) / size
    distance = np.hypot((x - centre[0]) / AXES[0], (y - centre[1]) / AXES[1])
    border = np.minimum(np.minimum(x, 1 - x), np.minimum(y, 1 - y))
    shares = np.minimum((1 - distance) / EDGE + 0.5, border / BORDER)
    return np.asarray(np.rint(255 * np.clip(shares, 0, 1)), np.uint8)


#: The face in shares of the crop's side, by the eye on ArcFace's template: how far its middle lies from that of the
#: five points, and its half axes. The edge fades over a tenth of the axes, and towards the border of the crop.
LIFT: Final = -0.032
AXES: Final = (0.32, 0.42)
EDGE: Final = 0.1
BORDER: Final = 0.04
