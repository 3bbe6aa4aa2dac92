"""Poses, measures, and what the report says is missing."""

import re
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from models.faceset.colors import colors_of
from models.faceset.coverage import Coverage, lacking, missing
from models.faceset.folder import Faceset
from models.faceset.hull import hull_mask
from models.faceset.measure import measure
from models.faceset.pose import _CHOSEN, _FACE, pose_of
from models.faceset.record import Colors
from models.faceset.report import write_report
from models.faceset.tone import tone_mapper
from realtime.finder.landmarks68 import MIRRORED
from realtime.media.affine import apply
from realtime.media.frame import Frame
from realtime.media.picture import read_picture
from realtime.runtime.errors import InputError


def turned(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """The generic face seen from far away, after its own turn: float32 (68, 2)."""
    y, p, r = np.radians((yaw, pitch, roll))
    about_y = np.array([[np.cos(y), 0, -np.sin(y)], [0, 1, 0], [np.sin(y), 0, np.cos(y)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(p), np.sin(p)], [0, -np.sin(p), np.cos(p)]])
    about_z = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    landmarks = np.zeros((68, 2), np.float32)
    landmarks[_CHOSEN] = (np.array(list(_FACE.values())) @ (about_z @ about_x @ about_y).T)[:, :2] * 11 + (320, 200)
    return landmarks


@pytest.mark.parametrize(
    ("yaw", "pitch", "roll"), [(0, 0, 0), (30, 0, 0), (-50, 0, 0), (0, 20, 0), (0, -15, 0), (0, 0, 25)]
)
def test_the_pose_of_a_turned_face(yaw: float, pitch: float, roll: float) -> None:
    pose = pose_of(turned(yaw, pitch, roll))
    assert np.allclose((pose.yaw, pose.pitch, pose.roll), (yaw, pitch, roll), atol=0.5)
    assert pose.misfit < 1e-5


def test_signs_are_those_of_the_picture() -> None:
    ahead, right, up, tilted = (turned(*angles) for angles in ((0, 0, 0), (30, 0, 0), (0, 20, 0), (0, 0, 20)))
    assert right[30, 0] > ahead[30, 0] + 20  # the nose goes to the right
    assert up[30, 1] < ahead[30, 1] - 10  # ... up
    assert tilted[45, 1] > tilted[36, 1] + 20  # the eye on the right sinks


def test_mirrored_faces_look_the_other_way(whole: Faceset) -> None:
    points = whole.records()[0].points
    mirrored = (points * (-1, 1) + (480, 0)).astype(np.float32)[MIRRORED]
    pose, other = pose_of(points), pose_of(mirrored)
    assert np.allclose((pose.yaw, pose.pitch, pose.roll), (-other.yaw, other.pitch, -other.roll), atol=0.01)


def test_measures_follow_the_picture(whole: Faceset) -> None:
    record = whole.records()[0]
    crop, points = read_picture(whole.picture(record)), apply(record.frame_to_crop, record.points)
    mask = hull_mask(points, len(crop))
    plain = measure(crop, mask, points)
    soft = measure(np.asarray(cv2.GaussianBlur(crop, (0, 0), 2), np.uint8), mask, points)
    dim = measure((crop * 0.5).astype(np.uint8), mask, points)
    assert soft.sharpness < plain.sharpness / 2
    assert np.isclose(dim.sharpness, plain.sharpness, rtol=0.2)  # dim light is no blur
    assert np.isclose(dim.brightness, plain.brightness / 2, rtol=0.05)
    lit = crop.copy()
    lit[:, :64] //= 2
    assert measure(lit, mask, points).light[0] > plain.light[0] + 0.2
    lit[:] = 255
    assert measure(lit, mask, points).clipped == 1


def test_the_report_stands_alone_and_says_what_is_missing(whole: Faceset, tmp_path: Path) -> None:
    words = write_report(whole, tmp_path / "report.html", against=whole)
    page = (tmp_path / "report.html").read_text()
    assert "data:image/jpeg;base64," in page
    assert not re.search(r"""(src|href)=(?!['"]data:)""", page)
    assert "<script" not in page
    assert any(line.startswith("no faces looking left") or "face looking left" in line for line in words)
    assert any("the set is small, 24 faces" in line for line in words)
    assert all(line.split(":")[0].split("(")[0].strip().capitalize()[:20] in page for line in words)


def test_what_the_other_side_shows_is_asked_for(whole: Faceset) -> None:
    first = whole.records()[0].model_copy(update={"yaw": 0.0, "pitch": 0.0, "eyes": 0.5})
    turned_away = first.model_copy(update={"yaw": -31.0, "pitch": 14.0, "eyes": 0.1})
    ours, theirs = Coverage([first] * 40), Coverage([first] * 40 + [turned_away] * 12)
    assert lacking(ours, theirs, "ann") == [
        "12 faces of ann with the head 15° up and 30° left, here none",
        "12 faces of ann with eyes shut, here none",
    ]
    assert lacking(theirs, ours, "bob") == []


def test_an_empty_set_has_no_report(tmp_path: Path) -> None:
    (tmp_path / "faces.jsonl").touch()
    with pytest.raises(InputError, match="no faces in it"):
        write_report(Faceset.open(tmp_path), tmp_path / "report.html")


def test_a_set_that_has_all_is_told_so(whole: Faceset) -> None:
    """Records spread over every pose, expression and light: nothing is left to film."""
    random = np.random.default_rng(1)
    first = whole.records()[0]
    records = []
    for _ in range(1200):
        points = first.points.copy()
        middle = points[[62, 66]].mean(axis=0)
        points[[62, 66]] = middle + np.array([(0, -0.5), (0, 0.5)]) * random.uniform(0, 0.3) * 70
        points[17:27, 1] += random.uniform(-8, 8)
        records.append(
            first.model_copy(
                update={
                    "landmarks": [tuple(pair) for pair in points.tolist()],
                    "yaw": random.uniform(-60, 60),
                    "pitch": random.uniform(-30, 30),
                    "eyes": random.uniform(0, 0.6),
                    "light": (random.uniform(-0.3, 0.3), 0.0),
                    "brightness": random.uniform(0.2, 0.8),
                    "phash": random.bytes(32).hex(),
                    "matrix": ((1.0, 0.0, first.matrix[0][2]), (0.0, 1.0, first.matrix[1][2])),
                }
            )
        )
    assert missing(Coverage(records)) == []
    ahead = [record.model_copy(update={"yaw": min(record.yaw, 25.0)}) for record in records]
    assert [line for line in missing(Coverage(ahead)) if "looking" in line] == [
        "no face looking right (in the picture) beyond 30 degrees: turn the head slowly to its own left"
    ]


@pytest.mark.parametrize("transfer", ["smpte2084", "arib-std-b67"])
def test_tone_mapping_keeps_order_and_greys(transfer: str) -> None:
    mapped = tone_mapper(Colors(matrix="bt2020", primaries="bt2020", transfer=transfer))
    assert mapped is not None
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    out = mapped(ramp)[0].astype(int)
    assert (np.diff(out[:, 1]) >= 0).all()
    assert np.abs(out - out[:, 1:2]).max() <= 2  # greys stay grey
    assert out[0].max() == 0
    assert out[255].min() == 255
    white = {"smpte2084": 148, "arib-std-b67": 191}[transfer]  # the code of diffuse white, 203 cd/m²
    assert 190 < out[white, 1] < 240


def test_plain_footage_is_not_mapped() -> None:
    assert tone_mapper(Colors(matrix="bt709", primaries="bt709", transfer="bt709")) is None


@pytest.mark.parametrize(
    ("low", "high", "chroma", "log"), [(180, 620, 8, True), (64, 940, 8, False), (180, 620, 200, False)]
)
def test_footage_filmed_in_log_is_noticed(low: int, high: int, chroma: int, log: bool) -> None:
    """Ten bits without black, white and colour; not a full range of greys, and not colours."""
    picture = av.VideoFrame(64, 48, "yuv420p10le")
    luma = np.linspace(low, high, 48 * 64).reshape(48, 64)
    values = (luma, np.full((24, 32), 512 + chroma), np.full((24, 32), 512 - chroma))
    for plane, codes in zip(picture.planes, values, strict=True):
        stored = np.frombuffer(plane, np.uint16).reshape(plane.height, -1)  # type: ignore[call-overload]
        stored[:, : codes.shape[1]] = codes
    assert colors_of(Frame(picture)).looks_log is log
