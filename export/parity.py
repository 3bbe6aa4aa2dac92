"""Parity: what a model file answers is what the network answered in torch."""

from typing import Final

import numpy as np
import onnx
import torch
from torch import nn

from export.forms import ANSWER, Form
from export.switch import CHOICE
from realtime.inference.session import open_session
from realtime.runtime.arrays import Bytes, Floats
from realtime.runtime.errors import ModelError

__all__ = ["LIMIT", "GraphRunner", "answer_of", "check_answer", "check_batches", "check_float32", "psnr"]

#: Largest difference allowed on 0..1.
LIMIT: Final = 1e-3


def answer_of(module: nn.Module, form: Form, faces: Bytes) -> Floats:
    """What torch answers to ``faces``, uint8 (N, P, P, 3) RGB: float32 (N, 4, P, P), RGB and mask in 0..1."""
    with torch.inference_mode():
        answer: Floats = module(torch.from_numpy(form.to_input(faces)))[-1].numpy()
    return answer


class GraphRunner:
    """A graph on ONNX Runtime, which is given faces as uint8 (N, P, P, 3) RGB."""

    def __init__(self, model: onnx.ModelProto, form: Form) -> None:
        self._session = open_session(model.SerializeToString(), "cpu")
        self._form = form

    def __call__(self, faces: Bytes, choice: int | None = None) -> Floats:
        """float32 (N, 4, P, P), RGB and mask in 0..1, made of the form's outputs.

        ``choice`` is the number of the identity, where the file has several.
        """
        feeds: dict[str, object] = {self._form.tensors.input: self._form.to_input(faces)}
        if choice is not None:
            feeds[CHOICE] = np.array([choice], np.int64)
        outputs = self._session.run(list(self._form.outputs), feeds)
        return self._form.from_outputs(dict(zip(self._form.outputs, outputs, strict=True)))

    def answer(self, faces: Bytes) -> Floats:
        """The same from the output ``ANSWER``, where it has not been cut off yet."""
        answer: Floats = self._session.run([ANSWER], {self._form.tensors.input: self._form.to_input(faces)})[0]
        return answer


def check_answer(runner: GraphRunner, faces: Bytes, expected: Floats) -> None:
    """``ANSWER`` is torch's answer ``expected`` within ``LIMIT``, in a batch and alone. Raises ``ModelError``."""
    together = runner.answer(faces)
    worst = _largest(expected, together)
    if not worst <= LIMIT:
        raise ModelError(f"torch and ONNX Runtime differ by {worst:.2g}, more than {LIMIT:g}; not written")
    alone = np.concatenate([runner.answer(face[None]) for face in faces])
    if not _largest(alone, together) <= LIMIT:
        raise ModelError("the answer to a face depends on the other faces of its batch; not written")


def check_float32(got: Floats, expected: Floats, rounding: float) -> None:
    """What a float32 file says is torch's answer but for ``rounding``. Raises ``ModelError``."""
    worst = _largest(expected, got)
    if not worst <= LIMIT + rounding:
        raise ModelError(f"the file's answer is {worst:.2g} away from the network's; not written")


def check_batches(runner: GraphRunner, faces: Bytes, together: Floats, rounding: float, choice: int | None) -> None:
    """A face alone gets the answer that it gets in the batch ``together``. Raises ``ModelError``.

    Bytes may differ by one level, where a fraction lies on the edge.
    """
    alone = np.concatenate([runner(face[None], choice) for face in faces])
    if not _largest(alone, together) <= LIMIT + 2 * rounding:
        raise ModelError("the answer to a face depends on the other faces of its batch; not written")


def psnr(got: Floats, expected: Floats) -> float:
    """Peak signal-to-noise ratio in dB of float32 (N, 4, P, P) in 0..1: of the colours or the mask, what is worse."""
    if got.shape != expected.shape or not np.isfinite(got).all():
        return float("-inf")
    errors = (got.astype(np.float64) - expected) ** 2
    worst = max(errors[:, :3].mean(), errors[:, 3:].mean())
    return float(-10 * np.log10(max(worst, 1e-20)))


def _largest(a: Floats, b: Floats) -> float:
    """Largest difference of two answers; infinite where one is no number or the shapes differ."""
    if a.shape != b.shape:
        return float("inf")
    difference = float(np.abs(a.astype(np.float64) - b).max())
    return difference if np.isfinite(difference) else float("inf")
