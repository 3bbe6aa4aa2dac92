"""What stands in front of a face stays there, and doubt counts as face."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from realtime.composite.occlusion import SIZE, Cover, Occlusion, Steady, certain
from realtime.demo.portrait import load_portrait
from realtime.finder import BuiltinFinder
from realtime.finder.face import Face
from realtime.media.frame import Frame
from realtime.runtime.arrays import Bytes
from realtime.runtime.stages import Stages
from realtime.settings import Look
from realtime.settings.look import MODEL
from realtime.swapper import FrameSwapper, make_swapper

#: The colour of skin in the portrait's light.
SKIN = (196, 150, 126)


@pytest.fixture(scope="module")
def portrait() -> Bytes:
    return np.ascontiguousarray(load_portrait())


@pytest.fixture(scope="module")
def face(portrait: Bytes) -> Face:
    (found,) = BuiltinFinder("cpu").find(Frame.from_rgb(portrait.copy()))
    return found


@pytest.fixture(scope="module")
def behind_a_hand(portrait: Bytes, face: Face) -> tuple[Bytes, Bytes]:
    """The portrait with four fingers over the mouth and a sleeve below; where they are, uint8 255."""
    picture, where = portrait.copy(), np.zeros(portrait.shape[:2], np.uint8)
    left, right, chin = face.landmarks[48], face.landmarks[54], face.landmarks[8]
    eye = face.eye_distance
    for k in range(4):
        begin = chin + (0.1 * eye, 1.2 * eye)
        tip = left + (right - left) * (k / 3) + (0, -0.25 * eye)
        for canvas, colour in ((picture, tuple(0.7 * c for c in SKIN)), (where, (255,) * 3)):
            cv2.line(canvas, begin.astype(int).tolist(), tip.astype(int).tolist(), colour, int(0.2 * eye), cv2.LINE_AA)
        line = (begin.astype(int).tolist(), tip.astype(int).tolist())
        cv2.line(picture, *line, SKIN, int(0.14 * eye), cv2.LINE_AA)
    return picture, where


def swapper(occlusion: str, model: str = MODEL) -> FrameSwapper:
    made = make_swapper(Look(model=model, device="cpu", label=None, occlusion=occlusion), Stages())  # type: ignore[arg-type]
    return replace(made, watermark=None)


def swapped(picture: Bytes, occlusion: str, model: str = MODEL) -> Bytes:
    frame = Frame.from_rgb(picture.copy())
    assert swapper(occlusion, model).process(frame)
    return frame.warp(np.eye(2, 3), (frame.width, frame.height))


@pytest.mark.parametrize("model", [MODEL, "neon"])
def test_a_hand_stays_in_front_of_the_new_face(behind_a_hand: tuple[Bytes, Bytes], model: str) -> None:
    """Of a network's, and of one that is drawn."""
    picture, where = behind_a_hand
    over, behind = (np.abs(swapped(picture, each, model).astype(int) - picture).mean(axis=2) for each in ("off", "on"))
    inner = cv2.erode(where, np.ones((5, 5), np.uint8)) > 0
    painted = inner & (over > 25)  # where the swap goes over the hand
    assert painted.sum() > 500
    assert behind[painted].mean() < 0.3 * over[painted].mean()
    beside = (over > 25) & (cv2.dilate(where, np.ones((25, 25), np.uint8)) == 0)
    assert behind[beside].mean() > 0.97 * over[beside].mean(), "the face beside it is swapped"


def test_a_face_with_nothing_in_front_is_swapped_as_without(portrait: Bytes, face: Face) -> None:
    """But for hair, which may be left out at the forehead."""
    on, off = swapped(portrait, "on"), swapped(portrait, "off")
    below_the_brows = int(face.landmarks[17:27, 1].max())
    assert np.array_equal(on[below_the_brows:], off[below_the_brows:])
    alpha = np.full((64, 64), 200, np.uint8)
    assert Cover(np.zeros((SIZE, SIZE), np.uint8), np.eye(2, 3)).leave_out(alpha, np.eye(2, 3)) is alpha


def test_nobody_looks_where_it_is_off(portrait: Bytes) -> None:
    assert Look().occlusion == "off"
    frame = Frame.from_rgb(portrait.copy())
    made = swapper("off")
    made.process(frame)
    assert made.occlusion is None
    assert "occlusion" not in made.stages.summary()


def test_the_map_is_steady_where_little_changes_and_quick_where_much_does() -> None:
    steady, rng = Steady(), np.random.default_rng(0)
    steady(np.full((SIZE, SIZE), 0.5, np.float32))
    noise = [0.5 + rng.normal(0, 0.04, (SIZE, SIZE)).astype(np.float32) for _ in range(20)]
    assert np.std([steady(each) for each in noise][5:]) < 0.5 * np.std(noise)
    assert (steady(np.ones((SIZE, SIZE), np.float32)) > 0.85).all()


def test_specks_threads_and_doubt_are_face() -> None:
    covered = np.zeros((SIZE, SIZE), np.float32)
    covered[10:14, 10:14] = 1  # a speck
    covered[40, :] = 1  # a thread
    covered[60:80, 60:80] = 0.55  # doubt
    assert not certain(covered).any()
    covered[90:110, 90:110] = 1
    assert certain(covered)[92:108, 92:108].min() == 255


def test_where_nearly_all_is_covered_the_new_face_stays() -> None:
    """A real face must not show because the net takes all of it for something else."""
    same, alpha = np.eye(2, 3), np.full((64, 64), 255, np.uint8)
    to_map = np.array([[2, 0, 0.5], [0, 2, 0.5]], np.float64)
    half = np.zeros((SIZE, SIZE), np.uint8)
    half[SIZE // 2 :] = 255
    left = Cover(half, to_map).leave_out(alpha, same)
    assert left[:30].min() == 255
    assert left[34:].max() == 0
    assert np.array_equal(Cover(np.full((SIZE, SIZE), 255, np.uint8), to_map).leave_out(alpha, same), alpha)


def test_each_face_has_a_memory_of_its_own(portrait: Bytes, behind_a_hand: tuple[Bytes, Bytes], face: Face) -> None:
    """What was seen of another face, or before a cut, says nothing about this one."""
    occlusion = Occlusion("cpu")
    bare, hand = Frame.from_rgb(portrait.copy()), Frame.from_rgb(behind_a_hand[0].copy())
    alone = occlusion.look(hand, face.landmarks, 7).map
    occlusion.look(bare, face.landmarks, 1)
    assert np.array_equal(occlusion.look(hand, face.landmarks, 2).map, alone)
    occlusion.forget()
    assert np.array_equal(occlusion.look(hand, face.landmarks, 1).map, alone)
