"""The landmark net as a loss: it sees what the program's own net sees, and only where the mask is."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from models.architectures import LiteConfig
from models.features import Features
from models.losses import picture_loss
from models.settings import LossWeights, Settings
from models.train import train
from realtime.align import TEMPLATES
from realtime.demo.portrait import LANDMARKS, load_portrait
from realtime.finder.landmarker import ASSET, SIZE
from realtime.finder.mesh_net import ASSET as MESH_NET
from realtime.inference.session import open_session
from realtime.media.affine import apply
from realtime.runtime.arrays import Bytes
from realtime.runtime.errors import InputError
from tests.models.small import TINY, sides


def crop(template: str, size: int) -> Bytes:
    matrix = TEMPLATES[template].frame_to_crop(LANDMARKS, size)
    return np.asarray(cv2.warpAffine(load_portrait(), matrix, (size, size), flags=cv2.INTER_AREA), np.uint8)


def to_tensor(picture: Bytes) -> Tensor:
    return torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255


def test_it_is_the_shipped_net() -> None:
    face = crop("landmarks", SIZE)
    *_, fine, coarse, marks = Features("landmarks", SIZE).seen(to_tensor(face))
    wanted = open_session(ASSET, "cpu").run(["fine", "coarse", "landmarks"], {"face": face[None]})
    for ours, theirs in zip((fine, coarse, marks), wanted, strict=True):
        np.testing.assert_allclose(ours.numpy(), theirs, atol=1e-3)


@pytest.mark.parametrize("template", ["whole-face", "arcface-128", "mean-face"])
def test_faces_of_any_template_are_brought_to_the_nets_own_picture(template: str) -> None:
    *_, marks = Features(template, 192).seen(to_tensor(crop(template, 192)))
    matrix = TEMPLATES["landmarks"].frame_to_crop(LANDMARKS, SIZE)
    wanted = (apply(matrix, LANDMARKS) + 0.5) / SIZE
    eyes = np.linalg.norm(wanted[36] - wanted[45])
    # Five points place a face a little differently than all do.
    assert np.linalg.norm(marks[0].numpy() - wanted, axis=1).mean() < 0.12 * eyes


def test_what_is_outside_the_mask_does_not_count_and_a_moved_mouth_does() -> None:
    features, face = Features("whole-face", 128), to_tensor(crop("whole-face", 128))
    mask = torch.zeros(1, 1, 128, 128)
    mask[..., 30:110, 30:98] = 1
    noise = torch.rand(face.shape, generator=torch.Generator().manual_seed(0))
    assert float(features(torch.where(mask > 0, face, noise), face, mask)) == pytest.approx(0, abs=1e-5)
    # The mouth a few pixels lower, and as many pixels of a cheek changed by as much on average.
    low, flat = face.clone(), face.clone()
    low[..., 80:100, 46:84] = face[..., 76:96, 46:84]
    changed = (low - face)[..., 80:100, 46:84].abs().mean()
    flat[..., 60:80, 30:68] += changed
    assert float(features(low, face, mask)) > 2 * float(features(flat, face, mask)) > 0


def test_it_pulls_a_picture_towards_the_face_it_should_be() -> None:
    features, face = Features("whole-face", 128), to_tensor(crop("whole-face", 128))
    mask = torch.ones(1, 1, 128, 128)
    blurred = cv2.GaussianBlur(crop("whole-face", 128), (0, 0), 3)
    answer = torch.cat([to_tensor(blurred), mask], dim=1).requires_grad_()
    weights = LossWeights(l1=0, structure=0, edges=0, mask=0, features=1)
    optimizer = torch.optim.Adam([answer], lr=0.01)
    before = float((to_tensor(blurred) - face).square().mean())
    first = last = torch.inf
    for step in range(30):
        loss, parts = picture_loss(answer, face, mask, mask, weights, features)
        assert list(parts) == ["features"]
        first, last = (float(loss.detach()) if step == 0 else first), float(loss.detach())
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    assert last < 0.5 * first
    assert float((answer[:, :3].detach() - face).square().mean()) < before


def test_a_run_learns_by_it(tmp_path: Path) -> None:
    said: list[str] = []
    settings = Settings(
        iterations=4, batch=2, device="cpu", threads=1, log_every=2, loss=LossWeights(features=0.1), precision="fp32"
    )
    features = Features("whole-face", 64)
    train(LiteConfig(**TINY, sides=2), sides(2), tmp_path, settings, log=said.append, features=features)
    assert any(" features " in line for line in said)


def test_another_file_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"mesh\.onnx: not the landmark net"):
        Features("whole-face", 128, MESH_NET)
    with pytest.raises(InputError, match=r"none\.onnx: not the landmark net"):
        Features("whole-face", 128, tmp_path / "none.onnx")
