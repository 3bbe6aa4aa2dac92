"""A mask lies where the mesh says, lets eyes and mouth out, stands in the frame's light, and shows a frown."""

import cv2
import numpy as np
import pytest

from realtime.masks.layout import path
from realtime.masks.light import FaceLight
from realtime.masks.material import Material
from realtime.masks.materials import MATERIALS
from realtime.masks.materials.marble import marble
from realtime.masks.picture import painted
from realtime.masks.sculpture import veil
from realtime.masks.wear import wear
from realtime.mesh.canonical import POINTS, UV
from realtime.mesh.expression import NEUTRAL
from realtime.mesh.vertices import EYES, INNER_LIPS, OVAL
from realtime.runtime.arrays import Bytes, Floats

SIZE = 320


def placed(shape: Floats, yaw: float = 0.0) -> Floats:
    """``shape`` in the middle of a crop, turned by ``yaw`` degrees."""
    c, s = np.cos(np.radians(yaw)), np.sin(np.radians(yaw))
    turned = shape @ np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]], np.float32).T
    return np.asarray(turned * 14 + (SIZE / 2, SIZE / 2 - 5, 0), np.float32)


def at(mesh: Floats, vertices: tuple[int, ...]) -> tuple[int, int]:
    x, y = mesh[list(vertices), :2].mean(axis=0)
    return round(float(y)), round(float(x))


def skin(level: float = 125.0) -> Bytes:
    return np.full((SIZE, SIZE, 3), level, np.uint8)


@pytest.fixture(scope="module")
def stone() -> Material:
    return marble()


@pytest.fixture(scope="module")
def white() -> Material:
    """A mask that is white all over."""
    sheet = np.full((512, 512, 4), 255, np.uint8)
    sheet[..., 3] = np.rint(255 * veil(512))
    return painted(sheet)


def test_a_spot_on_the_sheet_lies_at_its_vertex() -> None:
    vertices = (50, 280, 151, 199, 4)  # cheeks, forehead, chin, nose
    sheet = np.full((1024, 1024, 4), 255, np.uint8)
    for vertex in vertices:
        x, y = np.rint(UV[vertex] * 1024 - 0.5).astype(int)
        cv2.circle(sheet, (x, y), 9, (0.0, 0.0, 0.0, 255.0), -1)
    mesh = placed(NEUTRAL, 12)
    picture, _ = wear(painted(sheet), skin(), mesh, FaceLight())
    dark = 255.0 - picture.mean(axis=-1)
    for vertex in vertices:
        x, y = mesh[vertex, :2]
        x0, y0 = round(float(x)) - 8, round(float(y)) - 8
        near = dark[y0 : y0 + 17, x0 : x0 + 17]
        near = np.where(near > (near.min() + near.max()) / 2, near, 0)
        rows, columns = np.mgrid[y0 : y0 + 17, x0 : x0 + 17]
        found = (near * columns).sum() / near.sum(), (near * rows).sum() / near.sum()
        assert np.hypot(found[0] - x, found[1] - y) < 1.5, vertex


def test_eyes_and_an_open_mouth_are_the_performers(white: Material) -> None:
    mesh = placed(NEUTRAL)
    opened = mesh.copy()
    opened[list(INNER_LIPS[1:10]), 1] += 12  # the lower lip
    (_, closed_alpha), (_, alpha) = (wear(white, skin(), each, FaceLight()) for each in (mesh, opened))
    for eye in EYES:
        assert alpha[at(opened, eye)] == 0
    assert alpha[at(opened, INNER_LIPS)] == 0
    assert closed_alpha[at(mesh, (50,))] == closed_alpha[at(mesh, (152, 200))] == 255
    outline = np.zeros((SIZE, SIZE), np.uint8)
    cv2.fillConvexPoly(outline, np.rint(mesh[list(OVAL), :2]).astype(np.int32), 1.0)
    assert not closed_alpha[cv2.dilate(outline, np.ones((5, 5), np.uint8)) == 0].any(), "nothing beyond the face"
    assert (closed_alpha[outline > 0] == 255).mean() > 0.8


@pytest.mark.parametrize("yaw", [-45, -20, 0, 30, 45])
def test_it_is_of_one_piece_however_the_head_turns(white: Material, yaw: float) -> None:
    mesh = placed(NEUTRAL, yaw)
    picture, alpha = wear(white, skin(), mesh, FaceLight())
    solid = (alpha > 200).astype(np.uint8)
    count, _, parts, _ = cv2.connectedComponentsWithStats(solid)
    largest = parts[1:count, cv2.CC_STAT_AREA].max()
    assert largest / solid.sum() > 0.98
    # No hole but those of the eyes: what is closed over a few pixels stays as it is.
    closed = cv2.morphologyEx(solid, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    assert (closed - solid).sum() < 0.01 * solid.sum()
    assert picture[solid > 0].min() > 40, "white paint has no black triangles"


def test_a_lamp_beside_the_face_lights_the_mask_from_there(stone: Material) -> None:
    mesh = placed(NEUTRAL)
    across = np.linspace(40, 210, SIZE, dtype=np.float32)
    lit = np.repeat(np.tile(across, (SIZE, 1))[..., None], 3, axis=2).astype(np.uint8)
    cheeks = at(mesh, (50,)), at(mesh, (280,))
    shares = []
    for rgb in (lit, np.ascontiguousarray(lit[:, ::-1])):
        picture, _ = wear(stone, rgb, mesh, FaceLight())
        left, right = (picture[y - 6 : y + 7, x - 6 : x + 7].mean() for y, x in cheeks)
        shares.append(left / right)
    assert shares[1] > 1.5 * shares[0]
    (dim, _), (usual, _), (bright, _) = (wear(stone, skin(level), mesh, FaceLight()) for level in (30, 125, 250))
    y, x = cheeks[0]
    levels = [float(each[y, x].mean()) for each in (dim, usual, bright)]
    assert levels[0] < 0.75 * levels[1] < 0.75 * levels[2]


def test_a_frown_shows_and_a_beard_does_not(stone: Material) -> None:
    mesh = placed(NEUTRAL)
    y, x = at(mesh, (9,))  # between the brows
    bearded = skin(130)
    cv2.circle(bearded, at(mesh, (200,))[::-1], 18, (45.0, 40.0, 38.0), -1)
    frowning = bearded.copy()
    frowning[y - 12 : y + 13, x - 3 : x + 4] = 70
    light, clean = FaceLight(), FaceLight()
    for _ in range(12):
        plain, _ = wear(stone, bearded, mesh, light)
        bare, _ = wear(stone, skin(130), mesh, clean)
    frown, _ = wear(stone, frowning, mesh, light)
    assert frown[y, x].mean() < 0.93 * plain[y, x].mean()
    chin = at(mesh, (200,))
    assert plain[chin].mean() > 0.85 * bare[chin].mean()


def test_it_does_not_swim_where_the_face_is_still(stone: Material) -> None:
    rng = np.random.default_rng(1)
    mesh = placed(NEUTRAL, 10)
    light = FaceLight()
    seen = []
    for _ in range(10):
        noisy = np.clip(skin().astype(float) + rng.normal(0, 2, (SIZE, SIZE, 3)), 0, 255).astype(np.uint8)
        picture, alpha = wear(stone, noisy, mesh, light)
        seen.append(picture.mean(axis=-1))
    inner = cv2.erode((alpha == 255).astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    assert np.std(seen[3:], axis=0)[inner].mean() < 1.0  # levels


@pytest.mark.parametrize("name", MATERIALS)
def test_no_material_is_burnt_out_or_black(name: str, stone: Material) -> None:
    material = stone if name == "marble" else MATERIALS[name]()
    picture, alpha = wear(material, skin(150), placed(POINTS, 15), FaceLight())
    covered = picture[alpha == 255]
    assert (covered.min(axis=-1) >= 252).mean() < 0.02
    assert (covered.max(axis=-1) <= 4).mean() < 0.02
    assert alpha[at(placed(POINTS, 15), EYES[1])] == 0
    assert len(path(OVAL)) == 36 and material.color.shape == (1024, 1024, 4)
