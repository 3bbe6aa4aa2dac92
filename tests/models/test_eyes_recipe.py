"""The eyes net's recipe: the picture of an eye goes with its points, and what is learnt is where they are."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from models.recipes.face_finder import eyes
from models.recipes.face_finder.export import write_eyes
from models.recipes.face_finder.eyes import Batch, EyePictures, HeldOut, evaluate, eye_loss, eye_of, sample_eye
from models.recipes.face_finder.loop import Pace, fit
from models.recipes.face_finder.nets import EyesNet
from realtime.finder.eyes_net import SHARE, SIDE, ZONE, placed
from realtime.inference.session import open_session
from realtime.mesh.canonical import POINTS
from realtime.mesh.vertices import EYES, LID_PAIRS
from realtime.runtime.arrays import Bytes, Floats

#: The rim of the eye that every picture shows, by name: outer corner, inner corner, upper and lower lid.
OUTER, INNER, ABOVE, BELOW = EYES[1][0], EYES[1][8], *LID_PAIRS[1][3]
COLOURS = {OUTER: (255, 0, 0), INNER: (0, 255, 0), ABOVE: (0, 0, 255), BELOW: (255, 255, 0)}


def drawn_face(turn: float) -> tuple[Bytes, Floats]:
    """The canonical face in a grey picture, with dots on both eyes: each colour stands for the same point of each."""
    angle = np.radians(turn)
    roll = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    mesh = (POINTS * 18 @ roll.T + (200, 220, 0)).astype(np.float32)
    picture = np.full((400, 400, 3), 90, np.uint8)
    for side in (0, 1):
        pairs = zip((EYES[side][0], EYES[side][8], *LID_PAIRS[side][3]), COLOURS.values(), strict=True)
        for vertex, colour in pairs:
            cv2.circle(picture, np.rint(mesh[vertex, :2]).astype(int).tolist(), 2, colour, -1)
    return picture, mesh


def eye_pictures() -> EyePictures:
    faces = [drawn_face(turn) for turn in (-20.0, 0.0, 20.0)]
    both = [eye_of(picture, placed(mesh), side, eyes.ROOM, mesh) for picture, mesh in faces for side in (0, 1)]
    return EyePictures(np.stack([pixels for pixels, _ in both]), np.stack([mesh for _, (mesh,) in both]))


def test_points_go_with_their_pictures_and_every_eye_lies_as_the_right_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eyes, "BLINKS", 0.0)
    monkeypatch.setattr(eyes, "SPOILT", 0.0)
    known, rng, rows = eye_pictures(), np.random.default_rng(0), {int(vertex): row for row, vertex in enumerate(ZONE)}
    for number in range(len(known.pixels)):
        pixels, places = sample_eye(known, number, rng)
        assert pixels.shape == (SIDE, SIDE, 3)
        assert places[rows[OUTER], 0] > places[rows[INNER], 0] + 0.3
        assert places[rows[ABOVE], 1] < places[rows[BELOW], 1]
        for vertex, colour in COLOURS.items():
            off = np.abs(pixels.astype(int) - colour).sum(axis=2)
            seen = np.argwhere(off <= off.min() + 40).mean(axis=0)[::-1]
            assert np.linalg.norm(seen - (places[rows[vertex]] * SIDE - 0.5)) < 1.5


def test_lowered_lids_move_both_the_picture_and_the_points(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eyes, "SPOILT", 0.0)
    known, rows = eye_pictures(), {int(vertex): row for row, vertex in enumerate(ZONE)}
    gaps = {}
    for share in (0.0, 1.0):
        monkeypatch.setattr(eyes, "BLINKS", share)
        drawn = [sample_eye(known, number, np.random.default_rng(3)) for number in range(len(known.pixels))]
        gaps[share] = np.mean([places[rows[BELOW], 1] - places[rows[ABOVE], 1] for _, places in drawn])
    assert gaps[1.0] < 0.75 * gaps[0.0]


def test_it_learns_and_its_file_answers_as_torch_does(tmp_path: Path) -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    known, rng, net = eye_pictures(), np.random.default_rng(1), EyesNet()

    def batches() -> Iterator[Batch]:
        while True:
            drawn = [sample_eye(known, int(i), rng) for i in rng.integers(len(known.pixels), size=8)]
            pixels, places = (np.stack(each) for each in zip(*drawn, strict=True))
            yield pixels, places

    drawn = [sample_eye(known, number, np.random.default_rng(9)) for number in range(6)]
    pixels, places = (np.stack(each) for each in zip(*drawn, strict=True))
    guessed = (places + rng.normal(0, 0.2, places.shape)).astype(np.float32)
    unseen = HeldOut(pixels, places, guessed, np.full(6, 2.0, np.float32))
    before = evaluate(None, unseen)["error"]
    pace = Pace(3e-3, decay=0.0, clip=5.0, report_every=100, warmup=10)
    fit(net, batches(), lambda given: eye_loss(net, given), lambda step: step / 60, pace, tmp_path / "eyes.pt")
    net.eval()
    assert evaluate(net, unseen)["error"] < 0.8 * before
    write_eyes(net, tmp_path / "eyes.onnx")
    found = open_session(tmp_path / "eyes.onnx", "cpu").run(None, {"eyes": pixels})[0]
    assert found.shape == (6, len(ZONE), 2) and SHARE.shape == (len(ZONE),)
    assert np.linalg.norm(found - places, axis=2).mean() < np.linalg.norm(0.5 - places, axis=2).mean()
