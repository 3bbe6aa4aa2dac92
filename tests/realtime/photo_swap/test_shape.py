"""The shape that is drawn: the photograph's person with the performer's pose; lips and lids as far apart as theirs."""

import numpy as np

from realtime.mesh.expression import NEUTRAL
from realtime.mesh.outline import AROUND
from realtime.mesh.pose import Pose, pose_of
from realtime.mesh.vertices import INNER_LIP_PAIRS, LID_PAIRS
from realtime.photo_swap.shape import Person, identity_of

POSE = Pose(12.0, np.array([[0.96, 0, 0.28], [0, 1, 0], [-0.28, 0, 0.96]]), np.array([200.0, 180, 0]))


def test_lips_and_lids_open_as_the_performers_and_the_rest_is_the_photographs() -> None:
    narrow = (NEUTRAL * (0.9, 1.05, 1)).astype(np.float32)
    speaking = NEUTRAL.copy()
    speaking[NEUTRAL[:, 1] > NEUTRAL[14, 1] - 0.01, 1] += 1.0  # the jaw drops, the lower lip with it
    target, pose = Person().target(POSE.apply(speaking), narrow, outline=1.0, share=1.0)
    drawn = pose.undo(target)
    seen = pose_of(POSE.apply(speaking), NEUTRAL).undo(POSE.apply(speaking))
    for pairs in (INNER_LIP_PAIRS, *LID_PAIRS):
        upper, lower = np.array(pairs).T
        np.testing.assert_allclose((drawn[lower] - drawn[upper]), seen[lower] - seen[upper], atol=0.02)
    widths = [float(np.ptp(shape[AROUND, 0])) for shape in (seen, drawn)]
    assert widths[1] < widths[0] * 0.94


def test_the_outline_goes_as_far_as_it_is_told() -> None:
    narrow = (NEUTRAL * (0.8, 1, 1)).astype(np.float32)
    mesh = POSE.apply(NEUTRAL)
    widths = [float(np.ptp(Person().target(mesh, narrow, outline, 1.0)[0][AROUND, 0])) for outline in (0.0, 0.5, 1.0)]
    assert widths[0] > widths[1] + 5 > widths[2] + 10
    still, _ = Person().target(mesh, narrow, 1.0, share=0.0)
    np.testing.assert_allclose(still, mesh, atol=0.05)


def test_a_person_is_the_same_from_every_side() -> None:
    turned = Pose(9.0, np.eye(3), np.array([50.0, 60, 0]))
    np.testing.assert_allclose(identity_of(POSE.apply(NEUTRAL)), identity_of(turned.apply(NEUTRAL)), atol=1e-3)
