"""The mesh net's recipe: what it is shown, the frozen net that it stands on, and what its file makes of a blink."""

import math
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from models.recipes import blinks
from models.recipes.blinks import blink
from models.recipes.face_finder import mesh
from models.recipes.face_finder.data import held_out_of, jittered
from models.recipes.face_finder.descent import DescentStep, fit_step, spread
from models.recipes.face_finder.export import write_mesh
from models.recipes.face_finder.loop import Pace, fit
from models.recipes.face_finder.mesh import LabelledCrops, Mishaps, Reservoir
from models.recipes.face_finder.nets import LANDMARK_SIZE, MeshNet
from models.recipes.face_mesh import FaceMesh
from models.recipes.faces68 import Faces68
from realtime.demo.portrait import load_portrait
from realtime.finder import BuiltinFinder
from realtime.finder.face import Face
from realtime.finder.landmarker import ASSET, Landmarker
from realtime.inference.session import open_session
from realtime.media.frame import Frame
from realtime.mesh.canonical import POINTS
from realtime.mesh.vertices import EYES, LID_PAIRS, OUTER_EYE_CORNERS
from realtime.runtime.arrays import Bytes, Floats
from realtime.runtime.errors import InputError


def opening(points: Floats) -> float:
    """How far the lids are apart in a mesh, in outer-eye distances."""
    above, below = zip(*(*LID_PAIRS[0], *LID_PAIRS[1]), strict=True)
    first, second = OUTER_EYE_CORNERS
    apart = np.linalg.norm(points[list(above), :2] - points[list(below), :2], axis=1).mean()
    return float(apart / np.linalg.norm(points[first, :2] - points[second, :2]))


@pytest.fixture(scope="module")
def portrait() -> tuple[Bytes, Face]:
    """A portrait that fills 512 px, and what the finder sees in it."""
    whole = load_portrait()
    box = BuiltinFinder("cpu").find(Frame.from_rgb(whole))[0].box
    x, y, side = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2, 1.6 * (box[3] - box[1])
    zoom = 512 / side
    matrix = np.array([[zoom, 0, 256 - zoom * x], [0, zoom, 256 - zoom * y]])
    picture = np.asarray(cv2.warpAffine(whole, matrix, (512, 512), borderMode=cv2.BORDER_REPLICATE), np.uint8)
    return picture, BuiltinFinder("cpu", mesh=True).find(Frame.from_rgb(picture))[0]


def drawn_crops(count: int) -> LabelledCrops:
    """The canonical face as dots, each of a colour of its own, somewhere in grey crops."""
    rng = np.random.default_rng(0)
    pixels = np.full((count, mesh.KEPT, mesh.KEPT, 3), 90, np.uint8)
    meshes = np.empty((count, *POINTS.shape), np.float32)
    for crop, points in zip(pixels, meshes, strict=True):
        points[:] = POINTS * rng.uniform(6, 8) + (*(mesh.KEPT / 2 + rng.normal(0, 5, 2)), 0)
        for vertex, colour in ((4, (255, 0, 0)), (33, (0, 255, 0)), (263, (0, 0, 255))):
            cv2.circle(crop, [int(v) for v in np.rint(points[vertex, :2])], 5, colour, -1)
    return LabelledCrops(pixels, meshes)


def test_meshes_move_and_mirror_with_their_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mesh, "BLINKS", 0.0)
    crops, rng = drawn_crops(4), np.random.default_rng(1)
    sides = set()
    for _ in range(40):
        pixels, points = mesh.sample(crops, int(rng.integers(4)), rng, Mishaps(hardness=0.0))
        places = np.rint(points[[4, 33, 263], :2] * LANDMARK_SIZE - 0.5).astype(int)
        seen = [int(pixels[y, x].argmax()) for x, y in places]
        assert seen in ([0, 1, 2], [0, 2, 1])  # in a mirror the eyes have changed places, and their names again
        assert places[1, 0] < places[2, 0] and points[4, 2] < points[33, 2]
        sides.add(seen[1])
    assert sides == {1, 2}


def test_a_blink_draws_the_lids_down_and_nothing_else(portrait: tuple[Bytes, Face]) -> None:
    picture, face = portrait
    assert face.mesh is not None
    for seed in range(8):
        out, moved = blink(picture, face.mesh, np.random.default_rng(seed))
        assert opening(moved) < opening(face.mesh)
        changed = np.argwhere((out != picture).any(axis=2))
        eyes = face.mesh[[*EYES[0], *EYES[1]], :2]
        assert len(changed) > 20
        room = 0.25 * face.eye_distance
        assert (changed.min(axis=0) > eyes.min(axis=0)[::-1] - room).all()
        assert (changed.max(axis=0) < eyes.max(axis=0)[::-1] + room).all()


def test_the_frozen_net_answers_as_its_file_and_others_are_refused(tmp_path: Path) -> None:
    faces = np.random.default_rng(1).integers(0, 256, (2, LANDMARK_SIZE, LANDMARK_SIZE, 3), np.uint8)
    points, presence, fine, coarse = open_session(ASSET, "cpu").run(
        ["landmarks", "presence", "fine", "coarse"], {"face": faces}
    )
    net = mesh.load_shipped(ASSET)
    with torch.no_grad():
        pixels = torch.from_numpy(faces).permute(0, 3, 1, 2) / 255
        maps, (found, logit, _) = net.maps(pixels), net(pixels)
    for theirs, ours in ((points, found), (presence, torch.sigmoid(logit)), (fine, maps[0]), (coarse, maps[1])):
        np.testing.assert_allclose(ours.numpy(), theirs, atol=1e-3)
    (tmp_path / "other.onnx").write_bytes((ASSET.parent / "detector.onnx").read_bytes())
    for name in ("other.onnx", "none.onnx"):
        with pytest.raises(InputError, match=name):
            mesh.load_shipped(tmp_path / name)


def test_mesh_training_lowers_the_loss_and_the_file_equals_torch(tmp_path: Path) -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    fixed, net = mesh.load_shipped(ASSET), MeshNet()
    known = Reservoir(drawn_crops(6), fixed, 48, Mishaps())
    drawing = known.batches(8)
    batch = next(drawing)
    with torch.no_grad():
        before = mesh.mesh_loss(net, batch).item()
        mesh.fit_head(net, known)
        assert mesh.mesh_loss(net, batch).item() < 0.5 * before
        fitted = mesh.mesh_loss(net, batch).item()
        mesh.fit_last_step(net, known)
        assert mesh.mesh_loss(net, batch).item() < fitted
        net.mesh.weight.zero_()  # what is left for the steps to find
    pace = Pace(rate=1e-3, decay=0.0, clip=math.inf, report_every=15, warmup=3)
    losses = fit(net, drawing, lambda b: mesh.mesh_loss(net, b), lambda step: step / 15, pace, tmp_path / "mesh.pt")
    assert np.mean(losses[-3:]) < 0.8 * np.mean(losses[:3])

    write_mesh(net, tmp_path / "mesh.onnx")
    fine, coarse, _ = batch
    (points,) = open_session(tmp_path / "mesh.onnx", "cpu").run(None, {"fine": fine.numpy(), "coarse": coarse.numpy()})
    with torch.inference_mode():
        np.testing.assert_allclose(points, net.eval()(fine, coarse).numpy(), atol=1e-3)
    numbers = sum(weight.numel() for weight in net.parameters())
    assert (tmp_path / "mesh.onnx").stat().st_size < 2.2 * numbers  # bytes: it is kept in half precision


def test_a_last_step_finds_from_what_is_seen_how_far_a_mesh_is_off() -> None:
    """Maps that rise across and down from where a face truly is; the meshes found know nothing of its place."""
    rng = np.random.default_rng(0)
    columns, rows = torch.meshgrid(torch.arange(28.0), torch.arange(28.0), indexing="xy")
    found = torch.from_numpy((POINTS * 0.06 + (0.5, 0.5, 0)).astype(np.float32)).expand(60, -1, -1)
    shifts = torch.from_numpy(rng.normal(0, 0.03, (60, 2)).astype(np.float32))
    slopes = torch.from_numpy(rng.normal(0, 1, (32, 2)).astype(np.float32))
    away = torch.stack([columns, rows]) - shifts.view(60, 2, 1, 1) * 28
    maps, codes = torch.einsum("ck,nkyx->ncyx", slopes, away), torch.zeros(60, 8)
    true = found.clone()
    true[..., :2] += shifts[:, None]
    step = DescentStep(8)
    with torch.no_grad():
        assert torch.equal(step(found, maps, codes), found)
        across = columns.expand(1, 32, 28, 28)  # channel by channel, what is shown at a point is its column
        shown = step.seen(found[:1], across, codes[:1])[0, : 32 * 80].view(32, 80)
        np.testing.assert_allclose(shown[5], (found[0, spread(80), 0] * 112 - 0.5) / 4, atol=1e-4)
        fit_step(step, [(maps[:40], codes[:40], found[:40], true[:40])])
        before, after = (torch.linalg.vector_norm((each - true)[40:, :, :2], dim=2).mean() for each in
                         (found, step(found, maps, codes)))  # fmt: skip
    assert after < 0.2 * before


# What the shipped net does, with pictures that only a recipe makes.


def test_meshes_of_people_it_never_saw_lie_near_the_teachers(shared: Path) -> None:
    faces = Faces68.open(shared / "faces68")
    teacher = FaceMesh(shared / "teachers" / "face_mesh_468.onnx")
    landmarker, rng, off = Landmarker("cpu", mesh=True), np.random.default_rng(7), []
    for i in np.flatnonzero(held_out_of(faces))[::12]:
        picture, landmarks = faces.picture(int(i)), faces.points[i]
        frame, truth = Frame.from_rgb(picture), teacher.find(picture, landmarks, passes=2)
        first = landmarker.look(frame, jittered(landmarks, LANDMARK_SIZE, rng))
        found = landmarker.follow(frame, first.landmarks).mesh
        assert found is not None
        eyes = np.linalg.norm(np.subtract(*truth[list(OUTER_EYE_CORNERS), :2]))
        off.append(np.linalg.norm((found - truth)[:, :2], axis=1).mean() / eyes)
    assert len(off) > 40
    assert np.mean(off) < 0.0255


def test_a_blink_of_three_frames_is_not_eaten(portrait: tuple[Bytes, Face], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blinks, "_amount", lambda rng: 1.0)
    picture, face = portrait
    assert face.mesh is not None
    shut, _ = blink(picture, face.mesh, np.random.default_rng(0))

    def gaps(*pictures: Bytes) -> list[float]:
        finder, rng, seen = BuiltinFinder("cpu", mesh=True), np.random.default_rng(1), []
        for each in pictures:
            noisy = np.clip(each.astype(np.int16) + rng.integers(-2, 3, each.shape), 0, 255).astype(np.uint8)
            (found,) = finder.find(Frame.from_rgb(noisy))
            assert found.mesh is not None
            seen.append(opening(found.mesh))
        return seen

    apart, closed = np.mean(gaps(*[picture] * 4)), np.mean(gaps(*[shut] * 4))  # as long as one likes
    assert closed < 0.7 * apart
    quick = gaps(*[picture] * 8, *[shut] * 3, *[picture] * 5)
    assert (apart - min(quick)) / (apart - closed) >= 0.8
    assert abs(quick[-1] - apart) < 0.2 * (apart - closed)


def test_a_still_face_keeps_its_mesh_still(portrait: tuple[Bytes, Face]) -> None:
    picture, _ = portrait
    finder, rng, seen = BuiltinFinder("cpu", mesh=True), np.random.default_rng(0), []
    for _ in range(40):
        noisy = np.clip(picture.astype(np.int16) + rng.integers(-2, 3, picture.shape), 0, 255).astype(np.uint8)
        mesh_ = finder.find(Frame.from_rgb(noisy))[0].mesh
        assert mesh_ is not None
        seen.append(mesh_)
    points = np.stack(seen[10:])
    assert np.sqrt(((points - points.mean(axis=0))[..., :2] ** 2).sum(axis=2).mean()) <= 0.3  # of 512 px
