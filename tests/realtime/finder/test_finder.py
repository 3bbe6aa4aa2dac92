"""The face finder on real encoded video: an animated portrait, and real clips where they are at hand."""

import itertools
import json
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from models.recipes.face_finder.lookalikes import patterns
from realtime.align import TEMPLATES, fit_similarity
from realtime.cli import build_app
from realtime.demo.portrait import load_portrait
from realtime.finder import BuiltinFinder, builtin, detector_names, open_finder
from realtime.finder.detector import CLOSE, CLOSER, LONGEST, Detector
from realtime.finder.face import Face
from realtime.finder.landmarker import SIZE, Landmarker, crop_of_box
from realtime.finder.one_euro import OneEuro
from realtime.finder.plugins import PluginFinder
from realtime.finder.tracks import nesting, overlap
from realtime.jobs.detections import detect_faces
from realtime.media.affine import apply
from realtime.media.file_source import FileSource
from realtime.media.frame import Frame
from realtime.media.picture import read_picture
from realtime.mesh.canonical import POINTS
from realtime.runtime.arrays import Points
from realtime.runtime.errors import DetectorError, InputError
from tests.realtime.clips import talking


@pytest.fixture(scope="module")
def clip() -> Path:
    return talking((640, 360), 2.0, 30)


def frames(path: Path) -> Iterator[Frame]:
    source = FileSource(path)
    yield from (item for item in source if isinstance(item, Frame))
    source.close()


def test_one_face_one_track_in_every_frame(clip: Path) -> None:
    finder = BuiltinFinder("cpu")
    seen = [finder.find(frame) for frame in frames(clip)]
    assert len(seen) == 60
    assert all(len(faces) == 1 for faces in seen)
    assert {faces[0].track for faces in seen} == {0}
    assert min(faces[0].score for faces in seen) > 0.5


def test_landmarks_lie_where_the_features_are(clip: Path) -> None:
    face = BuiltinFinder("cpu").find(next(frames(clip)))[0]
    points = face.landmarks
    left_eye, right_eye, mouth = points[36:42].mean(0), points[42:48].mean(0), points[48:].mean(0)
    assert left_eye[0] < points[30, 0] < right_eye[0]
    assert max(left_eye[1], right_eye[1]) < points[30, 1] < mouth[1] < points[8, 1]


def test_tracking_and_detection_agree(clip: Path) -> None:
    """What is followed for 40 frames lies where a fresh look finds it."""
    finder, last = BuiltinFinder("cpu", interval=1000), None
    for frame, _ in zip(frames(clip), range(40), strict=False):
        last, seen = frame, finder.find(frame)
    assert last is not None
    fresh = BuiltinFinder("cpu").find(last)
    distance = np.linalg.norm(fresh[0].landmarks - seen[0].landmarks, axis=1).mean()
    assert distance < 0.06 * fresh[0].eye_distance


def test_what_looks_like_a_face_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blots that fool the detector and the landmark net together do not fool the net that knows such things."""
    fooling = (0, 5, 95, 200, 253)
    pictures = [Frame.from_rgb(next(patterns(1, np.random.default_rng(seed)))) for seed in fooling]
    finder = BuiltinFinder("cpu")

    def taken_for_faces(frame: Frame) -> bool:
        finder.reset()
        return bool(finder.find(frame))

    assert not any(map(taken_for_faces, pictures))
    monkeypatch.setattr(builtin, "REAL", 0.0)
    assert all(map(taken_for_faces, pictures))


def test_nothing_is_seen_where_nothing_is() -> None:
    rng = np.random.default_rng(0)
    ramp = np.broadcast_to(np.linspace(0, 255, 640, dtype=np.uint8)[None, :, None], (360, 640, 3))
    noise = rng.integers(0, 256, (360, 640, 3), dtype=np.uint8)
    for picture in (np.zeros((360, 640, 3), np.uint8), ramp, noise):
        assert BuiltinFinder("cpu").find(Frame.from_rgb(np.ascontiguousarray(picture))) == ()


@pytest.mark.parametrize("size", [(16, 16), (2, 300), (333, 77), (1921, 1081)])
def test_any_frame_size_will_do(size: tuple[int, int]) -> None:
    grey = np.full((size[1], size[0], 3), 128, np.uint8)
    assert BuiltinFinder("cpu").find(Frame.from_rgb(grey)) == ()


def test_a_lost_face_is_dropped_and_found_again(clip: Path) -> None:
    finder = BuiltinFinder("cpu")
    pictures = list(frames(clip))
    empty = Frame.from_rgb(np.zeros((360, 640, 3), np.uint8))
    assert len(finder.find(pictures[0])) == 1
    assert finder.find(empty) == ()
    assert len(finder.find(pictures[1])) == 1


def test_a_still_face_stays_still(clip: Path) -> None:
    frame = next(frames(clip))
    rgb = frame.warp(np.eye(2, 3), (frame.width, frame.height))
    rng, finder, seen = np.random.default_rng(0), BuiltinFinder("cpu"), []
    for _ in range(60):
        noisy = np.clip(rgb.astype(np.int16) + rng.integers(-2, 3, rgb.shape), 0, 255).astype(np.uint8)
        seen.append(finder.find(Frame.from_rgb(noisy))[0].landmarks * (512 / 640))
    points = np.stack(seen[10:])
    assert np.sqrt(((points - points.mean(0)) ** 2).sum(2).mean()) <= 0.3


def test_who_asks_for_the_mesh_gets_it_and_the_landmarks_do_not_change(clip: Path) -> None:
    plain, dense = BuiltinFinder("cpu"), open_finder(mesh=True)
    for frame in itertools.islice(frames(clip), 4):
        (face,), (meshed,) = plain.find(frame), dense.find(frame)
        assert face.mesh is None
        assert (face.landmarks == meshed.landmarks).all() and face.score == meshed.score
        mesh = meshed.mesh
        assert mesh is not None and (mesh.shape, mesh.dtype) == ((468, 3), np.float32)
        # Both name the same places: the eye corners, the tip of the nose, the corners of the mouth.
        apart = np.linalg.norm(
            mesh[[33, 133, 362, 263, 4, 61, 291], :2] - face.landmarks[[36, 39, 42, 45, 30, 48, 54]], axis=1
        )
        assert apart.max() < 0.1 * face.eye_distance
        pose = fit_similarity(POINTS[:, :2], mesh[:, :2])
        assert np.abs(apply(pose, POINTS[:, :2]) - mesh[:, :2]).max() < 0.25 * face.eye_distance
        assert mesh[4, 2] < mesh[[234, 454], 2].min()  # the nose is nearer than the ears


def test_the_filter_settles_at_once_and_follows_a_head() -> None:
    rng = np.random.default_rng(0)
    shape = (rng.random((68, 2)) * 100).astype(np.float32)
    shape[36], shape[45] = (20, 40), (80, 40)
    still = OneEuro(shape)
    noise = np.stack([still((shape + rng.normal(0, 0.3, (68, 2))).astype(np.float32), 1 / 30, 60.0) for _ in range(60)])
    assert noise[20:].std(axis=0).mean() < 0.12  # of 0.3

    moving = OneEuro(shape)
    for i in range(1, 40):  # half a face a second
        there = (shape + (i * 30 / 30, 0)).astype(np.float32)
        lag = np.linalg.norm(moving(there, 1 / 30, 60.0) - there, axis=1).mean()
    assert lag < 0.5  # of one pixel a frame: less than half a frame behind


def test_box_crop_is_near_the_crop_of_the_landmarks(clip: Path) -> None:
    face = BuiltinFinder("cpu").find(next(frames(clip)))[0]
    corners = np.array([[0, 0], [0, SIZE], [SIZE, 0], [SIZE, SIZE]], np.float32)
    from_box, from_points = crop_of_box(face.box), TEMPLATES["landmarks"].frame_to_crop(face.landmarks, SIZE)
    back = np.linalg.inv(np.vstack([from_points, (0, 0, 1)]))[:2]
    assert np.abs(apply(from_box, apply(back, corners)) - corners).max() < 0.25 * SIZE


def test_detector_reports_the_surest_first(clip: Path) -> None:
    found = Detector("cpu").detect(next(frames(clip)))
    scores = [score for _, score in found]
    assert scores and scores == sorted(scores, reverse=True)


def test_overlap_of_boxes() -> None:
    assert nesting((0, 0, 9, 9), [(4, 4, 6, 6), (20, 20, 30, 30)]) == 1.0
    assert nesting((0, 0, 2, 2), [(1, 0, 9, 9)]) == 0.5
    assert nesting((0, 0, 2, 2), []) == 0.0
    assert overlap((0, 0, 2, 2), [(5, 5, 6, 6), (0, 0, 2, 1)]) == 0.5
    assert overlap((0, 0, 2, 2), []) == 0.0


class Scripted:
    """A picture finder that says what it is told, one list a picture."""

    def __init__(self, script: list[list[Points]]) -> None:
        self._script = iter(script)

    def find(self, rgb: np.ndarray) -> list[tuple[Points, float]]:  # type: ignore[type-arg]
        return [(points, 0.9) for points in next(self._script)]


def test_plug_ins_get_tracks(clip: Path) -> None:
    face = BuiltinFinder("cpu").find(next(frames(clip)))[0].landmarks
    other = (face + (300, 0)).astype(np.float32)
    finder = PluginFinder(Scripted([[face, other], [(other + 2).astype(np.float32), face], [face]]))
    numbers = [[f.track for f in finder.find(frame)] for frame, _ in zip(frames(clip), range(3), strict=False)]
    assert numbers == [[0, 1], [1, 0], [0]]


def test_unknown_detector_is_named_with_the_choice() -> None:
    with pytest.raises(DetectorError, match=r"unknown detector .none.*builtin"):
        open_finder("none")
    with pytest.raises(DetectorError, match="--faces-min is for the built-in"):
        open_finder("yunet", smallest=20)
    assert detector_names()[0] == "builtin"
    assert {"sfd", "blazeface", "yunet", "retinaface", "scrfd"} <= set(detector_names())


def test_faces_command_prints_a_line_a_frame(clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    build_app("faces")(["faces", str(clip), "--json"], standalone_mode=False)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["frame"] for line in lines] == list(range(60))
    assert all(len(line["faces"][0]["landmarks"]) == 68 for line in lines)
    assert lines[30]["time"] == pytest.approx(1.0)
    assert set(lines[0]) == {"source", "frame", "pts", "time", "faces"}
    assert set(lines[0]["faces"][0]) == {"box", "score", "track", "landmarks"}


def test_pictures_are_read_too(clip: Path, tmp_path: Path) -> None:
    frame = next(frames(clip))
    rgb = frame.warp(np.eye(2, 3), (frame.width, frame.height))
    cv2.imwrite(str(tmp_path / "face.png"), rgb[:, :, ::-1])
    seen = list(detect_faces(tmp_path / "face.png"))
    assert len(seen) == 1 and len(seen[0].faces) == 1 and seen[0].pts is None
    (tmp_path / "broken.jpg").write_bytes(b"not a picture")
    with pytest.raises(InputError, match=r"broken\.jpg: not a picture"):
        list(detect_faces(tmp_path / "broken.jpg"))


@pytest.mark.shared
@pytest.mark.parametrize("name", ["s18", "s32", "d0", "d6", "d9", "d19"])
def test_real_heads_are_followed(shared: Path, name: str) -> None:
    """Against YuNet, which the detector learnt from: at least 98 % of its sure boxes, hardly anything else."""
    yunet = cv2.FaceDetectorYN.create(str(shared / "teachers" / "yunet_n_dynamic.onnx"), "", (320, 320), 0.8, 0.3, 50)
    finder, asked, found, extra, total = BuiltinFinder("cpu"), 0, 0, 0, 0
    for number, frame in enumerate(itertools.islice(frames(shared / "media" / f"{name}.mp4"), 160)):
        faces: tuple[Face, ...] = finder.find(frame)
        total += 1
        extra += len(faces) > 1
        if number % 10:
            continue
        bgr = frame.warp(np.eye(2, 3), (frame.width, frame.height))[:, :, ::-1]
        yunet.setInputSize((frame.width, frame.height))
        _, rows = yunet.detect(np.ascontiguousarray(bgr))
        for x, y, w, h in [] if rows is None else [row[:4] for row in rows]:
            asked += 1
            found += overlap((x, y, x + w, y + h), [face.box for face in faces]) >= 0.4
    assert asked > 5
    assert found >= 0.98 * asked
    assert extra <= 0.01 * total


@pytest.fixture(scope="module")
def unrelated() -> list[Frame]:
    """Pictures of one face each, that has another place, size and roll in each, mirrored in half of them."""
    pytest.importorskip("skimage")
    head = load_portrait()[:300, 75:375]
    rng, pictures = np.random.default_rng(4), []
    for _ in range(24):
        matrix = cv2.getRotationMatrix2D((149.5, 149.5), float(rng.uniform(-20, 20)), float(rng.uniform(0.5, 1.2)))
        matrix[:, 2] += rng.uniform((0, 0), (340, 180))
        mirrored = np.ascontiguousarray(head[:, :: int(rng.choice((-1, 1)))])
        canvas = cv2.warpAffine(mirrored, matrix, (640, 480), borderMode=cv2.BORDER_REPLICATE)
        pictures.append(Frame.from_rgb(np.asarray(canvas, np.uint8)))
    return pictures


def same(faces: tuple[Face, ...], others: tuple[Face, ...], share: float) -> bool:
    """Whether these are the same faces, landmarks within a ``share`` of the eyes' distance."""
    return len(faces) == len(others) and all(
        min(np.linalg.norm(face.landmarks - other.landmarks, axis=1).mean() for other in others)
        <= share * face.eye_distance
        for face in faces
    )


@pytest.fixture(scope="module")
def fresh(unrelated: list[Frame]) -> list[tuple[Face, ...]]:
    """What a finder of its own finds in each of them."""
    return [BuiltinFinder("cpu").find(frame) for frame in unrelated]


def test_after_a_reset_nothing_of_the_last_picture_is_left(
    unrelated: list[Frame], fresh: list[tuple[Face, ...]]
) -> None:
    finder = BuiltinFinder("cpu")
    assert sum(len(faces) for faces in fresh) >= 23
    for frame, wanted in zip(unrelated, fresh, strict=True):
        finder.reset()
        assert same(finder.find(frame), wanted, 0)


def test_a_cut_to_an_unrelated_picture_is_noticed(unrelated: list[Frame], fresh: list[tuple[Face, ...]]) -> None:
    """One finder for all of them, as in a video of nothing but cuts, finds what a fresh one finds."""
    finder, wrong = BuiltinFinder("cpu"), []
    for number, (frame, wanted) in enumerate(zip(unrelated, fresh, strict=True)):
        if not same(finder.find(frame), wanted, 0.05):
            wrong.append(number)
    assert not wrong


@pytest.mark.shared
def test_unrelated_faces_of_real_people_are_found_by_one_finder(shared: Path) -> None:
    faces = np.load(shared / "faces68" / "points.npz")
    _, first = np.unique(faces["subject"], return_index=True)
    one, fresh, found, wrong = BuiltinFinder("cpu"), BuiltinFinder("cpu"), 0, 0
    for number in first[:40]:
        frame = Frame.from_rgb(read_picture(shared / "faces68" / "images" / f"{number:05d}.jpg"))
        fresh.reset()
        wanted = fresh.find(frame)
        found += len(wanted)
        wrong += not same(one.find(frame), wanted, 0.05)
    assert found >= 39
    assert wrong == 0


def test_what_is_followed_costs_no_more_detections(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No doubt is cast where nothing is cut: one detection in ten frames, and one half close look, at the first."""
    finder, looks = BuiltinFinder("cpu"), []
    detect = Detector.detect
    monkeypatch.setattr(Detector, "detect", lambda self, *asked: looks.append(asked[1]) or detect(self, *asked))
    assert sum(len(finder.find(frame)) for frame in frames(clip)) == 60
    assert [looks.count(longest) for longest in (LONGEST, CLOSER, CLOSE)] == [6, 1, 0]


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((48, 64), np.uint8),
        np.zeros((48, 64, 1), np.uint8),
        np.zeros((48, 64, 4), np.uint8),
        np.zeros((48, 64, 3), np.float32),
        np.zeros((48, 64, 3), np.uint16),
        np.zeros((0, 64, 3), np.uint8),
    ],
)
def test_an_array_that_is_no_picture_is_refused(array: np.ndarray) -> None:  # type: ignore[type-arg]
    with pytest.raises(InputError, match=r"uint8 \(height, width, 3\), RGB of 0 to 255, not of"):
        Frame.from_rgb(array)


def test_landmarker_says_when_there_is_no_face(clip: Path) -> None:
    frame = next(frames(clip))
    assert Landmarker("cpu").look(frame, np.eye(2, 3)).presence < 0.5
