"""The contract of models that draw: a crop pixel on pixel, the mesh in it, the alpha as it is, a memory by track."""

import datetime
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from realtime.composite.tracked import Tracks
from realtime.finder import PluginFinder
from realtime.finder.face import Face
from realtime.finder.sfd_fan import SfdFan
from realtime.media.frame import Frame
from realtime.mesh.canonical import POINTS
from realtime.mesh.outline import AROUND
from realtime.runtime.arrays import Bytes
from realtime.runtime.errors import ModelError, UsageError
from realtime.runtime.stages import Stages
from realtime.settings import Look, ModelOptions
from realtime.swap.consent import Consent, Identity
from realtime.swap.drawn import DrawnModel
from realtime.swap.face_crop import FaceCrop
from realtime.swap.manifest import Manifest
from realtime.swapper import check_finder, make_swapper
from tests.realtime.tiny import make_model

NOW = datetime.date.today()
WHO = Identity(
    id="nobody", name="Nobody", kind="synthetic", consent=Consent(by="x", date=NOW, scope="tests", statement="yes")
)
MANIFEST = Manifest(
    architecture={"name": "checks"}, size=128, template="whole-face", identities=(WHO,), licence="MIT",
    training=None, weights_sha256=None,
)  # fmt: skip


class Checks(DrawnModel):
    """Paints a square round the nose's tip, brighter each time the same face is seen."""

    def __init__(self, options: ModelOptions | None = None) -> None:
        super().__init__(Path("checks"), "0" * 64, MANIFEST, options or ModelOptions())
        self.seen = Tracks[list[int]](list)
        self.crops: list[FaceCrop] = []

    def draw(self, crop: FaceCrop) -> tuple[Bytes, Bytes]:
        assert crop.mesh is not None
        self.crops.append(crop)
        self.seen[crop.track].append(1)
        alpha = np.zeros(crop.rgb.shape[:2], np.uint8)
        x, y = np.rint(crop.mesh[4, :2]).astype(int)
        alpha[y - 40 : y + 41, x - 40 : x + 41] = 255
        return np.full_like(crop.rgb, 100 + 50 * len(self.seen[crop.track])), alpha

    def bookmark(self, track: int) -> Callable[[], None]:
        return self.seen.bookmark(track)

    def forget(self) -> None:
        self.seen.clear()


class Scripted:
    """A face at rest at one place."""

    def __init__(self, scale: float = 8.0, mesh: bool = True) -> None:
        self.points = (POINTS * scale + (150, 130, 0)).astype(np.float32)
        self.mesh = self.points if mesh else None

    def find(self, frame: Frame) -> tuple[Face, ...]:
        return (Face(self.points[:68, :2], 1.0, 7, self.mesh),)

    def reset(self) -> None:
        pass


def frame() -> Frame:
    return Frame.from_rgb(np.random.default_rng(1).integers(0, 255, (280, 300, 3)).astype(np.uint8))


def test_what_is_drawn_goes_into_the_frame_pixel_on_pixel(tmp_path: Path) -> None:
    model = Checks()
    made = make_swapper(Look(model=str(make_model(tmp_path / "m.onnx")), device="cpu"), Stages(), Scripted())
    swapper = replace(made, model=model, label=None, watermark=None)
    for level in (150, 200):
        shown = frame()
        before = shown.warp(np.eye(2, 3), (300, 280))
        assert len(swapper.process(shown)) == 1
        after = shown.warp(np.eye(2, 3), (300, 280))
        x, y = np.rint(Scripted().points[4, :2]).astype(int)
        assert np.abs(after[y - 38 : y + 39, x - 38 : x + 39].astype(int) - level).max() <= 1
        changed = np.zeros(after.shape[:2], bool)
        changed[y - 42 : y + 43, x - 42 : x + 43] = True
        assert (after[~changed] == before[~changed]).all()
    crop = model.crops[0]
    assert crop.rgb.shape[0] % 16 == 0
    assert crop.frame_to_crop[0, 0] == 1
    assert (crop.frame_to_crop[:, 2] == np.rint(crop.frame_to_crop[:, 2])).all()
    swapper.reset()
    swapper.process(frame())
    assert len(model.seen[7]) == 1, "another source: the face is a new one"


@pytest.mark.parametrize(("scale", "side"), [(1.0, 128), (8.0, None), (60.0, 768)])
def test_the_crop_is_as_large_as_the_face_within_bounds(scale: float, side: int | None) -> None:
    finder = Scripted(scale)
    matrix, size = Checks().frame_to_crop(finder.find(frame())[0])
    outline = finder.points[AROUND, :2] @ matrix[:, :2].T + matrix[:, 2]
    extent = float((outline.max(axis=0) - outline.min(axis=0)).max())
    assert size == side if side else extent * 1.5 <= size < extent * 1.5 + 16
    assert outline.min() > 0
    assert outline.max() < size


def test_what_a_drawn_model_does_not_have_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the face in it is nobody"):
        Checks(ModelOptions(identity="bob"))
    with pytest.raises(UsageError, match="leave out --detector"):
        check_finder(Checks(), PluginFinder(SfdFan))  # type: ignore[arg-type]  # it is not asked
    made = make_swapper(Look(model=str(make_model(tmp_path / "m.onnx")), device="cpu"), Stages(), Scripted(mesh=False))
    with pytest.raises(ModelError, match="gives no dense mesh"):
        replace(made, model=Checks()).process(frame())


def test_only_so_many_tracks_are_remembered() -> None:
    tracks = Tracks[list[int]](list)
    tracks[0].append(1)
    for track in range(1, 70):
        tracks[track].append(1)
        if track < 60:
            assert tracks[0], "seen lately"
    assert not tracks[1]
