"""The recipe of the net that says what of a face is visible: what it draws, learns and writes."""

from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from models.recipes.face_finder.data import crop_as_running
from models.recipes.face_finder.loop import to_input
from models.recipes.visible_face.data import KEPT, SIZE, TEMPLATE, Face, Pool, covered_face, keep, kept
from models.recipes.visible_face.export import write_visible
from models.recipes.visible_face.net import VisibleNet
from models.recipes.visible_face.things import KINDS
from models.recipes.visible_face.train import figures, visible_loss
from realtime.align import TEMPLATES
from realtime.demo.portrait import LANDMARKS, load_portrait
from realtime.inference.session import open_session
from realtime.media.affine import apply
from realtime.runtime.arrays import Bytes


@pytest.fixture(scope="module")
def face() -> Face:
    matrix = TEMPLATES[TEMPLATE].frame_to_crop(LANDMARKS, SIZE)
    matrix[:, 2] += (KEPT - SIZE) / 2
    marks = apply(matrix, LANDMARKS)
    nothing = np.zeros((KEPT, KEPT), np.uint8)
    outline = cv2.convexHull(np.concatenate([marks, marks[17:27] - (0, 20)]).astype(np.float32))[:, 0]
    return Face(crop_as_running(load_portrait(), matrix, KEPT), outline, marks, nothing, nothing)


@pytest.mark.parametrize("kind", KINDS)
def test_every_thing_changes_the_face_where_the_label_says(face: Face, kind: str) -> None:
    covered = [covered_face(face, face.rgb, np.random.default_rng(seed), 1, kind) for seed in range(8)]
    bare = [covered_face(face, face.rgb, np.random.default_rng(seed), 0) for seed in range(8)]
    assert all(each.rgb.shape == (SIZE, SIZE, 3) and each.face.shape == (SIZE, SIZE) for each in covered)
    assert 0.002 < np.mean([each.covered.mean() for each in covered]) < 0.7
    assert not any(each.covered.any() for each in bare)
    assert all(each.weight.min() >= 0 and each.weight.max() <= 1 for each in covered)


def test_prepared_faces_come_back_as_they_were(face: Face, tmp_path: Path) -> None:
    keep([face, face], tmp_path / "faces.npz")
    again = kept(tmp_path / "faces.npz")[1]
    assert np.array_equal(again.rgb, face.rgb)
    assert np.array_equal(again.outline, face.outline)


def test_the_net_learns_and_its_file_answers_as_it_does(face: Face, tmp_path: Path) -> None:
    torch.manual_seed(0)
    net, pool = VisibleNet(), Pool([face], 16, 32)
    optimizer = torch.optim.AdamW(net.parameters(), 3e-3)
    losses = []
    for _ in range(12):
        loss = visible_loss(net, pool.batch(8, 1))
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        losses.append(float(loss.detach()))
    assert np.mean(losses[-3:]) < 0.92 * losses[0]
    write_visible(net.eval(), tmp_path / "visible.onnx")
    session = open_session(tmp_path / "visible.onnx", "cpu")
    samples = pool.batch(4, 0)

    def shipped(pixels: Bytes) -> np.ndarray:
        return np.stack(session.run(["within", "covered"], {"face": pixels}), axis=1) > 0.5

    def trained(net: VisibleNet, pixels: Bytes) -> np.ndarray:
        with torch.no_grad():
            return np.asarray(net(to_input(pixels)).numpy() > 0)

    assert figures(shipped, samples) == pytest.approx(figures(partial(trained, net), samples), abs=0.01)
