"""Faces of one side drawn over those of another by the mesh, and the sheet that shows such pairs."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from models.faceset.reading import AlignedFaces
from models.meshed import MeshedFaces, meshed
from models.pair_sheet import PAIRS, pair_sheet
from models.settings import Stage
from models.side import Side
from models.sitter import best_seen, face_alone
from models.teacher import Teacher
from models.unpaired import SideBatches
from realtime.align import TEMPLATES
from realtime.demo.portrait import LANDMARKS, load_portrait
from realtime.media.affine import apply
from realtime.runtime.arrays import Bytes, Points
from realtime.runtime.errors import UsageError
from tests.models.command import call

SIZE = 128
#: A point of the mesh on the cheek, beside the nose.
CHEEK = 101


def faces(picture: Bytes, turns: tuple[float, ...]) -> AlignedFaces:
    """The portrait's face, tilted by each of ``turns`` degrees."""
    matrix = TEMPLATES["whole-face"].frame_to_crop(LANDMARKS, SIZE)
    pictures, landmarks = [], []
    for turn in turns:
        tilt = np.vstack([cv2.getRotationMatrix2D((SIZE / 2, SIZE / 2), turn, 1), (0, 0, 1)])
        there = (tilt @ np.vstack([matrix, (0, 0, 1)]))[:2]
        pictures.append(cv2.warpAffine(picture, there, (SIZE, SIZE), flags=cv2.INTER_AREA))
        landmarks.append(apply(there, LANDMARKS))
    masks = np.full((len(turns), SIZE, SIZE), 255, np.uint8)
    return AlignedFaces(np.array(pictures, np.uint8), masks, np.array(landmarks, np.float32))


def spot(picture: Bytes, place: Points) -> float:
    """How much darker a place is than what is around it, in grey levels."""
    grey = cv2.GaussianBlur(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32), (0, 0), 1)
    x, y = np.rint(place).astype(int)
    around = [grey[y + dy, x + dx] for dx, dy in ((-6, 0), (6, 0), (0, -6), (0, 6))]
    return float(np.median(around) - grey[y, x])


@pytest.fixture(scope="module")
def a() -> AlignedFaces:
    return faces(load_portrait(), (0.0, 8.0, -8.0))


@pytest.fixture(scope="module")
def b() -> AlignedFaces:
    """The same face with a mole on its cheek, as a darker film shows it."""
    portrait = load_portrait()
    known = meshed(faces(portrait, (0.0,)), np.array([0]))
    back = cv2.invertAffineTransform(TEMPLATES["whole-face"].frame_to_crop(LANDMARKS, SIZE))
    (mole,) = np.rint(apply(back, known.pixels(0, SIZE)[CHEEK : CHEEK + 1, :2])).astype(int)
    marked = cv2.circle(portrait.copy(), mole.tolist(), 3, (40, 20, 20), -1, cv2.LINE_AA)
    return faces((marked * 0.7).astype(np.uint8), (0.0, 3.0, -3.0))


@pytest.fixture(scope="module")
def batches(a: AlignedFaces, b: AlignedFaces) -> SideBatches:
    return SideBatches([a, b], hold_out=0, teacher=Teacher(lambda line: None))


def test_the_other_face_is_drawn_in_place_and_light_of_the_one_asked_for(batches: SideBatches, a: AlignedFaces) -> None:
    (pairs,) = batches.pseudo_pairs[1]
    assert pairs.drawn is not None and len(pairs.drawn.index) == 3
    known = meshed(a, pairs.drawn.index)
    for row, (picture, index) in enumerate(zip(pairs.drawn.pictures, pairs.drawn.index, strict=True)):
        cheek = known.pixels(row, SIZE)[CHEEK, :2]
        assert spot(a.faces[index], cheek) < 6 and spot(picture, cheek) > 15
        inside = pairs.drawn.sure[row] > 250
        assert abs(float(picture[inside].mean()) - float(a.faces[index][inside].mean())) < 12


def test_drawn_pairs_reach_the_network(batches: SideBatches) -> None:
    stage = Stage(name="plain", share=1, warp=0, light=0, pseudo=0.5)
    (pairs,) = batches.pseudo_pairs[1]
    pairs.partners.likeness[:] = 0  # then nothing but drawn ones
    still = SideBatches.geometry.__class__(rotation=0, scale=0, shift=0, flip=0, warp=0)
    batches._geometry = still
    assert pairs.drawn is not None
    known = torch.from_numpy(pairs.drawn.pictures).permute(0, 3, 1, 2).float() / 255
    for side in batches.sides:
        side.flip = 0.0
    example = batches.draw(8, torch.Generator().manual_seed(0), stage)[1]
    apart = (example.target[:, None] - known).abs().mean((2, 3, 4)).min(dim=1).values
    assert (apart < 0.01).sum() == 4


def test_the_sheet_shows_each_kind_of_pairs(batches: SideBatches) -> None:
    sheet = pair_sheet(batches)
    assert sheet is not None and sheet.shape[1] == 3 * 3 * SIZE
    assert pair_sheet(SideBatches([faces(load_portrait(), (0.0, 1.0))])) is None


def test_nothing_beside_the_face_gets_into_a_texture() -> None:
    picture = np.full((256, 256, 3), 255, np.uint8)  # a white wall
    mask = np.zeros((256, 256), np.uint8)
    cv2.circle(mask, (128, 128), 80, 255, -1)
    picture[mask > 0] = (150, 110, 90)
    cv2.circle(picture, (128, 128), 10, (20, 20, 20), -1)
    alone = face_alone(picture, cv2.dilate(mask, np.ones((5, 5), np.uint8)))  # masks err by a pixel or two
    assert alone.max() < 160 and (alone[118:138, 118:138] == picture[118:138, 118:138]).all()


def test_textures_come_from_frames_that_show_the_face_well() -> None:
    count = 40
    turns = np.zeros((count, 2), np.float32)
    turns[:, 0] = np.linspace(-38, 38, count)
    none = np.zeros(count, np.float32)
    eyes, gaps = np.full(count, 0.4, np.float32), none.copy()
    strains = none.copy()
    eyes[::2], gaps[1::8], strains[5::8] = 0.1, 0.2, 0.5  # shut eyes, an open mouth, a grimace
    mesh = np.zeros((count, 468, 3), np.float32)
    known = MeshedFaces(np.arange(count), mesh, mesh, turns, gaps, strains, none, turns, none + 1, eyes, none)
    chosen = best_seen(known)
    assert 3 <= len(chosen) <= 5 and (chosen % 4 == 3).all()
    assert abs(turns[chosen[0], 0]) < 5
    assert np.diff(np.sort(turns[chosen, 0])).min() > 12


def test_pairs_without_landmarks_are_one_line(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
        for number in range(2):
            cv2.imwrite(str(tmp_path / name / f"{number}.png"), np.full((64, 64, 3), 90, np.uint8))
    given = ("--out", tmp_path / "run", "--a", tmp_path / "a", "--b", tmp_path / "b", "--size", 64)
    with pytest.raises(UsageError, match=r"--show-pairs: .*no landmarks"):
        call(*given, "--show-pairs")
    with pytest.raises(UsageError, match="give both"):
        call("--out", tmp_path / "run", "--show-pairs")
    assert not (tmp_path / "run" / PAIRS).exists()


def test_a_side_knows_the_rows_of_its_faces() -> None:
    side = Side(AlignedFaces(np.zeros((100, 8, 8, 3), np.uint8), np.zeros((100, 8, 8), np.uint8)), hold_out=0.2)
    assert (side.used[side.rows_of(side.used[::3])] == side.used[::3]).all()
