"""Parity: what a model file answers is what the network answered in torch."""

from typing import Final

import numpy as np
import onnx
import torch
from torch import nn

from export.forms import ANSWER, Form
from realtime.arrays import Bytes, Floats
from realtime.errors import ModelError
from realtime.sessions import open_session

__all__ = ["LIMIT", "answer_of", "check_answer", "check_batches", "check_same", "psnr", "run_model"]

#: Largest difference allowed on 0..1.
LIMIT: Final = 1e-3


def answer_of(module: nn.Module, form: Form, faces: Bytes) -> Floats:
    """What torch says to ``faces``, uint8 (N, P, P, 3) RGB: float32 (N, 4, P, P), RGB and mask in 0..1."""
    with torch.inference_mode():
        answer: Floats = module(torch.from_numpy(form.asked(faces)))[-1].numpy()
    return answer


def run_model(model: onnx.ModelProto, form: Form, faces: Bytes, choice: int | None = None) -> Floats:
    """What ONNX Runtime says to the same, from the outputs of ``form``; ``choice`` is the identity's number."""
    outputs = _run(model, form, faces, form.outputs, choice)
    return form.answered(dict(zip(form.outputs, outputs, strict=True)))


def check_answer(model: onnx.ModelProto, form: Form, faces: Bytes, expected: Floats) -> float:
    """The output ``ANSWER`` of ``model`` is torch's answer ``expected`` within ``LIMIT``, in a batch and alone.

    Returns the largest difference. Raises ``ModelError`` where it is too large.
    """
    (together,) = _run(model, form, faces, [ANSWER])
    worst = largest(expected, together)
    if not worst <= LIMIT:
        raise ModelError(f"torch and ONNX Runtime differ by {worst:.2g}, more than {LIMIT:g}; not written")
    alone = np.concatenate([_run(model, form, face[None], [ANSWER])[0] for face in faces])
    if not largest(alone, together) <= LIMIT:
        raise ModelError("the answer to a face depends on the other faces of its batch; not written")
    return worst


def check_same(got: Floats, expected: Floats, rounding: float) -> None:
    """What a float32 file says is torch's answer but for ``rounding``. Raises ``ModelError``."""
    worst = largest(expected, got)
    if not worst <= LIMIT + rounding:
        raise ModelError(f"the file's answer is {worst:.2g} away from the network's; not written")


def check_batches(
    model: onnx.ModelProto, form: Form, faces: Bytes, together: Floats, choice: int | None = None
) -> None:
    """A face alone gets the answer that it gets in the batch ``together``. Raises ``ModelError``.

    Bytes may differ by one level, where a fraction lies on the edge.
    """
    alone = np.concatenate([run_model(model, form, face[None], choice) for face in faces])
    if not largest(alone, together) <= LIMIT + 2 * form.rounding:
        raise ModelError("the answer to a face depends on the other faces of its batch; not written")


def psnr(got: Floats, expected: Floats) -> float:
    """Peak signal-to-noise ratio in dB of float32 (N, 4, P, P) in 0..1: of the colours or the mask, what is worse."""
    if got.shape != expected.shape or not np.isfinite(got).all():
        return float("-inf")
    errors = (got.astype(np.float64) - expected) ** 2
    worst = max(errors[:, :3].mean(), errors[:, 3:].mean())
    return float(-10 * np.log10(max(worst, 1e-20)))


def largest(a: Floats, b: Floats) -> float:
    """Largest difference of two answers; infinite where one is no number or the shapes differ."""
    if a.shape != b.shape:
        return float("inf")
    difference = float(np.abs(a.astype(np.float64) - b).max())
    return difference if np.isfinite(difference) else float("inf")


def _run(
    model: onnx.ModelProto, form: Form, faces: Bytes, outputs: list[str] | tuple[str, ...], choice: int | None = None
) -> list[Floats]:
    asked: dict[str, object] = {form.tensors.input: form.asked(faces)}
    if choice is not None:
        asked["identity"] = np.array([choice], np.int64)
    answers: list[Floats] = open_session(model.SerializeToString(), "cpu").run(list(outputs), asked)
    return answers
