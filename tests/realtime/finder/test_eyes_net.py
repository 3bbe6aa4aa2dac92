"""The eyes net: it looks where the eyes are, moves them and nothing else, and follows lids that the frame shows."""

import cv2
import numpy as np
import pytest

from models.recipes.blinks import blink
from realtime.demo.portrait import LANDMARKS, load_portrait
from realtime.finder import BuiltinFinder
from realtime.finder.eyes_net import SHARE, SIDE, ZONE, EyesNet, placed
from realtime.finder.landmarker import Landmarker
from realtime.media.affine import apply
from realtime.media.frame import Frame
from realtime.mesh.canonical import POINTS
from realtime.mesh.vertices import EYES, LID_PAIRS, MIRRORED
from realtime.runtime.arrays import Bytes, Floats


def opening(mesh: Floats) -> float:
    """How far lids are apart, in eye widths: the mean of both eyes."""
    widths = [np.linalg.norm(mesh[eye[0], :2] - mesh[eye[8], :2]) for eye in EYES]
    gaps = [np.mean([np.linalg.norm(mesh[a, :2] - mesh[b, :2]) for a, b in pairs]) for pairs in LID_PAIRS]
    return float(np.mean(np.divide(gaps, widths)))


def seen(picture: Bytes) -> Floats:
    mesh = Landmarker("cpu", mesh=True).follow(Frame.from_rgb(picture), LANDMARKS).mesh
    assert mesh is not None
    return mesh


@pytest.mark.parametrize("turn", [0.0, 30.0, -80.0, 170.0])
def test_both_eyes_lie_level_in_the_middle_of_their_pictures(turn: float) -> None:
    angle = np.radians(turn)
    roll = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    strip = placed((POINTS * 11 @ roll.T + (300, 200, 0)).astype(np.float32))
    for side, left in enumerate(strip.left):
        assert 0 <= left <= strip.width - SIDE
        ends = apply(strip.matrix, ((POINTS * 11 @ roll.T)[[EYES[side][0], EYES[side][8]], :2] + (300, 200)))
        ends = ends.astype(float) - (left, 0)
        assert np.abs(ends.mean(axis=0) - (SIDE - 1) / 2).max() < 0.75
        assert abs(ends[0, 1] - ends[1, 1]) < 2
        assert 0.5 < abs(ends[0, 0] - ends[1, 0]) / SIDE < 0.7


def test_nothing_moves_but_what_is_around_the_eyes() -> None:
    frame = Frame.from_rgb(load_portrait())
    mesh = seen(load_portrait())
    moved = mesh + np.array((0.03, -0.02, 0), np.float32) * np.ptp(mesh[:, 0])
    back = EyesNet("cpu")(frame, moved)
    zone = np.concatenate([ZONE, MIRRORED[ZONE]])
    others = np.setdiff1d(np.arange(len(mesh)), zone)
    assert (back[others] == moved[others]).all() and (back[:, 2] == moved[:, 2]).all()
    rim = [*EYES[0], *EYES[1]]
    off = [float(np.linalg.norm((each - mesh)[rim, :2], axis=1).mean()) for each in (moved, back)]
    assert off[1] < off[0] / 2  # what was put beside its place comes back
    assert (SHARE[np.isin(ZONE, EYES[1])] == 1).all()


def test_lids_that_close_in_the_picture_close_in_the_mesh() -> None:
    portrait = load_portrait()
    mesh, rng = seen(portrait), np.random.default_rng(0)
    open_, shut = [opening(mesh)], []
    for _ in range(12):
        picture, true = blink(portrait, mesh, rng)
        (shut if opening(true) < 0.5 * opening(mesh) else open_).append(opening(seen(picture)))
    assert len(shut) > 3
    assert np.mean(shut) < 0.62 * open_[0]


def test_the_finder_uses_it_only_where_meshes_are_asked_for() -> None:
    frame = Frame.from_rgb(load_portrait())
    finder = BuiltinFinder("cpu")
    assert finder.find(frame)[0].mesh is None
    finder.mesh = True
    (face,) = finder.find(frame)
    assert face.mesh is not None
    small = cv2.resize(load_portrait(), None, fx=0.2, fy=0.2, interpolation=cv2.INTER_AREA)
    assert all(np.isfinite(each.mesh).all() for each in finder.find(Frame.from_rgb(small)) if each.mesh is not None)
