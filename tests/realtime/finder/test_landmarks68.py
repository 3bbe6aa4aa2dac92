"""The one list of which landmark is which."""

import numpy as np

from realtime.align import TEMPLATES, fit_similarity
from realtime.demo.portrait import LANDMARKS
from realtime.finder.landmarks68 import (
    BROWS,
    EYE_CORNERS,
    EYES,
    INNER_LIP_PAIRS,
    INNER_LIPS,
    LID_PAIRS,
    MIRRORED,
    OUTER_EYE_CORNERS,
    OUTER_LIPS,
    lower,
    upper,
)
from realtime.media.affine import apply

ALL = np.arange(68)
#: Groups of landmarks that a mirror maps onto themselves or onto each other.
GROUPS = (range(17), range(17, 27), range(27, 31), range(31, 36), range(36, 48), range(48, 60), range(60, 68))


def test_the_mirror_order_is_its_own_way_back() -> None:
    assert (MIRRORED[MIRRORED] == ALL).all()
    for group in GROUPS:
        assert sorted(MIRRORED[list(group)].tolist()) == list(group)
    assert (MIRRORED[:17] == ALL[:17][::-1]).all()


def test_the_mirror_order_maps_the_template_onto_its_mirror_image() -> None:
    template = TEMPLATES["whole-face"]
    points, marks = np.array(template.points), [group[0] for group in template.groups]
    row = {mark: i for i, mark in enumerate(marks)}
    exchanged = points[[row[int(MIRRORED[mark])] for mark in marks]]
    mirrored = (points * (-1, 1)).astype(np.float32)
    back = apply(fit_similarity(mirrored, exchanged.astype(np.float32)), mirrored)
    assert np.linalg.norm(back - exchanged, axis=1).max() < 0.01  # the reference face is a little uneven


def test_parts_and_pairs_are_mirror_images_of_each_other() -> None:
    for left, right in (EYES, BROWS):
        assert set(MIRRORED[left].tolist()) == set(ALL[right].tolist())
    for part in (OUTER_LIPS, INNER_LIPS):
        assert set(MIRRORED[part].tolist()) == set(ALL[part].tolist())
    assert [int(MIRRORED[i]) for i in reversed(EYE_CORNERS[0])] == list(EYE_CORNERS[1])
    assert int(MIRRORED[OUTER_EYE_CORNERS[0]]) == OUTER_EYE_CORNERS[1]
    lids, others = ({frozenset(pair) for pair in pairs} for pairs in LID_PAIRS)
    assert {frozenset(MIRRORED[list(pair)].tolist()) for pair in lids} == others
    lips = {frozenset(pair) for pair in INNER_LIP_PAIRS}
    assert {frozenset(MIRRORED[list(pair)].tolist()) for pair in lips} == lips


def test_pairs_stand_over_each_other_in_a_face() -> None:
    for pairs in (*LID_PAIRS, INNER_LIP_PAIRS):
        apart = LANDMARKS[lower(*pairs)] - LANDMARKS[upper(*pairs)]
        assert (apart[:, 1] > 0).all()
        assert (np.abs(apart[:, 0]) < 0.1 * np.ptp(LANDMARKS[:, 0])).all()
