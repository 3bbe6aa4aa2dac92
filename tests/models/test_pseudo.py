"""Pseudo-pairs: who is drawn for whom, and how a face is bent to another's landmarks."""

from functools import partial

import numpy as np
import pytest
import torch

from models.faceset.reading import AlignedFaces
from models.pseudo import LEAN, Drawn, LandmarkedFaces, lent_mouths, mirrored, partners
from models.settings import Stage
from models.thin_plate_spline import GRID, bending
from models.unpaired import SideBatches
from realtime.align import TEMPLATES
from realtime.demo.portrait import LANDMARKS
from realtime.finder.landmarks68 import MIRRORED
from realtime.media.affine import apply
from realtime.runtime.arrays import Points

SIZE = 128
#: The portrait's landmarks in -1..1 of a crop.
FACE = (apply(TEMPLATES["whole-face"].frame_to_crop(LANDMARKS, SIZE), LANDMARKS) + 0.5) * (2 / SIZE) - 1
AHEAD = np.zeros((1, 2), np.float32)
STAGE = Stage(name="all", share=1)


def doing(open_mouth: float = 0.0, turn: float = 0.0, width: float = 1.0) -> Points:
    """A face that opens its mouth, turned to the picture's right, or of another build."""
    points = FACE.copy()
    points[65:68, 1] += open_mouth  # the inner edge of the lower lip
    points[55:60, 1] += open_mouth
    points[27:36, 0] += turn  # the nose is nearest to the camera
    points[48:68, 0] += turn / 2
    points[:, 0] *= width
    return points.astype(np.float32)


def test_a_mirrored_face_leans_to_the_same_side() -> None:
    points = doing(open_mouth=0.1, turn=0.05)
    lean = LEAN * np.linalg.norm(points[45] - points[36])
    upright = points - np.float32([lean, 0])  # where the landmarks really are
    assert np.allclose(mirrored(points) - np.float32([lean, 0]), (upright * np.float32([-1, 1]))[MIRRORED], atol=1e-6)
    assert np.allclose(mirrored(mirrored(points)), points, atol=1e-6)


def known(landmarks: Points, eyes: float = 0.5) -> LandmarkedFaces:
    return LandmarkedFaces(landmarks, np.full(len(landmarks), eyes, np.float32), AHEAD.repeat(len(landmarks), 0))


@pytest.mark.parametrize("mirror", [True, False])
def test_the_nearest_face_does_the_same(mirror: bool) -> None:
    kinds = [doing, partial(doing, open_mouth=0.15), doing, partial(doing, turn=0.12)]
    rng = np.random.default_rng(0)

    def film(width: float) -> LandmarkedFaces:
        takes = np.stack([kind(width=width) for kind in kinds for _ in range(6)])
        eyes = np.repeat([0.5, 0.45, 0.1, 0.4], 6)  # shut in the third take
        noisy = (takes + rng.normal(0, 0.003, takes.shape)).astype(np.float32)
        return LandmarkedFaces(noisy, eyes.astype(np.float32), AHEAD.repeat(24, 0))

    found = partners(film(1.0), film(1.15), mirror)
    assert found.nearest.shape == (24, 2) and found.likeness.min() > 0.7
    assert (found.nearest % 24 // 6 == np.arange(24)[:, None] // 6).all()


def test_half_open_eyes_and_other_gazes_are_handed_to_none_that_differ() -> None:
    eyes = np.float32([0.42, 0.45, 0.24, 0.44, 0.1, 0.43])  # open, half open in the third, shut in the fifth
    gazes = np.float32([[0, 0], [0.2, 0], [0, 0], [-0.2, 0], [0, 0], [0, 0]])
    theirs = LandmarkedFaces(doing()[None].repeat(6, 0), eyes, gazes)
    ours = LandmarkedFaces(doing()[None].repeat(4, 0), np.float32([0.6, 0.6, 0.6, 0.12]), gazes[:4])
    found = partners(ours, theirs, mirror=False)
    assert set(found.nearest[0]) == {0, 5} and found.nearest[1, 0] == 1 and found.nearest[3, 0] == 4
    assert {1, 3} == set(partners(ours, theirs, mirror=True).nearest[1] % 6)
    assert found.likeness.min() == 1
    ahead = LandmarkedFaces(theirs.landmarks[:1], eyes[:1], gazes[:1])
    assert partners(ours, ahead, mirror=False).likeness[1] == 0  # it looks elsewhere


def test_a_mirrored_face_serves_where_it_may() -> None:
    ours = known(np.stack([doing(turn=turn) for turn in (-0.1, -0.12, -0.14)]))
    theirs = known(np.stack([doing(turn=turn) for turn in (0.1, 0.12, 0.14, 0.0)]))
    asking, generator = np.zeros(50, np.int64), torch.Generator().manual_seed(0)
    drawn = partners(ours, theirs, True).draw(asking, generator)
    assert drawn.mirrored[drawn.faces < 3].all()
    assert np.allclose(drawn.source[drawn.faces == 0], mirrored(theirs.landmarks[0]))
    assert np.allclose(drawn.wanted, ours.landmarks[0])
    assert not partners(ours, theirs, False).draw(asking, generator).mirrored.any()


def test_features_may_keep_the_distances_of_the_person_who_is_drawn() -> None:
    ours = known(np.stack([doing(turn=turn) for turn in (-0.1, 0.0, 0.1)]))
    theirs = known(np.stack([doing(turn=turn, width=1.2) for turn in (-0.1, 0.0, 0.1)]))
    found = partners(ours, theirs, mirror=False)
    as_asked, own = (each.nearest_of(np.arange(3)).wanted for each in (found, found.with_own_build()))
    assert np.allclose(as_asked, ours.landmarks)
    assert np.allclose(own[:, :17], ours.landmarks[:, :17])  # the outline stays
    eyes = [np.linalg.norm(each[1, 45] - each[1, 36]) for each in (as_asked, own)]
    assert abs(eyes[1] / eyes[0] - 1.2) < 0.02


def test_bending_takes_each_landmark_from_where_it_was() -> None:
    wanted, source = torch.from_numpy(doing(turn=0.05))[None], torch.from_numpy(doing(open_mouth=0.2, width=1.2))[None]
    places = bending(wanted, source)
    assert places.shape == (1, 2, GRID, GRID)
    found = torch.nn.functional.grid_sample(places, wanted[:, None], mode="bicubic", align_corners=False)[:, :, 0]
    errors = (found.transpose(1, 2) - source).norm(dim=-1) * SIZE / 2  # pixels
    assert errors.mean() < 0.3 and errors.max() < 1.5
    steps = (torch.arange(GRID) + 0.5) * (2 / GRID) - 1
    as_it_is = torch.stack(torch.meshgrid(steps, steps, indexing="xy"))
    torch.testing.assert_close(bending(wanted, wanted)[0], as_it_is, atol=1e-4, rtol=0)


def test_the_inside_of_a_mouth_is_lent_where_the_partner_has_it_closed() -> None:
    wide, closed = doing(open_mouth=0.2)[None], doing()[None]
    nobody, same = np.zeros(1, np.int64), np.zeros(1, bool)
    (lent,) = lent_mouths(Drawn(nobody, same, closed, wide))
    middle = wide[0, 60:68].mean(axis=0)
    x, y = np.rint((middle + 1) * (len(lent) / 2)).astype(int)
    assert lent[y, x] == 1 and 0 < (lent > 0).mean() < 0.05
    assert not lent_mouths(Drawn(nobody, same, wide, wide)).any()
    assert not lent_mouths(Drawn(nobody, same, wide, closed)).any()


def marked(points: Points, level: int, stripes: int = 0) -> AlignedFaces:
    """Faces of one grey, perhaps with ``stripes``, a white square on the tip of the nose, and their landmarks."""
    pictures = np.full((len(points), SIZE, SIZE, 3), level, np.uint8)
    pictures[:, np.arange(SIZE) // 8 % 2 == 0] -= np.uint8(stripes)
    landmarks = ((points + 1) * (SIZE / 2) - 0.5).astype(np.float32)
    for picture, (x, y) in zip(pictures, np.rint(landmarks[:, 30]).astype(int), strict=True):
        picture[y - 3 : y + 4, x - 3 : x + 4] = 255
    return AlignedFaces(pictures, np.full((len(points), SIZE, SIZE), 255, np.uint8), landmarks)


def test_half_of_a_batch_asks_with_the_other_side() -> None:
    a = marked(np.stack([doing(turn=turn) for turn in (0.0, 0.1)] * 10), 40)
    b = marked(np.stack([doing(turn=turn, width=1.2) for turn in (0.0, 0.1)] * 10), 160, stripes=40)
    stage = Stage(name="plain", share=1, warp=0, light=0, pseudo=0.5)
    for example in SideBatches([a, b]).draw(8, torch.Generator().manual_seed(0), stage):
        asking = example.face.mean((1, 2, 3)) > 0.3
        answer = (
            example.target[..., 64:].mean((1, 3)).diff(dim=-1).abs().mean(dim=-1) > 0.004
        )  # colours are the input's
        assert (answer == (example.side == 1)).all(), "the answer is always the side's own"
        assert asking.sum() == 4, "half of the questions come from the other side"
        asked = (asking != answer).nonzero().ravel()
        shown, told = (each[asked].mean(1).flatten(1) for each in (example.face, example.target))
        for one, other in zip(shown, told, strict=True):
            assert (_brightest(one) - _brightest(other)).norm() < 1.5, "the tip of the nose is where it was asked"


def _brightest(picture: torch.Tensor) -> torch.Tensor:
    """Middle (y, x) of what is brighter than the rest of a picture, float (S * S,)."""
    bright = picture > (picture.max() + picture.median()) / 2
    return torch.cartesian_prod(torch.arange(SIZE), torch.arange(SIZE))[bright].float().mean(0)


def test_without_landmarks_there_are_no_pseudo_pairs() -> None:
    with_them, bare = marked(doing()[None].repeat(8, 0), 40), marked(doing()[None].repeat(8, 0), 160)
    without = AlignedFaces(bare.faces, bare.masks)
    a, b = SideBatches([with_them, without]).draw(8, torch.Generator().manual_seed(0), STAGE)
    assert (a.face.mean((1, 2, 3)) < 0.4).all() and (b.face.mean((1, 2, 3)) > 0.4).all()
