"""Parity: the exported graph answers as the network did."""

from typing import Final

import numpy as np
import onnxruntime
import torch
from torch import nn

from realtime.arrays import Bytes, Floats
from realtime.errors import ModelError
from realtime.sessions import open_session

__all__ = ["LIMIT", "check_parity"]

#: Largest difference allowed on 0..1.
LIMIT: Final = 1e-3


def check_parity(graph: nn.Module, compared: bytes, model: bytes, faces: Bytes) -> float:
    """Compare torch with ONNX Runtime on ``faces``, uint8 (N, S, S, 3) RGB; returns the largest difference.

    ``graph`` and ``compared``, which is exported from it, answer ``faces`` with uint8 (N, S, S, 3), uint8 (N,
    S, S, 1) and the floats (N, 4, S, S) that both are made from; ``model`` is the same without the floats.
    Raises ``ModelError`` where floats, clipped to 0..1, differ by more than ``LIMIT``, where bytes are not
    those floats rounded, and where a face alone gets another answer than a face among others.
    """
    with torch.inference_mode():
        expected = graph(torch.from_numpy(faces))[2].numpy()
    session = open_session(compared, "cpu")
    together = _answer(session, faces)
    worst = _largest(expected, together)
    if not worst <= LIMIT:
        raise ModelError(f"torch and ONNX Runtime differ by {worst:.2g}, more than {LIMIT:g}; not written")
    alone = np.concatenate([_answer(session, face[None]) for face in faces])
    if not _largest(alone, together) <= LIMIT:
        raise ModelError("the answer to a face depends on the other faces of its batch; not written")
    rounded = np.concatenate(open_session(model, "cpu").run(["swapped", "mask"], {"face": faces}), axis=-1)
    floats = (rounded.transpose(0, 3, 1, 2) / 255).astype(np.float32)
    if not _largest(expected, floats) <= LIMIT + 0.5 / 255:
        raise ModelError("the bytes are not the network's answer, rounded; not written")
    return worst


def _answer(session: onnxruntime.InferenceSession, faces: Bytes) -> Floats:
    answer: Floats = session.run(["answer"], {"face": faces})[0]
    return answer


def _largest(a: Floats, b: Floats) -> float:
    """Largest difference of two answers, clipped; infinite where one is no number or the shapes differ."""
    if a.shape != b.shape:
        return float("inf")
    difference = float(np.abs(a.clip(0, 1).astype(np.float64) - b.clip(0, 1)).max())
    return difference if np.isfinite(difference) else float("inf")
