"""Alignment: there and back again, and against a least-squares solution found another way."""

import math

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
    placed = np.asarray(template.points) * SIZE - 0.5
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
