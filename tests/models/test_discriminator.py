"""The patch discriminator: what it learns from, and what it leaves alone."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from models.batches import Example
from models.devices import open_fabric
from models.discriminator import Discriminator

SIZE = 32


def examples() -> list[Example]:
    """A batch of two for each of two sides; of each the first target is a true frame."""
    generator = torch.Generator().manual_seed(0)
    mask = torch.zeros(2, 1, SIZE, SIZE)
    mask[..., 8:24, 8:24] = 1
    true = torch.tensor([True, False])
    return [
        Example(target, target, mask, torch.ones_like(mask), true, side)
        for side, target in enumerate(torch.rand(2, 2, 3, SIZE, SIZE, generator=generator))
    ]


def learned(shown: list[Example], answers: list[Tensor], steps: int = 1) -> Discriminator:
    fabric = open_fabric("cpu", 1, "fp32")
    fabric.launch()
    torch.manual_seed(0)
    discriminator = Discriminator(fabric, 1e-3, sides=2)
    for _ in range(steps):
        discriminator.learn(answers, shown)
    return discriminator


@pytest.mark.parametrize(("which", "matters"), [(0, True), (1, False)], ids=["true", "drawn"])
def test_only_true_frames_are_faces(which: int, matters: bool) -> None:
    shown = examples()
    answers = [torch.full((2, 4, SIZE, SIZE), 0.5) for _ in shown]
    other = shown[0].target.clone()
    other[which] = 1 - other[which]
    as_it_was = learned(shown, answers).tensors()
    changed = learned([replace(shown[0], target=other), shown[1]], answers).tensors()
    assert any(not torch.equal(as_it_was[name], changed[name]) for name in as_it_was) == matters


def test_what_lies_outside_the_mask_is_not_judged() -> None:
    shown = examples()
    answers = [torch.rand(2, 4, SIZE, SIZE, generator=torch.Generator().manual_seed(side)) for side in range(2)]
    elsewhere = [answer.clone() for answer in answers]
    for answer in elsewhere:
        answer[..., :8] = 0
    assert torch.equal(learned(shown, answers).fool(answers, shown), learned(shown, elsewhere).fool(elsewhere, shown))


def test_each_side_is_judged_by_its_own_faces() -> None:
    """Side 0's faces are striped, side 1's are plain: an answer passes for its own side's only."""
    stripes = torch.zeros(2, 4, SIZE, SIZE)
    stripes[..., ::2] = 1
    plain = torch.full_like(stripes, 0.5)
    shown = [
        replace(each, target=face[:, :3], true=torch.ones(2, dtype=torch.bool))
        for each, face in zip(examples(), (stripes, plain), strict=True)
    ]
    discriminator = learned(shown, [plain, stripes], steps=60)
    assert float(discriminator.fool([stripes, plain], shown)) < 0.5 * float(discriminator.fool([plain, stripes], shown))
