"""Alignment: there and back again, and against a least-squares solution found another way."""

import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime.align import TEMPLATES, fit_similarity
from realtime.media.affine import apply, invert, scale_of
from realtime.runtime.arrays import Matrix, Points

SIZE = 256


@st.composite
def similarities(draw: st.DrawFn) -> Matrix:
    """Crop to frame: faces of 20 to 2000 pixels, any roll, anywhere in an 8K frame or just outside."""
    scale = draw(st.floats(0.08, 8.0))
    angle = draw(st.floats(-math.pi, math.pi))
    x, y = draw(st.floats(-500, 8000)), draw(st.floats(-500, 4500))
    a, b = scale * math.cos(angle), scale * math.sin(angle)
    return np.array([[a, -b, x], [b, a, y]])


def face_of(crop_to_frame: Matrix, name: str) -> Points:
    """68 landmarks in the frame that fit the template exactly."""
    template = TEMPLATES[name]
    landmarks = np.zeros((68, 2), np.float32)
    placed = template.places(SIZE)
    for group, point in zip(template.groups, placed, strict=True):
        # A group counts by its mean, so that its members may stand around it.
        around = np.arange(len(group)) - (len(group) - 1) / 2
        landmarks[list(group)] = point + np.stack([around, -2 * around], axis=1)
    return (landmarks @ crop_to_frame[:, :2].T + crop_to_frame[:, 2]).astype(np.float32)


@pytest.mark.parametrize("name", TEMPLATES)
@settings(deadline=None)
@given(crop_to_frame=similarities())
def test_the_crop_a_face_was_made_in_is_found_again(name: str, crop_to_frame: Matrix) -> None:
    frame_to_crop = TEMPLATES[name].frame_to_crop(face_of(crop_to_frame, name), SIZE)
    corners = np.array([(0, 0), (SIZE - 1, 0), (0, SIZE - 1), (SIZE - 1, SIZE - 1)], np.float32)
    there = corners @ crop_to_frame[:, :2].T + crop_to_frame[:, 2]
    back = there @ frame_to_crop[:, :2].T + frame_to_crop[:, 2]
    assert np.abs(back - corners).max() < 0.05


@settings(deadline=None)
@given(matrix=similarities())
def test_points_come_back_through_the_inverse(matrix: Matrix) -> None:
    points = np.array([(0, 0), (255, 0), (100.25, 31.5), (0, 255)], np.float32)
    assert np.abs(apply(invert(matrix), apply(matrix, points)) - points).max() < 0.05
    assert scale_of(matrix) == pytest.approx(1 / scale_of(invert(matrix)))


@settings(deadline=None)
@given(
    crop_to_frame=similarities(),
    noise=st.lists(st.floats(-9, 9), min_size=66, max_size=66),
)
def test_the_fit_is_the_least_squares_one(crop_to_frame: Matrix, noise: list[float]) -> None:
    target = (np.asarray(TEMPLATES["whole-face"].points) * SIZE - 0.5).astype(np.float32)
    moved = target @ crop_to_frame[:, :2].T + crop_to_frame[:, 2]
    source = (moved + np.reshape(noise, (-1, 2)) * scale_of(crop_to_frame)).astype(np.float32)
    # The same problem as a plain linear system in (a, b, x, y), solved by a general routine.
    middle = source.mean(axis=0, dtype=np.float64)
    x, y = (source - middle).T
    one, zero = np.ones_like(x), np.zeros_like(x)
    system = np.concatenate([np.stack([x, -y, one, zero], 1), np.stack([y, x, zero, one], 1)])
    (a, b, dx, dy), *_ = np.linalg.lstsq(system, np.concatenate([target[:, 0], target[:, 1]]), rcond=None)
    expected = np.array([[a, -b, dx], [b, a, dy]])
    expected[:, 2] -= expected[:, :2] @ middle
    found = fit_similarity(source, target)
    assert np.abs(apply(found, source) - apply(expected, source)).max() < 0.01


def test_a_mirrored_face_is_not_reflected() -> None:
    source = np.array([(0, 0), (4, 0), (0, 3)], np.float32)
    found = fit_similarity(source, source * (-1, 1))
    assert np.linalg.det(found[:, :2]) > 0


def test_points_that_coincide_are_refused() -> None:
    with pytest.raises(ValueError, match="coincide"):
        fit_similarity(np.ones((3, 2), np.float32), np.eye(3, 2, dtype=np.float32))


def test_the_whole_face_is_where_it_was_agreed() -> None:
    """The tip of landmark 30, by the numbers of the design page."""
    template = TEMPLATES["whole-face"]
    u, v = template.points[template.groups.index((30,))]
    side = 2 * (0.4 * 2**0.5 + 0.5)
    assert u == pytest.approx((0.490127 - 0.5) / side + 0.5)
    assert v == pytest.approx((0.515625 - 0.43) / side + 0.5)
    assert template.groups == tuple((i,) for i in (*range(17, 49), 54))


#: FaceFusion's five points of the whole face, as published, in shares of the crop's side.
FACEFUSION = (
    (0.35342266, 0.39285716), (0.62797622, 0.39285716), (0.48660713, 0.54017860), (0.38839287, 0.68750011),
    (0.59821427, 0.68750011),
)  # fmt: skip


@pytest.mark.parametrize("size", [224, 256, 512])
@settings(deadline=None, max_examples=20)
@given(crop_to_frame=similarities(), seed=st.integers(0, 999))
def test_the_facefusion_template_is_the_fit_to_its_points_times_the_size(
    size: int, crop_to_frame: Matrix, seed: int
) -> None:
    """As that program fits it: points times size, no half pixel; here by OpenCV's estimator."""
    noise = np.random.default_rng(seed).normal(0, 2, (68, 2)) * scale_of(crop_to_frame)
    landmarks = (face_of(crop_to_frame, "facefusion") + noise).astype(np.float32)
    eyes = landmarks[36:42].mean(0), landmarks[42:48].mean(0)
    five = np.stack([*eyes, landmarks[30], landmarks[48], landmarks[54]])
    middle = five.mean(axis=0)  # the estimator computes in float32, so near the origin
    wanted, _ = cv2.estimateAffinePartial2D(
        five - middle, np.array(FACEFUSION) * size, method=cv2.RANSAC, ransacReprojThreshold=1000
    )
    found = TEMPLATES["facefusion"].frame_to_crop(landmarks, size)
    assert np.abs(apply(found, five) - apply(wanted, five - middle)).max() < 0.01


@pytest.mark.parametrize("size", [128, 224, 320])
@settings(deadline=None, max_examples=20)
@given(crop_to_frame=similarities(), seed=st.integers(0, 999))
def test_the_deepfacelive_template_leaves_out_the_lids(size: int, crop_to_frame: Matrix, seed: int) -> None:
    """As that program does: 25 landmarks, and the square of 2.2 units around (0.5, 0.42) is the crop from 0 to size."""
    marks = [*range(17, 37), 39, 42, 45, 48, 54]
    template = TEMPLATES["deepfacelive"]
    assert template.groups == tuple((mark,) for mark in marks)
    noise = np.random.default_rng(seed).normal(0, 2, (68, 2)) * scale_of(crop_to_frame)
    landmarks = (face_of(crop_to_frame, "whole-face") + noise).astype(np.float32)
    units = {mark: point for (mark,), point in zip(WHOLE.groups, whole_face_units(), strict=True)}
    to_units = fit_similarity(landmarks[marks], np.array([units[mark] for mark in marks]))
    back = invert(to_units)
    corners = np.array([(-0.6, -0.68), (1.6, -0.68), (1.6, 1.52)])  # 2.2 wide around (0.5, 0.42)
    in_frame = corners @ back[:, :2].T + back[:, 2]
    wanted = np.array([(0, 0), (size, 0), (size, size)])
    assert np.abs(apply(template.frame_to_crop(landmarks, size), in_frame.astype(np.float32)) - wanted).max() < 0.02


WHOLE = TEMPLATES["whole-face"]


def whole_face_units() -> Points:
    """The reference face in its own units, from the whole face's places."""
    side = 2 * (0.4 * 2**0.5 + 0.5)
    return ((np.asarray(WHOLE.points) - 0.5) * side + (0.5, 0.43)).astype(np.float32)


@pytest.mark.parametrize(
    ("name", "native", "first"),
    [("arcface-112", 112, (38.2946, 51.6963)), ("arcface-128", 128, (46.2946, 51.6963)),
     ("arcface-112-v1", 112, (39.73, 51.138))],
)  # fmt: skip
def test_five_points_grow_with_the_crop(name: str, native: int, first: tuple[float, float]) -> None:
    """As InsightFace and FaceFusion have it: twice the size, twice the pixel, no half of one added."""
    for times in (1, 2, 4):
        np.testing.assert_allclose(TEMPLATES[name].places(native * times)[0], np.array(first) * times, rtol=1e-5)
