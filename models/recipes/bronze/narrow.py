"""Let the statue's last convolution take a shorter way: the same picture, as far as anybody can see, in less time.

    python -m models.recipes.bronze.narrow --model bronze.onnx --faces FACES68 --out narrow.onnx

The last convolution of ``lite`` answers with a block of 4 x 4 pixels of four channels, 64 numbers that are never
independent. Their principal components on real faces say which sums of them there are to speak of: the convolution
gives those, and one of 1 x 1 spreads them (cf. Zhang et al. 2015, "Efficient and accurate approximations of nonlinear
convolutional networks"; here nothing is nonlinear, so that no fit is needed). Upscalings are joined with what follows.
"""

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Final

import numpy as np
import onnx
import typer
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from models.graph import weights_sha256
from models.recipes.command import Faces, run
from models.recipes.face_finder.data import AnnotatedFaces, crop_as_running, load_faces
from models.upscaling import joined
from realtime.align import TEMPLATES
from realtime.inference.onnx_runtime import onnxruntime
from realtime.inference.session import open_session
from realtime.runtime.arrays import Bytes, Floats
from realtime.runtime.errors import ModelError
from realtime.runtime.files import write_whole
from realtime.swap.manifest import KEY, Manifest

__all__ = ["main", "narrow", "quality"]

#: Every so manieth of the pictures is measured on, and of the held-out persons' is judged by.
EVERY: Final = 20
#: The least likeness of the pictures before and after, in dB.
LEAST_PSNR: Final = 55.0


def narrow(model: onnx.ModelProto, faces: Iterable[Bytes], channels: int) -> onnx.ModelProto:
    """``model`` with its last convolution through so many ``channels``, chosen on ``faces``: uint8 (S, S, 3) RGB."""
    narrowed = onnx.ModelProto()
    narrowed.CopyFrom(model)
    graph = narrowed.graph
    last = [node for node in graph.node if node.op_type == "Conv"][-1]
    mean, components = _principal(model, last.output[0], faces)
    weights = {tensor.name: tensor for tensor in graph.initializer}
    kernel, bias = weights[last.input[1]], weights[last.input[2]]
    basis = components[:, :channels]
    sums = np.einsum("or,oiyx->riyx", basis, numpy_helper.to_array(kernel).astype(np.float64))
    rest = mean + basis @ (basis.T @ (numpy_helper.to_array(bias) - mean))
    spread, between = f"{last.input[1]}_spread", f"{last.output[0]}_sums"
    kernel.CopyFrom(_tensor(sums, f"{kernel.name}_sums"))
    bias.CopyFrom(_tensor(rest, bias.name))
    graph.initializer.append(_tensor(basis[:, :, None, None], spread))
    place = list(graph.node).index(last)
    wide = helper.make_node("Conv", [between, spread, bias.name], list(last.output), f"{last.name}_spread")
    last.input[:] = [last.input[0], kernel.name]
    last.output[:] = [between]
    graph.node.insert(place + 1, wide)
    return narrowed


def quality(model: onnx.ModelProto, other: onnx.ModelProto, faces: Iterable[Bytes]) -> float:
    """Peak signal-to-noise ratio in dB between what two models answer to ``faces``, all their outputs together."""
    sessions = [open_session(each.SerializeToString(), "cpu") for each in (model, other)]
    errors = []
    for face in faces:
        answers = [np.concatenate(_answers(session, face), axis=-1) for session in sessions]
        errors.append(float(np.square(answers[0].astype(np.float64) - answers[1]).mean()))
    return 10 * math.log10(255**2 / max(float(np.mean(errors)), 1e-9))


def crops(faces: AnnotatedFaces, size: int, template: str, held_out: bool) -> list[Bytes]:
    """Faces as the model is given them, of persons that are held out or of the others."""
    chosen = np.flatnonzero(faces.held_out == held_out)[::EVERY]
    matrices = [TEMPLATES[template].frame_to_crop(faces.landmarks[i], size) for i in chosen]
    return [crop_as_running(faces.pictures[i], matrix, size) for i, matrix in zip(chosen, matrices, strict=True)]


def _principal(
    model: onnx.ModelProto, name: str, faces: Iterable[Bytes]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean, (C,), of the picture ``name`` in the graph, and its principal components, (C, C), the strongest first."""
    tapped = onnx.ModelProto()
    tapped.CopyFrom(model)
    del tapped.graph.output[:]
    tapped.graph.output.append(helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))
    session = open_session(tapped.SerializeToString(), "cpu")
    values = [_columns(_answers(session, face)[0]) for face in faces]
    mean = np.mean([each.mean(axis=1) for each in values], axis=0)
    covariance = np.mean([(each - mean[:, None]) @ (each - mean[:, None]).T / each.shape[1] for each in values], axis=0)
    return mean, np.linalg.eigh(covariance)[1][:, ::-1]


def _answers(session: onnxruntime.InferenceSession, face: Bytes) -> list[Floats]:
    answers: list[Floats] = session.run(None, {session.get_inputs()[0].name: face[None]})
    return answers


def _columns(picture: Floats) -> NDArray[np.float64]:
    return np.asarray(picture[0].reshape(picture.shape[1], -1), np.float64)


def _tensor(array: NDArray[np.float64], name: str) -> onnx.TensorProto:
    return numpy_helper.from_array(np.ascontiguousarray(array, np.float32), name)


def main(
    model: Annotated[Path, typer.Option(help="The statue's model file.")],
    faces: Faces,
    out: Annotated[Path, typer.Option(help="The file to write.")],
    channels: Annotated[int, typer.Option(min=1, max=64, help="Channels to go through.")] = 24,
) -> None:
    """Write the narrowed model, if its pictures are those of the other."""
    given = onnx.load(model)
    manifest = Manifest.model_validate_json({entry.key: entry.value for entry in given.metadata_props}[KEY])
    known = load_faces(faces)
    learnt, unseen = (crops(known, manifest.size, manifest.template, held_out) for held_out in (False, True))
    narrowed = joined(narrow(given, learnt, channels))
    found = quality(given, narrowed, unseen)
    print(f"{channels} channels: {found:.1f} dB on {len(unseen)} faces of other persons")
    if found < LEAST_PSNR:
        raise ModelError(f"{found:.1f} dB are too few; give more --channels than {channels}")
    manifest = manifest.model_copy(update={"weights_sha256": weights_sha256(narrowed)})
    helper.set_model_props(narrowed, {KEY: manifest.model_dump_json()})
    onnx.checker.check_model(narrowed, full_check=True)
    write_whole(out, narrowed.SerializeToString())


if __name__ == "__main__":
    run(main)
