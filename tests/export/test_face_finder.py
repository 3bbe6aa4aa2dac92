"""The accurate face finder as files: they find what the library finds. Weights are random, of the true form."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from typer.testing import CliRunner

from export.face_finder import export_face_finder
from models.detectors.fan import FanFinder
from realtime.demo.portrait import load_portrait
from realtime.finder import open_finder
from realtime.finder.sfd_fan import DETECTOR, LANDMARKS, SfdFan
from realtime.runtime.arrays import Bytes
from realtime.runtime.errors import DetectorError, MummerError
from tests.export.test_workflow import app
from tests.models.test_fan import FAN, write_sfd


def detector() -> nn.Module:
    """S3FD with random weights, and biases that let just the surest cells of two of its grids pass for faces.

    Its layers are an eighth as wide as the true ones, and one is there where those have two or three alike in a row.
    """
    from face_alignment.detection.sfd import net_s3fd

    torch.manual_seed(3)
    net: nn.Module = net_s3fd.s3fd()
    for name, part in list(net.named_children()):
        if isinstance(part, net_s3fd.L2Norm):
            setattr(net, name, net_s3fd.L2Norm(part.n_channels // 8, part.scale))
        elif (name[-2:] in ("_2", "_3") and int(name[4]) < 6) or name == "fc7":
            setattr(net, name, nn.Identity())
        elif isinstance(part, nn.Conv2d):
            channels = max(part.in_channels // 8, 3), part.out_channels // (1 if "_mbox_" in name else 8)
            setattr(net, name, nn.Conv2d(*channels, part.kernel_size, part.stride, part.padding))  # type: ignore[arg-type]
    net.eval()
    means = torch.tensor([104.0, 117.0, 123.0]).view(1, 3, 1, 1)
    with torch.no_grad():
        answers = [
            net(torch.from_numpy(picture).permute(2, 0, 1)[None].float().flip(1) - means) for picture in pictures()
        ]
        layers = [parts for name, parts in net.named_children() if name.endswith("_conf")]
        for level, layer in enumerate(layers):
            surest = [float((each[2 * level][:, 1] - each[2 * level][:, 0]).max()) for each in answers]
            layer.bias[-1] -= min(surest) - 0.1 if level in (1, 3) else max(surest) + 9
    return net


def landmarks() -> nn.Module:
    """FAN: one storey of it instead of four, one halving instead of four, a quarter of the channels, three blocks."""
    from face_alignment.models import FAN
    from face_alignment.models.fan import ConvBlock, HourGlass

    torch.manual_seed(0)
    net: nn.Module = FAN(1)
    net.conv1, net.bn1 = nn.Conv2d(3, 16, 7, 2, 3), nn.BatchNorm2d(16)
    net.conv2, net.conv3, net.conv4 = nn.Identity(), nn.Identity(), ConvBlock(16, 64)
    net.m0, net.top_m_0 = HourGlass(1, 1, 64), nn.Identity()
    net.m0.b2_1 = net.m0.b2_plus_1 = nn.Identity()
    net.conv_last0, net.bn_end0, net.l0 = nn.Conv2d(64, 64, 1), nn.BatchNorm2d(64), nn.Conv2d(64, 68, 1)
    return net.eval()


class Library:
    """What ``FanFinder`` is around, with the two nets above in the place of the true ones."""

    def __init__(self) -> None:
        from face_alignment.api import FaceAlignment, LandmarksType
        from face_alignment.detection.sfd.sfd_detector import SFDDetector

        found = SFDDetector.__new__(SFDDetector)
        found.device, found.filter_threshold, found.face_detector = "cpu", 0.5, detector()
        aligner = FaceAlignment.__new__(FaceAlignment)
        aligner.device, aligner.dtype, aligner.flip_input, aligner.max_batch_size = "cpu", torch.float32, True, 8
        aligner.landmarks_type, aligner.face_detector = LandmarksType.TWO_D, found
        aligner.face_alignment_net = landmarks()
        self.finder = FanFinder.__new__(FanFinder)
        self.finder._aligner = aligner


@pytest.fixture(scope="module")
def library() -> FanFinder:
    return Library().finder


@pytest.fixture(scope="module")
def folder(library: FanFinder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finder") / "sfd+fan"
    export_face_finder(*library.networks, folder)
    return folder


def pictures() -> list[Bytes]:
    portrait = load_portrait()
    return [portrait[60:190, 150:290].copy(), portrait[40:173, 100:301].copy()]


@pytest.mark.parametrize("number", [0, 1])
def test_it_finds_what_the_library_finds(folder: Path, library: FanFinder, number: int) -> None:
    picture = pictures()[number]
    theirs, ours = library.find(picture), SfdFan(folder, "cpu").find(picture)
    assert len(ours) == len(theirs) > 0
    for right, true_score in theirs:
        # Equally sure faces may come in another order.
        points, score = min(ours, key=lambda face: float(np.abs(face[0] - right).mean()))
        assert points.shape == (68, 2)
        assert points.dtype == np.float32
        assert score == pytest.approx(true_score, abs=1e-3)
        # The library cuts fractions off, and random weights make heat maps where two places are nearly as warm.
        same = np.abs(np.floor(points + 0.5) - right).max(axis=1) <= 1
        assert same.mean() >= 0.97


def test_the_folder_is_a_detector_for_every_command(folder: Path) -> None:
    assert open_finder(str(folder), "cpu")


def test_what_is_no_face_finder_is_one_line(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DetectorError, match=r"detector\.onnx.*mummer export --face-finder"):
        open_finder(str(tmp_path), "cpu")
    (tmp_path / DETECTOR).write_bytes((folder / LANDMARKS).read_bytes())
    with pytest.raises(DetectorError, match="mixed up"):
        SfdFan(tmp_path, "cpu")
    from tests.realtime.tiny import make_model

    make_model(tmp_path / DETECTOR)
    with pytest.raises(DetectorError, match="not a face finder's file"):
        SfdFan(tmp_path, "cpu")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("scrfd+fan", "out"), r"sfd\+fan"),
        (("sfd+fan", "out", "more"), "one folder"),
        (("sfd+fan", "file"), "a file"),
        (("sfd+fan", "there"), "--replace"),
        (("sfd+fan", "out"), "s3fd-619a316812.pth"),
    ],
)
def test_wrong_requests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], says: str) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "hub"))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    monkeypatch.chdir(tmp_path)
    Path("file").write_bytes(b"")
    Path("there").mkdir()
    Path("there", DETECTOR).write_bytes(b"")
    result = CliRunner().invoke(app(), ["export", "--face-finder", *words])
    assert isinstance(result.exception, MummerError)
    with pytest.raises(MummerError, match=says):
        raise result.exception
    assert not Path("out").exists()


def test_the_true_loading_code_feeds_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``FanFinder`` hands out the nets that it loaded from files of the true form."""
    from face_alignment import models

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    hub = tmp_path / "hub" / "checkpoints"
    hub.mkdir(parents=True)
    write_sfd(hub)
    torch.save(models.FAN(4).state_dict(), hub / FAN)
    first, second = FanFinder("sfd", "cpu").networks
    assert type(first).__name__ == "s3fd"
    assert type(second).__name__ == "FAN"
