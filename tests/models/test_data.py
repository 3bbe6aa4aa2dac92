"""Facesets, pairs, augmentation and losses."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from pytorch_msssim import ssim

from models.augment import Geometry, Photometry, affine_grid, photometry, sample, warp_field
from models.faceset.reading import AlignedFaces, read_faceset
from models.loss_weights import priority_maps
from models.losses import masked_ssim, picture_loss, ssim_map
from models.paired import PairBatches
from models.pairs import WEIGHT_ONE, Pairs, read_pairs
from models.settings import LossWeights, Stage
from models.side import held_out
from models.unpaired import SideBatches
from realtime.align import TEMPLATES
from realtime.demo.portrait import LANDMARKS
from realtime.media.affine import apply
from realtime.runtime.errors import InputError

STAGE = Stage(name="all", share=1)
#: The portrait's landmarks in a crop of 128 pixels.
TEMPLATE_POINTS = apply(TEMPLATES["whole-face"].frame_to_crop(LANDMARKS, 128), LANDMARKS)


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
    faces = read_faceset(tmp_path, 64)
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
        read_faceset(folder, 64)


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
    faces = AlignedFaces(smooth(5, 64), np.full((5, 64, 64), 255, np.uint8))
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


def test_held_out_faces_are_never_drawn() -> None:
    count = 80
    pictures = np.broadcast_to(np.arange(count, dtype=np.uint8)[:, None, None, None], (count, 64, 64, 3)).copy()
    names = tuple(f"{count - index:03d}" for index in range(count))  # film order is that of the names
    still = Photometry(0, 0, 0, 0, 0, 0, 0, 0)
    batches = SideBatches([AlignedFaces(pictures, pictures[..., 0], names=names)], light=still, hold_out=0.2)
    (held,) = batches.held(100)
    out = set((held.face[:, 0, 0, 0] * 255).round().int().tolist())
    assert len(out) == 16
    runs = np.diff(sorted(out)) == 1
    assert runs.sum() == 14  # two stretches of eight neighbours
    drawn: set[int] = set()
    for seed in range(30):
        (example,) = batches.draw(32, torch.Generator().manual_seed(seed), STAGE)
        drawn |= set((example.target[:, 0, 32, 32] * 255).round().int().tolist())
    assert drawn == set(range(count)) - out
    assert len(batches.shown(28)[0].face) == 28


@pytest.mark.parametrize(("count", "share"), [(2, 0.5), (3, 0.05), (30, 0.05), (45, 0.05), (587, 0.05), (40, 0.5)])
def test_about_the_share_is_held_out_and_half_at_least_are_left(count: int, share: float) -> None:
    out = held_out(count, share)
    assert abs(out.sum() - count * share) <= 4
    assert out.sum() <= count / 2


def test_faces_of_the_clip_join_side_a() -> None:
    masks = np.full((4, 64, 64), 255, np.uint8)
    dark, light = (AlignedFaces(np.full((4, 64, 64, 3), value, np.uint8), masks) for value in (0, 255))
    batches = SideBatches([dark, dark], fit=light, hold_out=0)
    for share in (0.0, 0.25):
        a, b = batches.draw(16, torch.Generator().manual_seed(0), Stage(name="fit", share=1, fit=share))
        assert int((a.target.mean((1, 2, 3)) > 0.5).sum()) == 16 * share
        assert float(b.target.max()) == 0


def test_only_the_sides_that_may_are_mirrored() -> None:
    ramp = np.broadcast_to(np.arange(64, dtype=np.uint8)[None, None, :, None], (4, 64, 64, 3)).copy()
    faces = AlignedFaces(ramp, ramp[..., 0])
    a, b = SideBatches([faces, faces], flips=[1.0, 0.0]).draw(8, torch.Generator().manual_seed(0), STAGE)
    assert (a.target[..., -8:].mean((1, 2, 3)) < a.target[..., :8].mean((1, 2, 3))).all()
    assert (b.target[..., -8:].mean((1, 2, 3)) > b.target[..., :8].mean((1, 2, 3))).all()


def test_eyes_and_mouth_count_more() -> None:
    landmarks = TEMPLATE_POINTS[None]
    (drawn,) = priority_maps(landmarks, 128, 3.0)
    at = ((TEMPLATE_POINTS + 0.5) / 2).astype(int)  # of a map 64 wide
    assert all(drawn[y, x] > 2.5 * WEIGHT_ONE for x, y in at[[37, 40, 43, 46, 51, 57, 62]])
    assert drawn[at[30][1], at[30][0]] == WEIGHT_ONE  # the nose
    assert (drawn > WEIGHT_ONE).mean() < 0.2


def test_similarity_inside_the_mask_is_the_librarys() -> None:
    a, b = torch.rand(2, 3, 64, 64), torch.rand(2, 3, 64, 64)
    whole = torch.ones(2, 1, 64, 64)
    torch.testing.assert_close(masked_ssim(a, b, whole), ssim(a, b, data_range=1.0, size_average=False))
    mask = torch.zeros(2, 1, 64, 64)
    mask[..., :32] = 1
    changed = torch.cat([a[..., :32], b[..., 32:]], dim=3)
    assert (masked_ssim(a, changed, mask) > 0.99).all()  # what lies outside does not count
    assert (masked_ssim(a, b, mask) < 0.2).all()


@pytest.mark.parametrize("part", ["l1", "mse", "structure", "ssim", "ms_ssim", "edges", "mask"])
def test_every_part_of_the_loss_is_nothing_for_the_right_answer(part: str) -> None:
    nothing = dict.fromkeys(LossWeights.model_fields, 0.0) | {"priority": 1.0}
    weights = LossWeights(**nothing | {part: 1.0})
    target, mask = torch.rand(2, 3, 64, 64), torch.ones(2, 1, 64, 64)
    mask[:, :, :8] = 0
    right = torch.cat([target, mask], 1)
    assert float(picture_loss(right, target, mask, torch.ones_like(mask), weights)[0]) == pytest.approx(0, abs=1e-4)
    wrong = (1 - right).requires_grad_()
    loss, parts = picture_loss(wrong, target, mask, torch.ones_like(mask), weights)
    loss.backward()
    assert list(parts) == [part]
    assert float(loss.detach()) > 0.1
    assert wrong.grad is not None
    assert wrong.grad.isfinite().all()


def test_the_loss_of_a_batch_is_the_mean_of_its_parts() -> None:
    """Whatever their masks; this is what makes two processes agree with one."""
    answer, target, mask = torch.rand(4, 4, 64, 64), torch.rand(4, 3, 64, 64), torch.rand(4, 1, 64, 64)
    mask[:2] *= 0.1
    weights = LossWeights(mse=1, ssim=1, ms_ssim=1)
    whole, first, second = (
        picture_loss(answer[part], target[part], mask[part], torch.ones_like(mask[part]), weights)[0]
        for part in (slice(4), slice(2), slice(2, 4))
    )
    torch.testing.assert_close(whole, (first + second) / 2)
