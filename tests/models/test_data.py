"""Facesets, pairs, augmentation and losses."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from models.augment import Geometry, Photometry, affine_grid, photometry, sample, warp_field
from models.batches import PairBatches, SideBatches
from models.faces import FaceSet, read_faces
from models.losses import picture_loss, ssim_map
from models.pairs import Pairs, read_pairs
from models.settings import LossWeights, Stage
from realtime.errors import InputError

STAGE = Stage(name="all", share=1)


def smooth(count: int, size: int, channels: int = 3, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    return np.stack(
        [
            cv2.resize(
                random.integers(0, 256, (5, 5, channels), np.uint8),
                (size, size),
                interpolation=cv2.INTER_LINEAR,
            ).reshape(size, size, channels)
            for _ in range(count)
        ]
    )


def test_faces_come_in_order_as_rgb_with_their_masks(tmp_path: Path) -> None:
    for name, colour in (("b", (0, 0, 255)), ("a", (255, 0, 0))):  # BGR
        cv2.imwrite(str(tmp_path / f"{name}.png"), np.full((32, 32, 3), colour, np.uint8))
    cv2.imwrite(str(tmp_path / "a.mask.png"), np.zeros((32, 32), np.uint8))
    (tmp_path / "notes.txt").write_text("not a face")
    faces = read_faces(tmp_path, 64)
    assert faces.faces.shape == (2, 64, 64, 3)
    assert faces.faces[0, 0, 0].tolist() == [0, 0, 255]
    assert faces.faces[1, 0, 0].tolist() == [255, 0, 0]
    assert faces.masks[0].max() == 0
    assert faces.masks[1].min() == 255


@pytest.mark.parametrize("case", ["missing", "empty", "broken", "oblong"])
def test_bad_facesets_are_refused_by_name(tmp_path: Path, case: str) -> None:
    folder = tmp_path / "faces"
    if case != "missing":
        folder.mkdir()
    if case == "broken":
        (folder / "a.png").write_bytes(b"not a picture")
    if case == "oblong":
        cv2.imwrite(str(folder / "a.png"), np.zeros((32, 16, 3), np.uint8))
    with pytest.raises(InputError, match="faces"):
        read_faces(folder, 64)


def test_pairs_are_checked(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"input\.npy"):
        read_pairs(tmp_path)
    picture = smooth(3, 64)
    for name, array in (("input", picture), ("target", picture), ("mask", picture[..., 0])):
        np.save(tmp_path / f"{name}.npy", array)
    assert len(read_pairs(tmp_path)) == 3
    np.save(tmp_path / "mask.npy", picture)
    with pytest.raises(InputError, match="masks"):
        read_pairs(tmp_path)


def test_paired_batches_move_input_and_target_alike() -> None:
    picture = smooth(4, 64)
    pairs = Pairs(picture, picture, picture[..., 0], np.full((4, 8, 8), 128, np.uint8))
    still = Photometry(0, 0, 0, 0, 0, 0, 0, 0)
    batches = PairBatches(pairs, geometry=Geometry(rotation=10, warp=0.02), light=still)
    (example,) = batches.draw(8, torch.Generator().manual_seed(0), STAGE)
    assert (example.face - example.target).abs().mean() < 0.01  # bilinear against cubic
    assert (example.mask - example.target[:, :1]).abs().mean() < 0.01
    assert torch.allclose(example.weight, torch.full_like(example.weight, 2.0))
    unmoved = torch.from_numpy(picture).permute(0, 3, 1, 2) / 255
    nearest = (example.face[:, None] - unmoved[None]).abs().mean((2, 3, 4)).min()
    assert nearest > 0.01


def test_chances_decide_what_is_drawn() -> None:
    picture = np.stack([np.full((64, 64, 3), value, np.uint8) for value in (0, 255)])
    pairs = Pairs(picture, picture, picture[..., 0], chances=np.array([0, 1], np.float32))
    (example,) = PairBatches(pairs).draw(8, torch.Generator().manual_seed(0), STAGE)
    assert float(example.target.min()) > 0.99


def test_batches_depend_on_the_generator_alone() -> None:
    faces = FaceSet(smooth(5, 64), np.full((5, 64, 64), 255, np.uint8))
    batches = SideBatches([faces, faces])
    once, again, other = (batches.draw(4, torch.Generator().manual_seed(seed), STAGE) for seed in (1, 1, 2))
    assert [example.side for example in once] == [0, 1]
    assert torch.equal(once[1].face, again[1].face)
    assert not torch.equal(once[1].face, other[1].face)
    assert not torch.equal(once[0].face, once[0].target)


def test_no_geometry_is_the_identity() -> None:
    picture = torch.rand(2, 3, 32, 32)
    none = Geometry(rotation=0, scale=0, shift=0, flip=0, warp=0)
    generator = torch.Generator().manual_seed(0)
    grid = affine_grid(picture, none, generator) + warp_field(picture, none, generator)
    torch.testing.assert_close(sample(picture, grid), picture, atol=1e-4, rtol=0)
    torch.testing.assert_close(sample(picture, grid, cubic=True), picture, atol=1e-4, rtol=0)


def test_flip_mirrors_left_and_right() -> None:
    picture = torch.rand(1, 3, 32, 32)
    mirror = Geometry(rotation=0, scale=0, shift=0, flip=1, warp=0)
    grid = affine_grid(picture, mirror, torch.Generator().manual_seed(0))
    torch.testing.assert_close(sample(picture, grid), picture.flip(3), atol=1e-4, rtol=0)


def test_photometry_stays_in_range_and_keeps_the_picture() -> None:
    picture = torch.from_numpy(smooth(8, 64)).permute(0, 3, 1, 2) / 255
    shown = photometry(picture.clone(), Photometry(), torch.Generator().manual_seed(0))
    assert float(shown.min()) >= 0
    assert float(shown.max()) <= 1
    both = torch.stack([shown.flatten(1), picture.flatten(1)], 1)  # (B, 2, n)
    assert min(float(torch.corrcoef(pair)[0, 1]) for pair in both) > 0.5
    assert float((shown - picture).abs().mean()) > 0.02


def test_ssim_agrees_with_an_independent_one() -> None:
    metrics = pytest.importorskip("skimage.metrics")
    a, b = smooth(1, 64, 1, 0)[0, ..., 0] / 255, smooth(1, 64, 1, 1)[0, ..., 0] / 255
    ours = ssim_map(*(torch.from_numpy(x)[None, None] for x in (a, b)), window=7, stride=1)
    theirs = metrics.structural_similarity(a, b, data_range=1.0, win_size=7, use_sample_covariance=False, full=True)[1][
        3:-3, 3:-3
    ]
    np.testing.assert_allclose(ours[0, 0].numpy(), theirs, atol=1e-6)


def test_colour_counts_only_inside_the_mask() -> None:
    target, weight = torch.rand(2, 3, 64, 64), torch.ones(2, 1, 64, 64)
    mask = torch.zeros(2, 1, 64, 64)
    mask[..., 16:48, 16:48] = 1
    answer = torch.cat([target, mask], 1)
    outside = answer.clone()
    outside[:, :3, :8] = 0
    inside = answer.clone()
    inside[:, :3, 24:32] = 0
    losses = [float(picture_loss(x, target, mask, weight, LossWeights())[0]) for x in (answer, outside, inside)]
    assert losses[0] == pytest.approx(0, abs=1e-5)
    assert losses[1] == pytest.approx(0, abs=1e-5)
    assert losses[2] > 0.05
