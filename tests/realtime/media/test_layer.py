"""The faces alone: put over the old pictures, they give the new ones."""

from pathlib import Path

import av
import numpy as np
import pytest

from realtime.jobs.convert import Job, convert
from realtime.media.encoding import Encoding
from realtime.runtime.arrays import Bytes
from realtime.runtime.errors import OutputError
from realtime.settings import Look
from tests.realtime.clips import Clip, make, times
from tests.realtime.jobs.test_convert import Scripted
from tests.realtime.tiny import make_model


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("model") / "negative.onnx")


def shown(path: Path, pixels: str) -> list[Bytes]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format=pixels) for frame in container.decode(video=0)]


@pytest.mark.parametrize(
    ("name", "codec", "pixels"),
    [("layer.mov", None, "yuv420p"), ("layer.mkv", None, "yuv444p"), ("layer.mov", "qtrle", "yuv422p10le")],
)
def test_over_the_old_pictures_it_gives_the_new_ones(
    tmp_path: Path, model: Path, name: str, codec: str | None, pixels: str
) -> None:
    source = make(tmp_path / "in.mp4", Clip(frames=3, pix_fmt=pixels))
    target, whole = tmp_path / name, tmp_path / "whole.mkv"
    look = Look(model=str(model), label=None)
    report = convert(Job(source, target, look, Encoding(codec), layer=True), finder=Scripted((20, 20, 64)))
    convert(Job(source, whole, look, Encoding("ffv1")), finder=Scripted((20, 20, 64)))
    assert report.frames_swapped == report.frames_out == 3
    assert report.provenance.label is None
    assert times(target) == times(source)
    for old, new, layer in zip(shown(source, "rgb24"), shown(whole, "rgb24"), shown(target, "rgba"), strict=True):
        alpha = layer[..., 3:].astype(float) / 255
        assert alpha[52, 52] > 0.98
        assert alpha[5, 5] < 0.02
        assert 0.05 < alpha.mean() < 0.5
        over = alpha * layer[..., :3] + (1 - alpha) * old
        assert np.abs(over - new).mean() < 2


def test_a_layer_goes_nowhere_without_transparency(tmp_path: Path, model: Path) -> None:
    source = make(tmp_path / "in.mp4", Clip(frames=3))
    look = Look(model=str(model))
    with pytest.raises(OutputError, match=r"out\.mp4: a layer needs a container for transparency; use \.mov or \.mkv"):
        convert(Job(source, tmp_path / "out.mp4", look, layer=True))
    with pytest.raises(OutputError, match=r"out\.mkv: libx264 holds no transparency"):
        convert(Job(source, tmp_path / "out.mkv", look, Encoding("libx264"), layer=True))
