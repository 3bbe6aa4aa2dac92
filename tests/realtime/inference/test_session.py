"""Devices and sessions."""

import subprocess
import sys
from pathlib import Path
from threading import Event

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from realtime.inference.guarded_session import GuardedSession
from realtime.inference.modelfile import ModelFile
from realtime.inference.onnx_runtime import onnxruntime
from realtime.inference.providers import DEVICES, available
from realtime.inference.session import SPINNING, _options, _providers, open_session, why_not
from realtime.inference.tensorrt_cache import engine_folder
from realtime.runtime.errors import ModelError


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
        def __init__(self, model: bytes, options: object, providers: list[str], disabled_optimizers: object) -> None:
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


def test_buffers_that_stay_answer_as_those_that_do_not() -> None:
    """The way of a card's buffers, on the CPU's."""
    session = open_session(picture_model(), "cpu")
    run = GuardedSession(session, "m")
    random = np.random.default_rng(0)
    for count in (1, 2, 1, 3, 2):  # each batch size keeps its own buffers
        feeds = {
            "x": random.random((count, 2, 2, 3), np.float32),
            "which": random.integers(0, 9, 1, np.int64),
        }
        (plain,) = run(["y"], feeds)
        (bound,) = run._bound(["y"], feeds, onnxruntime.RunOptions())
        np.testing.assert_array_equal(bound, plain)
        kept, fed = bound.copy(), {name: array.copy() for name, array in feeds.items()}
        run._bound(["y"], {name: array * 0 for name, array in feeds.items()}, onnxruntime.RunOptions())
        np.testing.assert_array_equal(bound, kept)
        for name, array in fed.items():
            np.testing.assert_array_equal(feeds[name], array)
    assert len(run._bindings) == 3


def picture_model() -> bytes:
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("Cast", ["which"], ["w"], to=TensorProto.FLOAT), helper.make_node("Add", ["x", "w"], ["y"])],
        "picture",
        [value("x", TensorProto.FLOAT, ["n", 2, 2, 3]), value("which", TensorProto.INT64, [1])],
        [value("y", TensorProto.FLOAT, ["n", 2, 2, 3])],
    )
    data: bytes = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10
    ).SerializeToString()
    return data


def test_idle_threads_sleep() -> None:
    assert all(_options(2, {}, None).get_session_config_entry(key) == "0" for key in SPINNING)


#: A large picture four times, and the megabytes that this process takes after each.
LOOKS = """
import resource
import numpy as np
from realtime.finder.detector import ASSET
from realtime.inference.session import open_session
session = open_session(ASSET)
for _ in range(4):
    session.run(None, {session.get_inputs()[0].name: np.zeros((1, 864, 1536, 3), np.uint8)})
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere the size is counted in other units")
def test_a_second_look_takes_no_more_memory_than_the_first() -> None:
    done = subprocess.run([sys.executable, "-c", LOOKS], capture_output=True, text=True, check=True)
    first, *later = map(float, done.stdout.split())
    assert max(later) < first + 10


def test_devices_that_are_not_there_say_why(tmp_path: Path) -> None:
    path = tmp_path / "doubling.onnx"
    path.write_bytes(doubling())
    for name in DEVICES:
        reason = why_not(name, path)
        assert (reason is None) == (name in available()), reason
    assert why_not("cpu", path) is None


@pytest.mark.skipif(sys.platform == "win32", reason="modes of POSIX")
def test_engines_lie_where_nobody_else_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUMMER_HOME", str(tmp_path))
    folder = engine_folder("0" * 64)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert engine_folder("0" * 64) == folder != engine_folder("1" * 64)
    folder.chmod(0o777)
    with pytest.raises(ModelError, match="open to others"):
        engine_folder("0" * 64)


def test_tensorrt_keeps_its_engines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUMMER_HOME", str(tmp_path))
    (tmp_path / "m.onnx").write_bytes(doubling())
    with ModelFile(tmp_path / "m.onnx") as file:
        (first, options), *rest = _providers(DEVICES["tensorrt"], file, bound=True)
        assert Path(options["trt_engine_cache_path"]) == engine_folder(file.sha256())
    assert (first, *rest) == ("TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider")
    graph = {"enable_cuda_graph": "1"}
    assert _providers(DEVICES["cuda-graph"], b"", bound=True)[0] == ("CUDAExecutionProvider", graph)
    assert _providers(DEVICES["cuda-graph"], b"", bound=False)[0] == "CUDAExecutionProvider"


def test_a_load_that_takes_too_long_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "doubling.onnx"
    path.write_bytes(doubling())
    monkeypatch.setattr("realtime.inference.session.LOADING", -1.0)  # over before it begins

    class Patient(onnxruntime.SessionOptions):
        """Waits for the watchdog, so that the test does not depend on who is quicker."""

        def __init__(self) -> None:
            super().__init__()
            self.stopped = Event()

        def set_load_cancellation_flag(self, stop: bool) -> None:
            super().set_load_cancellation_flag(stop)
            self.stopped.set()

    real = onnxruntime.InferenceSession

    def session(model: bytes, options: Patient, **rest: object) -> onnxruntime.InferenceSession:
        assert options.stopped.wait(10)
        return real(model, options, **rest)

    monkeypatch.setattr(onnxruntime, "SessionOptions", Patient)
    monkeypatch.setattr(onnxruntime, "InferenceSession", session)
    with pytest.raises(ModelError, match="not ready after"):
        open_session(path, "cpu")
