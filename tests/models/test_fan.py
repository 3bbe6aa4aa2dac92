"""Face-alignment's detectors as plug-ins. Their weights are random here, in files of the real form."""

import os
import sys
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from models.detectors import fan
from models.detectors.weights import Weights, ensure
from realtime.demo.portrait import LANDMARKS, load_portrait
from realtime.finder import detector_names
from realtime.runtime.errors import DetectorError

NAMES = ("sfd", "blazeface", "yunet", "retinaface", "scrfd")
FAN = "2DFAN4-11f355bf06.pth.tar"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty torch hub, and no way out of this machine."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    for name in ("https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    # The opener behind ``urlopen`` keeps the proxies that it first saw: this one's must not outlive the test.
    monkeypatch.setattr("urllib.request._opener", None)
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture(scope="session")
def landmark_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """FAN's file, with random weights."""
    from face_alignment import models

    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("fan") / FAN
    torch.save(models.FAN(4).state_dict(), path)
    return path


@pytest.mark.parametrize("name", NAMES)
def test_missing_weights_are_named_with_their_folder(name: str, hub: Path, capfd: pytest.CaptureFixture[str]) -> None:
    needs_torchvision(name)
    with pytest.raises(DetectorError) as caught:
        getattr(fan, name)("cpu")
    message = str(caught.value)
    first = fan._WEIGHTS[name][0].file
    assert f"--detector {name} needs the weights {first}" in message
    assert message.endswith(f"put that file into {hub}")
    assert "\n" not in message
    assert list(hub.iterdir()) == []


def test_every_detector_is_a_plugin() -> None:
    assert set(NAMES) <= set(detector_names())
    for entry in entry_points(group="mummer.detectors"):
        assert entry.load().__name__ == entry.name


def test_missing_library_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in [module for module in sys.modules if module.startswith("face_alignment.")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "face_alignment", None)
    with pytest.raises(DetectorError, match=r'needs face_alignment.*pip install "mummer\[train\]"'):
        fan.sfd("cpu")


def test_missing_torchvision_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in [module for module in sys.modules if module.startswith("face_alignment.detection.retinaface")]:
        monkeypatch.delitem(sys.modules, module)
    for module in ("torchvision", "torchvision.models", "torchvision.models._utils"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(DetectorError, match=r"needs torchvision.*pip install torchvision$"):
        fan.retinaface("cpu")


def test_device_that_is_not_there() -> None:
    if torch.cuda.is_available():
        pytest.skip("has CUDA")
    with pytest.raises(DetectorError, match="cannot run on cuda: torch here has cpu"):
        fan.scrfd("cuda")


@pytest.mark.parametrize(
    ("name", "file"), [("sfd", FAN), ("scrfd", "scrfd_2.5g_bnkps.onnx"), ("blazeface", "anchors.npy")]
)
def test_damaged_weights(name: str, file: str, hub: Path, landmark_weights: Path) -> None:
    WRITERS[name](hub)
    os.link(landmark_weights, hub / FAN)
    (hub / file).unlink()
    (hub / file).write_bytes(b"not weights at all")
    with pytest.raises(DetectorError, match="damaged") as caught:
        fan.FanFinder(name, "cpu")
    assert file in str(caught.value)


def test_wrong_content_is_not_kept(hub: Path) -> None:
    with pytest.raises(DetectorError, match="could not be fetched"):
        ensure(Weights("x-0123456789.pth", "face_alignment.api", "models_urls", "2DFAN-4"), "a test")
    assert list(hub.iterdir()) == []


@pytest.mark.parametrize("name", ["sfd", "blazeface", "retinaface", "scrfd"])
def test_finds_with_weights_in_place(name: str, hub: Path, landmark_weights: Path) -> None:
    """The library's own loading, network and post-processing code runs on files of the right form."""
    needs_torchvision(name)
    WRITERS[name](hub)
    os.link(landmark_weights, hub / FAN)
    picture = np.ascontiguousarray(load_portrait()[62:190, 160:288])
    faces = getattr(fan, name)("cpu").find(picture)
    if name in ("sfd", "scrfd"):  # these are made to find one
        assert faces
    for landmarks, score in faces:
        assert landmarks.shape == (68, 2)
        assert landmarks.dtype == np.float32
        assert 0 <= score <= 1
    assert faces == [] or name in ("sfd", "scrfd")
    assert fan._WEIGHTS[name][0].file in {path.name for path in hub.iterdir()}


@pytest.mark.shared
def test_real_yunet_boxes_place_the_landmarks(shared: Path, hub: Path, landmark_weights: Path) -> None:
    """With YuNet's true weights the crop that FAN sees is the face."""
    os.link(landmark_weights, hub / FAN)
    (hub / "face_detection_yunet_2023mar.onnx").write_bytes((shared / "teachers" / "yunet_n_dynamic.onnx").read_bytes())
    ((landmarks, score),) = fan.yunet("cpu").find(load_portrait())
    assert score > 0.8
    centre, size = LANDMARKS.mean(axis=0), np.ptp(LANDMARKS, axis=0).max()
    assert np.all(np.abs(landmarks - centre) < 1.6 * size)


def needs_torchvision(name: str) -> None:
    """Skip RetinaFace where there is no torchvision that fits torch: face-alignment does not require it."""
    if name == "retinaface":
        try:
            import_module("torchvision")
        except (ImportError, RuntimeError) as error:
            pytest.skip(str(error))


def write_sfd(folder: Path) -> None:
    """S3FD that sees a face wherever a cell of its coarsest layer is."""
    from face_alignment.detection.sfd.net_s3fd import s3fd

    torch.manual_seed(0)
    net = s3fd()
    with torch.no_grad():
        for layer, parts in net.named_children():
            if "mbox" in layer:
                for tensor in parts.parameters():
                    tensor.zero_()
                if layer.endswith("conf"):
                    sees = layer.startswith("conv7_2")
                    parts.bias[1 if parts.bias.numel() == 2 else 3] = 3.0 if sees else -9.0
    torch.save(net.state_dict(), folder / "s3fd-619a316812.pth")


def write_blazeface(folder: Path) -> None:
    from face_alignment.detection.blazeface.net_blazeface import BlazeFace

    torch.manual_seed(0)
    net = BlazeFace()
    with torch.no_grad():  # so sure of no face that none passes
        for layer in (net.classifier_8, net.classifier_16):
            layer.weight.zero_()
            layer.bias.fill_(-9.0)
    torch.save(net.state_dict(), folder / "blazeface.pth")
    np.save(folder / "anchors.npy", np.random.default_rng(0).random((896, 4), np.float32))


def write_retinaface(folder: Path) -> None:
    from face_alignment.detection.retinaface.net_retinaface import RetinaFace, cfg_mnet

    torch.manual_seed(0)
    net = RetinaFace(cfg=cfg_mnet)
    with torch.no_grad():  # so sure of no face that none passes
        for name, tensor in net.named_parameters():
            if name.startswith("ClassHead"):
                tensor.zero_()
                if name.endswith("bias"):
                    tensor[0::2] = 5.0
    torch.save(net.state_dict(), folder / "retinaface_mobilenet0.25.pth")


def write_scrfd(folder: Path) -> None:
    """A graph with SCRFD's input and nine outputs, which sees one face in a fixed place."""
    nodes, constants, outputs = [], [], []
    for columns in (1, 4, 10):
        for stride in (8, 16, 32):
            count = (640 // stride) ** 2 * 2
            value = np.full((count, columns), 2.0 if columns == 4 else 0.0, np.float32)
            if columns == 1 and stride == 32:
                value[2 * (10 * 20 + 10)] = 0.9
            name = f"{columns}_{stride}"
            constants.append(numpy_helper.from_array(value, f"c{name}"))
            # Every output hangs on the input, as a real net's do.
            nodes.append(helper.make_node("Add", [f"c{name}", "nothing"], [name]))
            outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, [count, columns]))
    constants.append(numpy_helper.from_array(np.zeros((), np.float32), "zero"))
    first = [
        helper.make_node("ReduceMean", ["input"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "zero"], ["nothing"]),
    ]
    taken = helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, 640, 640])
    graph = helper.make_graph(first + nodes, "scrfd", [taken], outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.save(model, str(folder / "scrfd_2.5g_bnkps.onnx"))


WRITERS = {
    "sfd": write_sfd,
    "blazeface": write_blazeface,
    "retinaface": write_retinaface,
    "scrfd": write_scrfd,
}
