"""One test body over the whole registry."""

import json

import pytest
import torch

from models.architectures import ARCHITECTURES, LiteConfig, OriginalConfig, configure
from models.architectures.convolution import PatchConv2d
from realtime.runtime.errors import UsageError
from tests.export.networks import narrow_original

SMALL = {
    "lite": {"encoder": (16, 16, 16, 16), "decoder": (16, 16, 16, 16), "neck": 16, "code": 16},
    "df": {"inter": 16, "encoder": 8, "decoder": 8, "masker": 4},
    "liae": {"inter": 16, "encoder": 8, "decoder": 8, "masker": 4},
}


def small(name: str, **fields: object):
    return configure(name, **{**SMALL.get(name, {}), **fields})


@pytest.mark.parametrize("name", sorted(ARCHITECTURES))
@pytest.mark.parametrize("sides", [1, 2, 3])
def test_every_architecture_answers_a_picture_and_a_mask_for_every_side(
    name: str, sides: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    narrow_original(monkeypatch)
    config = small(name, sides=sides)
    network = config.build().eval()
    face = torch.rand(2, 3, config.size, config.size)
    with torch.inference_mode():
        code = network.encode(face)
        answers = [network.decode(code, side) for side in range(sides)]
    assert network.sides == sides
    for answer in answers:
        assert answer.shape == (2, 4, config.size, config.size)
        assert torch.isfinite(answer).all()
    assert all(not torch.equal(answers[0], other) for other in answers[1:])


@pytest.mark.parametrize("name", sorted(ARCHITECTURES))
def test_config_survives_json(name: str) -> None:
    config = ARCHITECTURES[name]()
    assert configure(**json.loads(json.dumps(config.fields()))) == config


@pytest.mark.parametrize("size", [64, 128, 192, 256])
@pytest.mark.parametrize("skips", [0, 3])
def test_lite_sizes(size: int, skips: int) -> None:
    network = small("lite", size=size, skips=skips).build()
    assert network(torch.rand(1, 3, size, size), 0).shape == (1, 4, size, size)


def test_lite_is_small_enough() -> None:
    network = LiteConfig(size=256, sides=1, skips=3).build()
    assert sum(p.numel() for p in network.parameters()) * 4 <= 16e6


def test_lite_starts_without_a_checkerboard() -> None:
    answer = small("lite", size=256).build()(torch.rand(1, 3, 256, 256), 0)
    blocks = answer.unflatten(3, (64, 4)).unflatten(2, (64, 4))  # (1, 4, 64, 4, 64, 4)
    torch.testing.assert_close(blocks, blocks[:, :, :, :1, :, :1].expand_as(blocks))


def test_original_is_the_classic_one() -> None:
    network = OriginalConfig(mask=False).build()
    shapes = [tuple(p.shape) for name, p in network.named_parameters() if name.endswith("weight")]
    encoder = [(128, 3, 5, 5), (256, 128, 5, 5), (512, 256, 5, 5), (1024, 512, 5, 5)]
    encoder += [(1024, 16384), (16384, 1024), (2048, 1024, 3, 3)]
    decoder = [(1024, 512, 3, 3), (512, 256, 3, 3), (256, 128, 3, 3), (3, 64, 5, 5)]
    assert shapes == encoder + decoder * 2
    answer = network(torch.rand(1, 3, 64, 64), 1)
    assert (answer[:, 3] == 1).all()
    assert 0 < float(answer.detach().min()) < float(answer[:, :3].detach().max()) < 1


@pytest.mark.parametrize("name", ["df", "liae"])
@pytest.mark.parametrize(("size", "double"), [(64, False), (160, False), (512, True)])
def test_sizes_of_deepfacelabs_families(name: str, size: int, double: bool) -> None:
    network = small(name, size=size, double=double).build()
    assert network(torch.rand(1, 3, size, size), 0).shape == (1, 4, size, size)


def test_liae_puts_b_in_by_the_shared_inter_alone() -> None:
    network = small("liae", sides=3).build().eval()
    face = torch.rand(1, 3, 128, 128)
    with torch.inference_mode():
        before = [network(face, side) for side in range(3)]
        for parameter in network.own["0"].parameters():
            parameter.zero_()
        after = [network(face, side) for side in range(3)]
    assert not torch.equal(before[0], after[0])
    assert torch.equal(before[1], after[1])
    assert torch.equal(before[2], after[2])


@pytest.mark.parametrize(("kernel", "stride", "size"), [(5, 2, 8), (3, 1, 4)])
def test_a_convolution_by_patches_is_the_convolution(kernel: int, stride: int, size: int) -> None:
    layer = PatchConv2d(8, 16, kernel, stride=stride, padding=kernel // 2)
    face = torch.rand(3, 8, size, size, requires_grad=True)
    found = []
    for training in (True, False):
        answer = layer.train(training)(face)
        gradients = torch.autograd.grad(answer.square().sum(), [face, *layer.parameters()])
        found.append([answer, *gradients])
    for ours, plain in zip(*found, strict=True):
        torch.testing.assert_close(ours, plain, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("none-such", {}),
        ("lite", {"size": 100}),
        ("lite", {"skips": 4}),
        ("lite", {"sides": 0}),
        ("lite", {"colour": 1}),
        ("original", {"size": 128}),
        ("df", {"size": 100}),
        ("df", {"size": 1024}),
        ("liae", {"size": 144, "double": True}),
        ("liae", {"inter": 0}),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(name: str, fields: dict[str, object]) -> None:
    with pytest.raises(UsageError) as refusal:
        configure(name, **fields).build()
    assert "\n" not in str(refusal.value)
