"""Mingled sides: colours and surroundings change hands, faces do not."""

import pytest
import torch

from models.mingle import Drawn, mingle

SIZE = 64


def side(color: tuple[float, float, float], ground: float, count: int = 32) -> Drawn:
    """Striped faces of one colour before a plain ground."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, SIZE), torch.linspace(-1, 1, SIZE), indexing="ij")
    mask = ((x**2 + y**2) < 0.4).float().expand(count, 1, SIZE, SIZE)
    stripes = 0.05 * torch.sin(20 * x)
    face = torch.tensor(color)[None, :, None, None] + stripes
    picture = (face * mask + ground * (1 - mask)).contiguous()
    return Drawn(picture, picture.clone(), mask, mask, torch.ones_like(mask))


def inside(picture: torch.Tensor, drawn: Drawn) -> torch.Tensor:
    """Mean colour of each face, (B, 3)."""
    return (picture * drawn.mask).sum((2, 3)) / drawn.mask.sum((2, 3))


def test_colours_and_surroundings_change_hands() -> None:
    ours, theirs = side((0.6, 0.4, 0.3), 0.9), side((0.3, 0.4, 0.6), 0.1)
    mingled, _ = mingle([ours, theirs], 1.0, torch.Generator().manual_seed(0))
    colors = inside(mingled.target, ours)
    # Each on its own way from one colour to the other.
    assert colors[:, 0].min() < 0.35 and colors[:, 0].max() > 0.55
    assert torch.allclose(colors[:, 0] + colors[:, 2], torch.full((32,), 0.9), atol=0.02)
    assert torch.allclose(inside(mingled.face, ours), colors, atol=0.02), "the answer shares the question's colours"
    assert torch.allclose(mingled.face[:, :, 0, 0], theirs.face[:, :, 0, 0]), "their surroundings"
    stripes = mingled.target[:, 0, SIZE // 2, 24:40] - colors[:, :1]
    assert torch.corrcoef(torch.stack([stripes[0], ours.target[0, 0, SIZE // 2, 24:40] - 0.6]))[0, 1] > 0.99


def test_a_share_stays_as_it_was() -> None:
    ours, theirs = side((0.6, 0.4, 0.3), 0.9, 400), side((0.3, 0.4, 0.6), 0.1, 400)
    mingled, _ = mingle([ours, theirs], 0.5, torch.Generator().manual_seed(0))
    moved = (mingled.face[:, 0, 0, 0] - theirs.face[:, 0, 0, 0]).abs() < 1e-4
    assert 0.4 < moved.float().mean() < 0.6
    same = (inside(mingled.target, ours) - inside(ours.target, ours)).abs().amax(1) < 1e-4
    assert 0.4 < same.float().mean() < 0.6


@pytest.mark.parametrize(("count", "share"), [(1, 1.0), (2, 0.0)])
def test_nothing_to_mingle(count: int, share: float) -> None:
    sides = [side((0.6, 0.4, 0.3), 0.9)] * count
    assert all(a is b for a, b in zip(mingle(sides, share, torch.Generator()), sides, strict=True))
