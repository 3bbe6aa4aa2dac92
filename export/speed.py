"""How fast graphs are, next to each other."""

import time
from collections.abc import Sequence
from typing import Final

import onnx

from export.forms import Form
from realtime.inference.session import open_session
from realtime.runtime.arrays import Bytes

__all__ = ["milliseconds"]

#: Runs before the clock counts, and runs that count.
WARM: Final = 3
RUNS: Final = 20


def milliseconds(models: Sequence[onnx.ModelProto], form: Form, faces: Bytes) -> list[float]:
    """Processor time for one face on one core of each of ``models``, in ms: the median of runs that take turns."""
    sessions = [open_session(model.SerializeToString(), "cpu") for model in models]
    feeds = {form.tensors.input: form.to_input(faces[:1])}
    times: list[list[float]] = [[] for _ in models]
    for run in range(WARM + RUNS):
        for session, taken in zip(sessions, times, strict=True):
            began = time.thread_time()
            session.run(None, feeds)
            if run >= WARM:
                taken.append(time.thread_time() - began)
    return [sorted(taken)[RUNS // 2] * 1000 for taken in times]
