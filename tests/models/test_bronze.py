"""The statue's recipe: renderer, surface, sculptor and pairs."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from models.pairs import WEIGHT_ONE, read_pairs
from models.recipes.bronze.mesh import Canonical, Triangles, build_surface, load_canonical, refine
from models.recipes.bronze.pairs import disagreement, lower_lids, main, weight_map
from models.recipes.bronze.render import rasterise, render, vertex_normals
from models.recipes.bronze.sculpt import Sculptor
from models.recipes.crop import crop_still
from realtime.align import TEMPLATES
from realtime.media.affine import apply
from realtime.mesh import vertices as meshes
from realtime.mesh.pose import Pose, fit_pose
from realtime.runtime.arrays import Floats
from realtime.runtime.errors import InputError

OCTAHEDRON = np.array([(1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1)], np.float32)


def outward(points: Floats, triangles: Triangles) -> Triangles:
    """Turn the triangles of a convex body around the origin so that their normals point outwards."""
    a, b, c = (points[triangles[:, i]] for i in range(3))
    inward = np.einsum("ni,ni->n", np.cross(b - a, c - a), a + b + c) < 0
    return np.where(inward[:, None], triangles[:, ::-1], triangles)


def ball(steps: int = 4) -> tuple[Floats, Triangles]:
    triangles = np.array([(x, y, z) for x in (0, 1) for y in (2, 3) for z in (4, 5)], np.int64)
    points = OCTAHEDRON
    for _ in range(steps):
        triangles, points = refine(triangles, points)
        points /= np.linalg.norm(points, axis=1, keepdims=True)
    return points, outward(points, triangles)


def test_ball_has_its_depth_and_normals() -> None:
    points, triangles = ball()
    normals = vertex_normals(points, triangles)
    assert np.abs(normals - points).max() < 0.03
    size, radius = 96, 40.0
    placed = (points * radius + (48, 48, 0)).astype(np.float32)
    depth, drawn = rasterise(placed, triangles, normals, size)
    y, x = np.mgrid[:size, :size]
    away = np.hypot(x - 48, y - 48)
    assert np.isfinite(depth[away < radius - 1]).all()
    assert np.isinf(depth[away > radius + 1]).all()
    inside = away < radius * 0.9
    assert np.abs(depth[inside] + np.sqrt(radius**2 - away[inside] ** 2)).max() < 0.6
    assert np.abs(drawn[..., 0][inside] - (x[inside] - 48) / radius).max() < 0.04
    assert (drawn[..., 2][inside] < 0).all()  # only the side that faces the viewer


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_nearer_triangle_wins_in_any_order_and_size(order: tuple[int, int]) -> None:
    """A small near triangle before a large far one, and two that cross."""
    far = [(2, 2, 9), (2, 60, 9), (60, 2, 9)]
    near = [(10, 10, 1), (10, 20, 1), (20, 10, 1)]
    points = np.array(far + near, np.float32)
    triangles = np.array([(0, 1, 2), (3, 4, 5)], np.int64)[list(order)]
    values = np.repeat([[1.0], [2.0]], 3, axis=0).astype(np.float32)
    depth, drawn = rasterise(points, triangles, values, 64)
    assert drawn[12, 12, 0] == pytest.approx(2)
    assert depth[12, 12] == pytest.approx(1)
    assert drawn[25, 25, 0] == pytest.approx(1)
    assert drawn[50, 50, 0] == 0

    tilted = points.copy()
    tilted[:3, 2] = (0, 0, 58)  # z = x - 2: crosses a level triangle at x = 12
    tilted[3:] = [(2, 2, 10), (2, 60, 10), (60, 2, 10)]
    _, drawn = rasterise(tilted, triangles, values, 64)
    assert drawn[8, 10, 0] == pytest.approx(1)
    assert drawn[8, 14, 0] == pytest.approx(2)


def test_triangles_that_share_an_edge_leave_no_gap() -> None:
    rng = np.random.default_rng(3)
    grid = np.stack(np.meshgrid(np.arange(9.0), np.arange(9.0)), axis=-1) * 6 + 3
    grid[1:-1, 1:-1] += rng.uniform(-2, 2, (7, 7, 2))
    points = np.column_stack([grid.reshape(-1, 2), np.zeros(81)]).astype(np.float32)
    cells = [(r * 9 + c, r * 9 + c + 9, r * 9 + c + 1) for r in range(8) for c in range(8)]
    cells += [(r * 9 + c + 1, r * 9 + c + 9, r * 9 + c + 10) for r in range(8) for c in range(8)]
    depth, _ = rasterise(points, np.array(cells, np.int64), points, 60)
    assert np.isfinite(depth[3:51, 3:51]).all()


def test_turned_away_and_outside_triangles_are_left_out() -> None:
    points = np.array([(2, 2, 0), (30, 2, 0), (2, 30, 0), (-9, -9, 0), (-9, -5, 0), (-8, -9, 0)], np.float32)
    depth, drawn = rasterise(points, np.array([(0, 1, 2), (3, 4, 5)], np.int64), points, 32)
    assert np.isinf(depth).all()
    assert not drawn.any()


def test_refinement_keeps_planes_and_sums_to_one() -> None:
    points, triangles = ball(2)
    finer, matrix = refine(triangles, np.eye(len(points), dtype=np.float32))
    assert len(finer) == 4 * len(triangles)
    assert np.abs(matrix.sum(axis=1) - 1).max() < 1e-5
    _, values = refine(triangles, points)
    assert np.abs(matrix @ points - values).max() < 1e-5


def test_pose_comes_back() -> None:
    rng = np.random.default_rng(1)
    model = rng.normal(size=(50, 3)).astype(np.float32)
    q, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    pose = Pose(7.0, q * np.linalg.det(q), np.array((3.0, -4.0, 5.0)))
    found = fit_pose(model, pose.apply(model))
    assert np.abs(found.turn - pose.turn).max() < 1e-5
    assert found.scale == pytest.approx(7, rel=1e-5)
    assert np.abs(found.undo(pose.apply(model)) - model).max() < 1e-4


def test_bad_canonical_mesh_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read"):
        load_canonical(tmp_path / "none.obj")
    other = tmp_path / "other.obj"
    other.write_text("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1/1 2/2 3/3\n")
    with pytest.raises(InputError, match="468"):
        load_canonical(other)


def test_lids_follow_the_landmarks() -> None:
    rng = np.random.default_rng(2)
    face = rng.normal(size=(468, 3)).astype(np.float32)
    landmarks = np.zeros((68, 2), np.float32)
    for outer, a, b, inner, c, d in ((36, 37, 38, 39, 40, 41), (45, 44, 43, 42, 47, 46)):
        landmarks[[outer, inner]] = [(0, 0), (10, 0)]
        landmarks[[a, b, c, d]] = [(3, -0.2), (7, -0.2), (7, 0.2), (3, 0.2)]
    closed = lower_lids(face, landmarks)
    for eye in meshes.EYES:
        before = np.linalg.norm(face[eye[12]] - face[eye[4]])
        assert np.linalg.norm(closed[eye[12]] - closed[eye[4]]) < 0.6 * before
    untouched = np.setdiff1d(np.arange(468), [v for eye in meshes.EYES for v in eye])
    assert (closed[untouched] == face[untouched]).all()


def test_shrinking_warp_does_not_alias() -> None:
    stripes = np.zeros((256, 256, 3), np.uint8)
    stripes[:, ::2] = 255
    quarter = np.array([[0.3, 0, 0.2], [0, 0.3, 0.2]])
    crop = crop_still(stripes, quarter, 64)
    assert crop[10:-10, 10:-10].std() < 12


# What follows needs the canonical face, which the project does not carry.


@pytest.fixture(scope="module")
def canonical(shared: Path) -> Canonical:
    return load_canonical(shared / "teachers" / "canonical_face_468.obj")


@pytest.fixture(scope="module")
def sculptor(canonical: Canonical) -> Sculptor:
    return Sculptor.plain(canonical)


def turned(canonical: Canonical, yaw: float, scale: float = 11.0) -> Floats:
    c, s = np.cos(yaw), np.sin(yaw)
    pose = Pose(scale, np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]), np.array((128.0, 120.0, 0.0)))
    return pose.apply(canonical.points)


@pytest.mark.shared
def test_surface_is_open_at_eyes_and_closed_in_the_mouth(canonical: Canonical) -> None:
    surface = build_surface(canonical, steps=0)
    sides = [tuple(sorted((int(t[i]), int(t[i - 1])))) for t in surface.triangles for i in range(3)]
    unique, uses = np.unique(sides, axis=0, return_counts=True)
    assert uses.max() == 2
    border = set(unique[uses == 1].ravel().tolist())
    assert border == {*surface.lids.ravel().tolist(), *surface.rims[1].tolist()}
    directed = [(int(t[i - 1]), int(t[i])) for t in surface.triangles for i in range(3)]
    assert len(set(directed)) == len(directed)  # all triangles run the same way round


@pytest.mark.shared
@pytest.mark.parametrize("yaw", [0.0, 0.5, -0.5])
def test_mask_covers_the_inner_face(canonical: Canonical, sculptor: Sculptor, yaw: float) -> None:
    mesh = turned(canonical, yaw)
    statue = render(sculptor.carve(mesh), 256)
    brows = [edge for brow in meshes.BROWS for edge in brow]
    rings = (*meshes.EYES, meshes.OUTER_LIPS, *brows, (1, 4, 5, 50, 280))
    inner = np.round(mesh[[v for ring in rings for v in ring], :2]).astype(int)
    assert (statue.mask[inner[:, 1], inner[:, 0]] >= 200).mean() > 0.97
    assert statue.mask[0].max() == statue.mask[-1].max() == 0
    red, green, blue = statue.rgb[statue.mask > 250].mean(axis=0)
    assert red > green > blue  # bronze


@pytest.mark.shared
def test_rendering_is_deterministic_and_smooth(canonical: Canonical, sculptor: Sculptor) -> None:
    first = render(sculptor.carve(turned(canonical, 0.2)), 128)
    again = render(sculptor.carve(turned(canonical, 0.2)), 128)
    assert (first.rgb == again.rgb).all()
    assert (first.mask == again.mask).all()
    moved = render(sculptor.carve(turned(canonical, 0.2005)), 128)
    change = np.abs(first.rgb.astype(float) - moved.rgb)
    assert change[first.mask > 250].mean() < 1.0


@pytest.mark.shared
def test_expression_reaches_the_statue(canonical: Canonical, sculptor: Sculptor) -> None:
    rest = canonical.points.copy()
    wide = rest.copy()
    wide[list(meshes.INNER_LIPS[1:10]), 1] += 1.5
    gaps = [float(face[14, 1] - face[13, 1]) for face in (sculptor.face(rest), sculptor.face(wide))]
    assert gaps[1] - gaps[0] > 1.2
    shut = rest.copy()
    for eye in meshes.EYES:
        lower, upper = list(eye[1:8]), list(eye[:8:-1])
        shut[upper] = shut[lower]
    inlay = sculptor.inlay[:, None]
    shown = []
    for shape in (rest, shut):
        model = sculptor.carve(Pose(11.0, np.eye(3), np.array((128.0, 120.0, 0.0))).apply(shape))
        _, drawn = rasterise(model.points, model.triangles, inlay, 256)
        shown.append(float(drawn.sum()))
    assert shown[0] > 250
    assert shown[1] < 0.15 * shown[0]


@pytest.mark.shared
def test_identity_is_the_statues(shared: Path, canonical: Canonical, sculptor: Sculptor) -> None:
    """A longer nose, seen in every picture of a person, is hardly seen in the statue."""
    rng = np.random.default_rng(0)
    who = np.repeat(np.arange(12, dtype=np.int32), 6)
    shapes = np.repeat(canonical.points[None], len(who), axis=0)
    shapes[:, 4, 2] -= rng.normal(0, 1.0, 12)[who]  # the tip of the nose: a person's own
    lower = list(meshes.INNER_LIPS[1:10])
    shapes[:, lower, 1] += np.abs(rng.normal(0, 0.6, len(who)))[:, None]  # the mouth: a moment's
    pose = Pose(5.0, np.eye(3), np.array((60.0, 60.0, 0.0)))
    learned = Sculptor.fit(canonical, pose.apply(shapes.astype(np.float32)), who)
    nosy = learned.neutral.copy()
    nosy[4, 2] -= 1
    plain, changed = learned.face(learned.neutral), learned.face(nosy)
    assert 0 < plain[4, 2] - changed[4, 2] < 0.6
    speaking = learned.neutral.copy()
    speaking[lower, 1] += 1
    changed = learned.face(speaking)
    assert changed[14, 1] - plain[14, 1] > 0.6


@pytest.mark.shared
def test_weights_and_disagreement(canonical: Canonical) -> None:
    mesh = turned(canonical, 0.0)
    weight = weight_map(mesh, 256, 11.0)
    assert weight.shape == (64, 64)
    assert weight[0, 0] == WEIGHT_ONE
    x, y = (mesh[13, :2] / 4).astype(int)
    assert weight[y, x] > 2 * WEIGHT_ONE
    landmarks = np.random.default_rng(0).uniform(0, 256, (1, 68, 2)).astype(np.float32)
    many, points = np.repeat(mesh[None], 9, axis=0), np.repeat(landmarks, 9, axis=0)
    many[8, :, 0] += 5 * np.sin(np.arange(468))
    error = disagreement(many, points)
    assert error[:8].max() < 1e-4 < error[8]


@pytest.mark.shared
def test_pairs_of_real_faces(shared: Path, tmp_path: Path) -> None:
    out = tmp_path / "pairs"
    faces, teachers = shared / "faces68", shared / "teachers"
    main(faces, teachers, out, size=128, limit=14, workers=1)
    index = json.loads((out / "index.json").read_text())
    count, blinks = index["pairs"], index["blinks"]
    assert 12 <= count - sum(blinks) < 14
    assert sum(blinks) >= 4
    names = ("input", "target", "mask", "weight", "sample", "subject")
    arrays = {name: np.load(out / f"{name}.npy") for name in names}
    assert arrays["input"].shape == arrays["target"].shape == (count, 128, 128, 3)
    assert arrays["mask"].shape == (count, 128, 128)
    assert arrays["weight"].shape == (count, 64, 64)
    assert len(read_pairs(out)) == count
    assert arrays["sample"].mean() == pytest.approx(1, abs=1e-4)
    assert len(arrays["subject"]) == len(index["pictures"]) == count
    points = np.load(faces / "points.npz")["points"]
    for i, name in enumerate(index["pictures"]):
        picture = cv2.imread(str(faces / "images" / name))[..., ::-1]
        landmarks = points[int(Path(name).stem)]
        to_crop = TEMPLATES["whole-face"].frame_to_crop(landmarks, 128)
        expected = crop_still(np.ascontiguousarray(picture), to_crop, 128)
        unlike = np.abs(expected.astype(int) - arrays["input"][i]).max(axis=2) > 1
        if blinks[i]:  # the face before it, but for its lids
            assert unlike.any()
            y, x = np.nonzero(unlike)
            eyes = apply(to_crop, landmarks[36:48])
            assert eyes[:, 0].min() - 8 < x.min() and x.max() < eyes[:, 0].max() + 8
            assert eyes[:, 1].min() - 20 < y.min() and y.max() < eyes[:, 1].max() + 12
            assert np.abs(arrays["target"][i].astype(int) - arrays["target"][i - 1]).max() > 20
        else:
            assert not unlike.any()
        inner = np.clip(np.round(apply(to_crop, landmarks[17:68])), 0, 127).astype(int)
        assert (arrays["mask"][i][inner[:, 1], inner[:, 0]] >= 128).mean() > 0.94
