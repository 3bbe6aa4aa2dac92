"""Devices and sessions."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from realtime.errors import ModelError
from realtime.providers import DEVICES
from realtime.sessions import open_session


def doubling() -> bytes:
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "x"], ["y"])],
        "doubling",
        [value("x", TensorProto.FLOAT, ["n"])],
        [value("y", TensorProto.FLOAT, ["n"])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    data: bytes = model.SerializeToString()
    return data


@pytest.mark.parametrize("device", ["auto", "cpu"])
def test_sessions_run_from_bytes_and_from_files(tmp_path: Path, device: str) -> None:
    path = tmp_path / "doubling.onnx"
    path.write_bytes(doubling())
    for model in (doubling(), path):
        (answer,) = open_session(model, device, threads=2).run(None, {"x": np.ones(3, np.float32)})
        assert answer.tolist() == [2, 2, 2]


def pretend(monkeypatch: pytest.MonkeyPatch, listed: list[str], starting: list[str]) -> list[list[str]]:
    """Another machine: providers that the package lists, and those that start; returns what was asked."""
    asked: list[list[str]] = []

    class Session:
        def __init__(self, model: bytes, options: object, providers: list[str]) -> None:
            asked.append(providers)

        def get_providers(self) -> list[str]:
            return [provider for provider in asked[-1] if provider in starting]

    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: listed)
    monkeypatch.setattr(onnxruntime, "InferenceSession", Session)
    return asked


CPU, CORE = "CPUExecutionProvider", "CoreMLExecutionProvider"


def test_auto_takes_the_accelerator_that_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = pretend(monkeypatch, [CPU, CORE], [CPU, CORE])
    open_session(doubling())
    assert asked == [[CORE, CPU]]


def test_auto_goes_on_where_an_accelerator_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = pretend(monkeypatch, [CPU, CORE], [CPU])
    open_session(doubling())
    assert asked == [[CORE, CPU], [CPU]]


def test_a_device_asked_for_that_does_not_start_is_no_silent_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, [CPU, CORE], [CPU])
    with pytest.raises(ModelError, match="coreml"):
        open_session(doubling(), "coreml")


def test_a_device_that_is_not_there_is_refused_with_those_that_are() -> None:
    missing = [name for name, device in DEVICES.items() if device.provider not in onnxruntime.get_available_providers()]
    for name in (*missing, "abacus"):
        with pytest.raises(ModelError, match="cpu") as refusal:
            open_session(doubling(), name)
        assert name in str(refusal.value)


def test_a_file_that_is_no_model_is_named(tmp_path: Path) -> None:
    path = tmp_path / "noise.onnx"
    path.write_bytes(b"noise" * 20)
    with pytest.raises(ModelError, match=r"noise\.onnx.*not an ONNX model"):
        open_session(path, "cpu")


def test_a_graph_that_is_wrong_is_refused_in_one_line() -> None:
    model = onnx.load_from_string(doubling())
    model.graph.node[0].op_type = "NoSuchOperator"
    with pytest.raises(ModelError) as refusal:
        open_session(model.SerializeToString(), "cpu")
    assert "\n" not in str(refusal.value)
