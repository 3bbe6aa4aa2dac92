"""The recipe of the net that tells faces from lookalikes: what is mined, what is learnt, and the file that is made."""

import math
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from models.recipes.face_finder import faceness
from models.recipes.face_finder.data import AnnotatedFaces
from models.recipes.face_finder.export import write_faceness
from models.recipes.face_finder.faceness import Material, batches, faceness_loss
from models.recipes.face_finder.lookalikes import KEPT, mine, patterns, photographs, pictures_in
from models.recipes.face_finder.loop import Pace, fit, to_input
from models.recipes.face_finder.mesh import load_shipped
from models.recipes.face_finder.nets import LANDMARK_SIZE, FacenessNet
from realtime.demo.portrait import LANDMARKS, load_portrait
from realtime.finder.landmarker import ASSET
from realtime.inference.session import open_session
from realtime.runtime.arrays import Bytes
from realtime.runtime.errors import InputError


@pytest.fixture(scope="module")
def mined() -> Bytes:
    """Crops that the shipped finder falls for in generated patterns."""
    rng = np.random.default_rng(0)
    return np.stack(list(islice(mine(patterns(200, rng), 1, rng), 12)))


def test_the_finder_falls_for_patterns_and_their_crops_are_kept(mined: Bytes) -> None:
    assert mined.shape == (12, KEPT, KEPT, 3)
    edge = (KEPT - LANDMARK_SIZE) // 2
    crops = np.ascontiguousarray(mined[:, edge:-edge, edge:-edge])
    (presence,) = open_session(ASSET, "cpu").run(["presence"], {"face": crops})
    assert np.median(presence) > 0.1


def test_pictures_with_people_are_left_out(tmp_path: Path) -> None:
    for name, colour in (("a.png", 10), ("b.png", 200)):
        cv2.imwrite(str(tmp_path / name), np.full((80, 90, 3), colour, np.uint8))
    cv2.imwrite(str(tmp_path / "tiny.png"), np.zeros((8, 8, 3), np.uint8))
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8nothing")
    found = pictures_in(tmp_path)
    assert [path.name for path in found] == ["a.png", "b.png", "broken.jpg", "tiny.png"]
    assert [int(p.mean()) for p in photographs(found, lambda picture: bool(picture.mean() > 100))] == [10]
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no pictures in it"):
        pictures_in(tmp_path / "empty")


def test_faces_and_what_is_none_are_told_apart(mined: Bytes, tmp_path: Path) -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    known = AnnotatedFaces([load_portrait()], LANDMARKS[None], np.array([False]))
    material = Material(known, np.array([0]), mined)
    pixels, is_face = next(drawing := batches(material, 24))
    assert pixels.shape == (24, LANDMARK_SIZE, LANDMARK_SIZE, 3) and 4 < is_face.sum() < 20
    net, fixed = FacenessNet(), load_shipped(ASSET)
    pace = Pace(rate=2e-3, decay=0.0, clip=math.inf, report_every=20, warmup=3)
    losses = fit(net, drawing, lambda b: faceness_loss(net, fixed, b), lambda step: step / 20, pace, tmp_path / "f.pt")
    assert np.mean(losses[-4:]) < 0.7 * np.mean(losses[:4])
    write_faceness(net, tmp_path / "faceness.onnx")
    with torch.no_grad():
        fine, coarse = (each.numpy() for each in fixed.maps(to_input(pixels)))
    (answers,) = open_session(tmp_path / "faceness.onnx", "cpu").run(None, {"fine": fine, "coarse": coarse})
    np.testing.assert_allclose(answers, faceness.answers(net, fixed, pixels), atol=1e-3)
