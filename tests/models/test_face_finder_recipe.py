"""The face finder's recipe: what the nets are shown, the loop, the files that come out, and how it refuses."""

import itertools
import math
import runpy
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from models.recipes.face_finder import detector, landmarks
from models.recipes.face_finder.data import (
    AnnotatedFaces,
    clouds,
    crop_as_running,
    jittered,
    load_faces,
    spoil,
    to_unit,
    unlike_a_face,
)
from models.recipes.face_finder.export import write_detector, write_landmarks
from models.recipes.face_finder.expressions import express
from models.recipes.face_finder.loop import Batch, Pace, begin, fit, load_weights, prefetched, save_weights
from models.recipes.face_finder.nets import DETECTOR_STRIDE, LANDMARK_SIZE, DetectorNet, LandmarkNet
from models.recipes.face_finder.teachers import YuNet, denoise, face_meshes
from realtime.align import TEMPLATES
from realtime.finder.landmarks68 import MIRRORED
from realtime.inference.onnx_runtime import onnxruntime
from realtime.media.frame import Frame
from realtime.runtime.arrays import Bytes, Floats, Points
from realtime.runtime.errors import InputError, ModelError, UsageError


def face_points(size: float) -> Points:
    """68 landmarks of a symmetric drawn face in a picture of ``size`` pixels."""
    angle = np.linspace(np.pi, 0, 17)
    points = np.zeros((68, 2))
    points[:17] = np.stack([0.42 * np.cos(angle), 0.45 * np.sin(angle)], 1)
    brow = np.stack([np.linspace(-0.32, -0.08, 5), [-0.2, -0.24, -0.25, -0.24, -0.22]], 1)
    points[17:22], points[22:27] = brow, brow[::-1] * (-1, 1)
    points[27:31] = np.stack([np.zeros(4), np.linspace(-0.12, 0.06, 4)], 1)
    points[31:36] = np.stack([np.linspace(-0.08, 0.08, 5), np.full(5, 0.11)], 1)
    eye = np.array([(-0.27, -0.1), (-0.22, -0.13), (-0.15, -0.13), (-0.1, -0.1), (-0.15, -0.08), (-0.22, -0.08)])
    points[36:42] = eye
    points[42:48] = (eye * (-1, 1))[[3, 2, 1, 0, 5, 4]]
    for start, count, wide, high in ((48, 12, 0.16, 0.08), (60, 8, 0.12, 0.04)):
        turn = np.pi + np.arange(count) * 2 * np.pi / count
        points[start : start + count] = np.stack([wide * np.cos(turn), 0.25 + high * np.sin(turn)], 1)
    return ((points + 0.5) * size).astype(np.float32)


def drawn_face(size: int, seed: int) -> tuple[Bytes, Points]:
    """A face of filled polygons somewhere in a picture of noise, uint8 (size, size, 3), and its landmarks."""
    rng = np.random.default_rng(seed)
    picture = np.full((size, size, 3), rng.integers(0, 256, 3), np.uint8)
    zoom = rng.uniform(0.5, 0.7)
    points = (face_points(size) * zoom + rng.uniform(0.1, 0.9 - zoom, 2) * size).astype(np.float32)
    outline = np.concatenate([points[:17], points[26:16:-1]])
    for part, colour in ((outline, (224, 172, 140)), (points[36:42], (250, 250, 250)), (points[42:48], (250, 250, 250)),
                         (points[48:60], (160, 60, 60)), (points[31:36], (150, 100, 80))):  # fmt: skip
        cv2.fillPoly(picture, [np.round(part).astype(np.int32)], colour)
    return picture, points


@pytest.fixture(scope="module")
def drawn() -> AnnotatedFaces:
    pictures, points = zip(*(drawn_face(160, seed) for seed in range(8)), strict=True)
    return AnnotatedFaces(list(pictures), np.stack(points), np.arange(8) >= 6)


def boxes_of(faces: AnnotatedFaces) -> list[Floats]:
    """A teacher's boxes, one sure face in each picture."""
    low, high = faces.landmarks.min(axis=1), faces.landmarks.max(axis=1)
    return [row[None].astype(np.float32) for row in np.column_stack([low, high, np.full(len(low), 0.9)])]


def few_steps(steps: int, path: Path, net: torch.nn.Module, batches: Iterator[Batch], loss: object) -> list[float]:
    torch.set_num_threads(1)
    pace = Pace(rate=4e-3, decay=0.0, clip=math.inf, report_every=steps, warmup=5)
    return fit(net, batches, loss, lambda step: step / steps, pace, path)  # type: ignore[arg-type]


def test_what_is_kept_is_the_running_average(tmp_path: Path) -> None:
    """Of a weight that falls with every step; reports on the way are of the average, too, and change nothing."""

    def trained(average: float) -> tuple[list[float], list[float], float]:
        torch.manual_seed(0)
        net, seen, reported = torch.nn.Linear(1, 1, bias=False), [], []

        def loss(_: int) -> torch.Tensor:
            seen.append(net.weight.item())
            return net.weight.sum()

        def report() -> str:
            reported.append(net.weight.item())
            return ""

        pace = Pace(rate=1e-2, decay=0.0, clip=math.inf, report_every=10, warmup=1, average=average)
        fit(net, itertools.repeat(0), loss, lambda step: step / 30, pace, tmp_path / "w.pt", report)
        kept: float = torch.load(tmp_path / "w.pt", weights_only=True)["weight"].item()
        assert kept == net.weight.item() == reported[-1]
        return seen, reported, kept

    (seen, plain, last), (again, averaged, kept) = trained(0.0), trained(0.9)
    assert seen == again
    assert all(after < before for before, after in itertools.pairwise([*seen, last]))
    assert plain[0] == seen[10]
    assert kept > last and averaged[0] > plain[0]


def test_the_drawn_face_is_its_own_mirror_image() -> None:
    drawing = face_points(100)
    np.testing.assert_allclose((drawing * (-1, 1) + (100, 0))[MIRRORED], drawing, atol=1e-4)


def test_crops_of_training_are_those_of_running(drawn: AnnotatedFaces) -> None:
    matrix = TEMPLATES["landmarks"].frame_to_crop(drawn.landmarks[0], LANDMARK_SIZE)
    ours = crop_as_running(drawn.pictures[0], matrix, LANDMARK_SIZE)
    theirs = Frame.from_rgb(drawn.pictures[0]).warp(matrix, LANDMARK_SIZE)
    assert np.abs(ours.astype(int) - theirs).max() <= 2


def test_crops_are_near_a_face_or_clearly_not_of_one(drawn: AnnotatedFaces) -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        landmarks_ = drawn.landmarks[0]
        near = to_unit(landmarks_, jittered(landmarks_, LANDMARK_SIZE, rng), LANDMARK_SIZE)
        assert np.abs(near.mean(axis=0) - 0.5).max() < 0.35
        far = to_unit(landmarks_, unlike_a_face(landmarks_, LANDMARK_SIZE, rng), LANDMARK_SIZE)
        size = np.ptp(far[:, 1])
        assert np.abs(far.mean(axis=0) - 0.5).max() > 0.35 or size > 1.5 or size < 0.35


@pytest.mark.parametrize("size", [LANDMARK_SIZE, 320])
def test_spoilt_pictures_stay_pictures(size: int) -> None:
    for seed in range(40):
        rng = np.random.default_rng(seed)
        crop = clouds(size, rng)
        before = crop.copy()
        spoilt = spoil(crop, rng)
        assert spoilt.shape == (size, size, 3)
        assert spoilt.dtype == np.uint8
        assert (crop == before).all()


def test_samples_move_and_mirror_landmarks_with_the_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landmarks, "EXPRESSIONS", 0.0)  # eyes stay as they are drawn
    picture, points = drawn_face(160, 3)
    faces = AnnotatedFaces([picture], points[None], np.array([False]))
    mesh = np.zeros((1, 468, 2), np.float32)
    mirrored = 0
    for seed in range(40):
        pixels, target, dense, is_face = landmarks.sample(faces, faces.landmarks, mesh, 0, seed, hardness=0.0)
        assert pixels.shape == (LANDMARK_SIZE, LANDMARK_SIZE, 3)
        if not is_face:
            continue
        x, y = (target[36:42].mean(axis=0) * LANDMARK_SIZE - 0.5).round().astype(int)
        assert pixels[y, x].min() > 200  # the white of the eye that is on the picture's left, mirrored or not
        assert target[36, 0] < target[45, 0]
        mirrored += bool(np.isnan(dense).all())
    assert 5 < mirrored < 30


def test_canvases_and_their_grids_agree(drawn: AnnotatedFaces) -> None:
    found, pool = boxes_of(drawn), np.arange(6)
    faces = 0
    for seed in range(40):
        canvas, rows = detector.compose(drawn, found, pool, seed)
        assert canvas.shape == (detector.CANVAS, detector.CANVAS, 3)
        assert canvas.dtype == np.uint8
        face, box = detector.targets(rows)
        cells = detector.CANVAS // DETECTOR_STRIDE
        assert face.shape == (cells, cells)
        assert box.shape == (4, cells, cells)
        assert set(np.unique(face)) <= {-1, 0, 1}
        centre = (np.arange(cells) + 0.5) * DETECTOR_STRIDE - 0.5
        for y, x in np.argwhere(face == 1):
            left, top, right, bottom = box[:, y, x]
            told = np.array([centre[x] - left, centre[y] - top, centre[x] + right, centre[y] + bottom])
            assert np.abs(rows[:, :4] - told).max(axis=1).min() < 1e-3
            faces += 1
        sure = rows[rows[:, 4] >= detector.SURE]
        for x0, y0, x1, y1, _ in sure[(sure[:, 2] - sure[:, 0]) > 2 * DETECTOR_STRIDE]:
            middle = np.clip(np.array([y0 + y1, x0 + x1]) / 2 / DETECTOR_STRIDE, 0, cells - 1).astype(int)
            assert face[tuple(middle)] != 0
        assert (face[rows_free(rows, centre)] == 0).all()
    assert faces > 100
    once, again = (detector.compose(drawn, found, pool, 7) for _ in range(2))
    assert all((a == b).all() for a, b in zip(once, again, strict=True))


def rows_free(rows: Floats, centre: np.ndarray) -> np.ndarray:
    """Cells, bool (G, G), that are away from every box."""
    free = np.ones((len(centre), len(centre)), bool)
    for x0, y0, x1, y1 in rows[:, :4]:
        across = (centre > x0 - DETECTOR_STRIDE) & (centre < x1 + DETECTOR_STRIDE)
        free &= ~(((centre > y0 - DETECTOR_STRIDE) & (centre < y1 + DETECTOR_STRIDE))[:, None] & across[None, :])
    return free


def test_a_hidden_face_is_not_asked_for() -> None:
    canvas, boxes = np.zeros((320, 320, 3), np.uint8), [np.array([[100, 100, 140, 140, 0.9]], np.float32)]
    cover = np.full((60, 20, 3), 255, np.uint8)
    nothing = np.zeros((0, 5), np.float32)
    detector.lay(canvas, boxes, cover, nothing, 1.0, (95, 95))
    assert canvas[110, 110].tolist() == [255, 255, 255]
    assert boxes[0][0, 4] < detector.SURE
    face, _ = detector.targets(np.concatenate(boxes))
    assert (face <= 0).all()
    assert (face == -1).any()
    detector.lay(canvas, boxes, np.full((60, 60, 3), 9, np.uint8), nothing, 1.0, (95, 95))
    assert not len(np.concatenate(boxes))


def test_landmark_training_lowers_the_loss_and_the_file_equals_torch(tmp_path: Path, drawn: AnnotatedFaces) -> None:
    torch.manual_seed(0)
    net, mesh = LandmarkNet(), np.repeat(drawn.landmarks, 7, axis=1)[:, :468]
    drawing = landmarks.batches(drawn, drawn.landmarks, mesh, 8, hardness=0.2)
    losses = few_steps(30, tmp_path / "landmarks.pt", net, drawing, lambda batch: landmarks.landmark_loss(net, batch))
    assert np.mean(losses[-5:]) < 0.8 * np.mean(losses[:5])
    assert [entry.name for entry in tmp_path.iterdir()] == ["landmarks.pt"]
    assert set(landmarks.evaluate(net, drawn)) == {"error", "median", "p95", "present", "absent"}

    again = LandmarkNet()
    begin(again, tmp_path / "landmarks.pt", resume=True)
    write_landmarks(again, tmp_path / "landmarks.onnx")
    data = (tmp_path / "landmarks.onnx").read_bytes()
    assert str(Path(__file__).parents[2]).encode() not in data  # nothing of the machine that wrote it
    faces = np.random.default_rng(1).integers(0, 256, (3, LANDMARK_SIZE, LANDMARK_SIZE, 3), np.uint8)
    points, presence = onnxruntime.InferenceSession(data).run(["landmarks", "presence"], {"face": faces})
    with torch.inference_mode():
        expected, logit, _ = net.eval()(torch.from_numpy(faces).permute(0, 3, 1, 2) / 255)
    np.testing.assert_allclose(points, expected.numpy(), atol=1e-3)
    np.testing.assert_allclose(presence, torch.sigmoid(logit).numpy(), atol=1e-3)


def test_a_batch_without_any_mesh_has_a_loss(drawn: AnnotatedFaces) -> None:
    unknown = np.full((len(drawn.landmarks), 468, 2), np.nan, np.float32)
    batch = next(landmarks.batches(drawn, drawn.landmarks, unknown, 8, hardness=0.0))
    loss = landmarks.landmark_loss(LandmarkNet(), batch)
    assert torch.isfinite(loss)


def test_detector_training_lowers_the_loss_and_the_file_equals_torch(tmp_path: Path, drawn: AnnotatedFaces) -> None:
    torch.manual_seed(0)
    net, path = DetectorNet(), tmp_path / "detector.pt"
    canvases = detector.batches(drawn, boxes_of(drawn), 2)
    losses = few_steps(15, path, net, canvases, lambda batch: detector.detector_loss(net, batch))
    assert np.mean(losses[-5:]) < 0.7 * np.mean(losses[:5])

    write_detector(net, tmp_path / "detector.onnx")
    session = onnxruntime.InferenceSession((tmp_path / "detector.onnx").read_bytes())
    picture = np.random.default_rng(1).integers(0, 256, (1, 192, 352, 3), np.uint8)  # not the size it was made with
    (grid,) = session.run(["grid"], {"picture": picture})
    with torch.inference_mode():
        expected = net.eval()(torch.from_numpy(picture).permute(0, 3, 1, 2) / 255)
    assert grid.shape == (1, 5, 24, 44)
    np.testing.assert_allclose(grid, expected.numpy(), atol=2e-3)


def test_batches_come_in_order_and_errors_come_through() -> None:
    numbers = iter(range(3))
    batches = prefetched(lambda: next(numbers) ** 2)
    assert [next(batches), next(batches)] == [0, 1]

    def fail() -> int:
        raise InputError("no such picture")

    with pytest.raises(InputError, match="picture"):
        next(prefetched(fail))


def test_weights_are_not_overwritten_and_bad_ones_are_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "detector.pt"
    save_weights(DetectorNet(), path)
    with pytest.raises(UsageError, match="resume"):
        begin(DetectorNet(), path, resume=False)
    with pytest.raises(InputError, match=r"detector\.pt.*LandmarkNet"):
        load_weights(LandmarkNet(), path)
    for content in (b"", b"no weights", path.read_bytes()[:1000]):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"detector\.pt"):
            load_weights(DetectorNet(), path)
    with pytest.raises(InputError, match=r"none\.pt"):
        begin(DetectorNet(), tmp_path / "none.pt", resume=True)


@pytest.mark.parametrize("content", [None, b"", b"no archive", b"PK\x03\x04 cut short"])
def test_bad_folders_of_faces_are_refused_by_name(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "points.npz").write_bytes(content)
    with pytest.raises(InputError, match=tmp_path.name):
        load_faces(tmp_path)


@pytest.mark.parametrize(
    "line",
    [
        "models.recipes.face_finder.detector --faces none --teachers none --out run",
        "models.recipes.face_finder.export --run none --out out",
        "models.recipes.face_finder.mesh --faces none --teachers none --out run",
        "models.recipes.bronze.pairs --faces none --teachers none --out out",
    ],
    ids=lambda line: line.split()[0],
)
def test_a_recipes_mistake_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], line: str
) -> None:
    """As ``python -m`` runs it, but here: torch takes seconds to import."""
    name, *_ = line.split()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", line.split())
    monkeypatch.delitem(sys.modules, name, raising=False)
    with pytest.raises(SystemExit) as ended:
        runpy.run_module(name, run_name="__main__")
    said = capsys.readouterr()
    assert (ended.value.code, said.out) == (1, "")
    assert said.err.startswith("error: none")
    assert said.err.count("\n") == 1


# What follows needs real faces and the teachers, which the project does not carry.


@pytest.fixture(scope="module")
def few(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 24 real faces of several subjects."""
    folder = tmp_path_factory.mktemp("faces")
    (folder / "images").mkdir()
    files = sorted((shared / "faces68" / "images").glob("*.jpg"))
    table = np.load(shared / "faces68" / "points.npz")
    chosen = np.linspace(0, len(files) - 1, 24).astype(int)
    for i in chosen:
        shutil.copy(files[i], folder / "images")
    np.savez(folder / "points.npz", points=table["points"][chosen], subject=table["subject"][chosen])
    return folder


@pytest.mark.shared
def test_subjects_are_held_out_whole(few: Path) -> None:
    faces, subject = load_faces(few, held_out_share=0.3), np.load(few / "points.npz")["subject"]
    assert 0 < faces.held_out.sum() < len(subject)
    assert not set(subject[faces.held_out]) & set(subject[~faces.held_out])


@pytest.mark.shared
def test_the_teachers_agree_with_the_annotations(shared: Path, few: Path) -> None:
    faces = load_faces(few)
    mesh = face_meshes(faces, shared / "teachers" / "face_mesh_468.onnx")
    eye = np.linalg.norm(faces.landmarks[:, 36] - faces.landmarks[:, 45], axis=1)
    corners = np.linalg.norm(mesh[:, [33, 263]] - faces.landmarks[:, [36, 45]], axis=2).mean(axis=1) / eye
    assert np.median(corners) < 0.08
    clean = denoise(faces.landmarks, mesh, ~faces.held_out)
    apart = np.linalg.norm(clean - faces.landmarks, axis=2).mean(axis=1) / eye
    assert np.median(apart[~faces.held_out]) < 0.05
    teacher = YuNet(shared / "teachers" / "yunet_n_dynamic.onnx", 0.6)
    for picture, points in zip(faces.pictures[:6], faces.landmarks[:6], strict=True):
        inside = [((points > box[:2]) & (points < box[2:4])).all(axis=1).mean() for box in teacher.boxes(picture)]
        assert max(inside) > 0.7
    with pytest.raises(ModelError, match="none"):
        YuNet(few / "none.onnx", 0.6)
    with pytest.raises(ModelError, match="YuNet"):
        YuNet(few / "points.npz", 0.6)


def test_expressions_move_pixels_with_their_landmarks(drawn: AnnotatedFaces) -> None:
    crop = TEMPLATES["landmarks"].frame_to_crop(drawn.landmarks[0], LANDMARK_SIZE)
    pixels = crop_as_running(drawn.pictures[0], crop, LANDMARK_SIZE)
    points = to_unit(drawn.landmarks[0], crop, LANDMARK_SIZE)
    x, y = np.rint(points[30] * LANDMARK_SIZE - 0.5).astype(int)
    cv2.circle(pixels, (int(x), int(y)), 3, (255, 0, 255), -1)  # the tip of the nose, which no expression moves
    opened, closed = [], []
    for seed in range(60):
        other, moved = express(pixels, points, np.random.default_rng(seed))
        assert other.shape == pixels.shape and other.dtype == np.uint8
        assert moved.dtype == np.float32 and np.abs(moved[27:36] - points[27:36]).max() == 0
        magenta = (other[..., 0].astype(int) > 150) & (other[..., 1] < 100) & (other[..., 2] > 150)
        assert np.linalg.norm(np.argwhere(magenta).mean(axis=0) - (y, x)) < 1.5
        opened.append(moved[66, 1] - moved[62, 1])
        closed.append(moved[41, 1] - moved[37, 1])
    assert max(opened) > points[66, 1] - points[62, 1] + 0.05
    assert min(closed) < 0.3 * (points[41, 1] - points[37, 1])
