"""One frame's way with several faces: all of them in one run of the model, each where it belongs."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from realtime.live.sources.portrait import Portrait, Pose
from realtime.media.frame import Frame
from realtime.runtime.arrays import Bytes
from realtime.runtime.stages import Stages
from realtime.settings import Look
from realtime.swapper import FrameSwapper, make_swapper
from tests.realtime.tiny import make_model


def swapper(model: Path) -> FrameSwapper:
    made = make_swapper(Look(model=str(model), device="cpu", sharpen=0.0), Stages())
    return replace(made, label=None, watermark=None)


def seen(frame: Frame) -> Bytes:
    return frame.warp(np.eye(2, 3), (frame.width, frame.height))


def test_two_faces_are_swapped_as_each_by_itself(tmp_path: Path) -> None:
    model = make_model(tmp_path / "negative.onnx")
    draw = Portrait(360, 360).draw
    left, right = draw(Pose(yaw=-0.15)), draw(Pose(yaw=0.2, mouth=0.4))
    both = Frame.from_rgb(np.hstack([left, right]))
    assert len(swapper(model).process(both)) == 2
    result = seen(both)
    for half, alone in ((result[:, :360], left), (result[:, 360:], right)):
        frame = Frame.from_rgb(alone)
        assert len(swapper(model).process(frame)) == 1
        expected = seen(frame)
        assert np.abs(expected.astype(int) - alone).mean() > 5, "a face went in"
        # The finder looks at another picture, so that the face may lie a fraction of a pixel elsewhere.
        assert np.abs(half.astype(int) - expected).mean() < 2


def test_the_largest_alone(tmp_path: Path) -> None:
    model = make_model(tmp_path / "negative.onnx")
    small = np.zeros((360, 360, 3), np.uint8)
    small[90:270, 90:270] = Portrait(180, 180).draw(Pose())
    frame = Frame.from_rgb(np.hstack([small, Portrait(360, 360).draw(Pose())]))
    before = seen(frame)
    (face,) = replace(swapper(model), faces="largest").process(frame)
    assert face.landmarks[:, 0].min() > 360
    assert (seen(frame)[:, :360] == before[:, :360]).all()
