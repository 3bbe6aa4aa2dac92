"""The canonical face: whole, symmetric, and with its parts under the right names."""

from itertools import chain

import numpy as np

from realtime.mesh.canonical import POINTS, TRIANGLES, UV, VERTICES
from realtime.mesh.vertices import (
    BROWS,
    EYES,
    FOLDS,
    INNER_LIP_PAIRS,
    INNER_LIPS,
    LID_PAIRS,
    LOWER_LIDS,
    MIRRORED,
    OUTER_EYE_CORNERS,
    OUTER_LIPS,
    OVAL,
    UPPER_LIDS,
    rigid,
)


def test_the_face_is_whole_and_nobody_can_change_it() -> None:
    assert (POINTS.shape, POINTS.dtype) == ((VERTICES, 3), np.float32)
    assert (TRIANGLES.shape, TRIANGLES.dtype) == ((898, 3), np.int32)
    assert (UV.shape, UV.dtype) == ((VERTICES, 2), np.float32)
    assert sorted(set(TRIANGLES.ravel().tolist())) == list(range(VERTICES))
    assert UV.min() >= 0 and UV.max() <= 1
    assert not any(array.flags.writeable for array in (POINTS, TRIANGLES, UV))


def test_the_axes_are_a_pictures() -> None:
    brow, chin, nose, oval = POINTS[10], POINTS[152], POINTS[1], POINTS[list(OVAL)]
    assert brow[1] < nose[1] < chin[1] and UV[10, 1] < UV[1, 1] < UV[152, 1]
    assert POINTS[33, 0] < POINTS[263, 0] and UV[33, 0] < UV[263, 0]
    assert nose[2] < oval[:, 2].min()  # nearer than all of the outline


def test_triangles_are_a_sheet_with_the_outline_as_its_only_border() -> None:
    sides = np.concatenate([TRIANGLES[:, [0, 1]], TRIANGLES[:, [1, 2]], TRIANGLES[:, [2, 0]]])
    assert len(np.unique(sides, axis=0)) == len(sides)  # each side once in each direction: all run the same way round
    _, first, uses = np.unique(np.sort(sides, axis=1), axis=0, return_index=True, return_counts=True)
    border = {frozenset(side) for side in sides[first[uses == 1]].tolist()}
    assert border == {frozenset(side) for side in zip(OVAL, (*OVAL[1:], OVAL[0]), strict=True)}
    a, b, c = (UV[TRIANGLES[:, i]].astype(np.float64) for i in range(3))
    turn = (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]
    assert (turn < 0).all()  # anticlockwise in a picture, and none folded over in the texture


def test_the_mirror_exchanges_the_sides() -> None:
    assert (MIRRORED[MIRRORED] == np.arange(VERTICES)).all()
    np.testing.assert_allclose(POINTS[MIRRORED] * (-1, 1, 1), POINTS, atol=0.01)
    left, right = EYES
    assert MIRRORED[list(left)].tolist() == list(right)
    assert tuple(MIRRORED[list(OUTER_EYE_CORNERS)].tolist()) == OUTER_EYE_CORNERS[::-1]
    assert [MIRRORED[list(edge)].tolist() for edge in BROWS[0]] == [list(edge) for edge in BROWS[1]]
    assert MIRRORED[list(FOLDS[0])].tolist() == list(FOLDS[1])
    for ring in (OVAL, INNER_LIPS, OUTER_LIPS):
        assert set(MIRRORED[list(ring)].tolist()) == set(ring)


def test_lids_and_lips_lie_over_each_other() -> None:
    for above, below in chain(*LID_PAIRS, INNER_LIP_PAIRS):
        apart = POINTS[below] - POINTS[above]
        assert apart[1] > 0 and abs(apart[0]) < 0.3
    for above, below, ring in zip(UPPER_LIDS, LOWER_LIDS, EYES, strict=True):
        assert set(above) | set(below) | {ring[0], ring[8]} == set(ring)
    assert not set(rigid().tolist()) & set(chain(*EYES, OVAL, OUTER_LIPS))
