"""What must be hidden: a face that was there is hidden until it is found again, wherever it may be by then."""

import numpy as np

from realtime.finder.face import Face
from realtime.live.guard import ANYWHERE_AFTER, DOUBT, FORGOTTEN_AFTER, NEAR, SPEED, Guard

SECOND = 1_000_000_000


def face(x: float, y: float, track: int = 0, size: float = 100) -> Face:
    """A face whose landmarks fill a square of ``size`` with its middle at (x, y)."""
    grid = np.linspace(-0.5, 0.5, 68) * size
    return Face(np.stack([x + grid, y + grid], axis=1).astype(np.float32), 1.0, track)


def test_everything_is_hidden_before_the_first_face() -> None:
    guard = Guard()
    assert guard.check(SECOND, (), ()).everything
    assert guard.check(100 * SECOND, (), ()).everything


def test_a_swapped_face_hides_nothing() -> None:
    guard, one = Guard(), face(300, 200)
    assert not guard.check(SECOND, (one,), (one,))


def test_a_face_that_could_not_be_swapped_is_hidden_with_its_hair_and_ears() -> None:
    guard, one = Guard(), face(300, 200)
    hidden = guard.check(SECOND, (one,), ())
    assert not hidden.everything
    ((x0, y0, x1, y1), width) = hidden.regions[0]
    assert width == 100
    assert x0 < one.box[0] - 20
    assert y0 < one.box[1] - 20
    assert x1 > one.box[2] + 20
    assert y1 > one.box[3] + 20


def test_the_region_of_a_lost_face_grows_until_it_is_everything() -> None:
    guard, one = Guard(), face(300, 200)
    guard.check(0, (one,), (one,))
    edges = []
    for part in (0.1, 0.4, 0.9):
        ((x0, *_), _), *others = guard.check(int(part * ANYWHERE_AFTER * SECOND), (), ()).regions
        assert not others
        edges.append(one.box[0] - x0)
        assert edges[-1] >= part * ANYWHERE_AFTER * SPEED * 100
    assert edges == sorted(edges)
    assert guard.check(int(ANYWHERE_AFTER * SECOND), (), ()).everything
    assert guard.check(3600 * SECOND, (), ()).everything  # it is never given up while nobody is seen


def test_a_face_that_is_found_again_releases_the_picture() -> None:
    guard, one = Guard(), face(300, 200)
    guard.check(0, (one,), (one,))
    assert guard.check(SECOND // 30, (), ())
    moved = face(310, 205)
    assert not guard.check(2 * SECOND // 30, (moved,), (moved,))


def test_it_may_come_back_with_another_number_and_from_anywhere() -> None:
    guard, one, other = Guard(), face(300, 200, 0), face(900, 600, 7)
    guard.check(0, (one,), (one,))
    assert guard.check(5 * SECOND, (), ()).everything
    assert not guard.check(6 * SECOND, (other,), (other,))


def test_a_newcomer_far_away_does_not_stand_for_the_lost_one() -> None:
    guard, one, other = Guard(), face(300, 200, 0), face(900, 600, 1)
    guard.check(0, (one,), (one,))
    hidden = guard.check(SECOND // 10, (other,), (other,))
    ((x0, y0, x1, y1), _) = hidden.regions[0]
    assert x0 < 250 < 350 < x1
    assert y0 < 150 < 250 < y1


def test_one_newcomer_stands_for_one_lost_face_only() -> None:
    guard, pair = Guard(), (face(300, 200, 0), face(340, 200, 1))
    guard.check(0, pair, pair)
    back = face(320, 200, 2)
    assert len(guard.check(SECOND // 10, (back,), (back,)).regions) == 1


def test_while_others_are_seen_a_lost_face_stays_near_and_is_given_up_in_time() -> None:
    guard, one, other = Guard(), face(300, 200, 0), face(900, 600, 1)
    guard.check(0, (one, other), (one, other))
    late = int(0.9 * FORGOTTEN_AFTER * SECOND)
    ((x0, *_), _) = guard.check(late, (other,), (other,)).regions[0]
    assert one.box[0] - x0 < (NEAR + 1) * 100
    assert not guard.check(int(FORGOTTEN_AFTER * SECOND), (other,), (other,))


def test_a_face_is_not_given_up_for_others_that_are_not_swapped_either() -> None:
    guard, one, other = Guard(), face(300, 200, 0), face(900, 600, 1)
    guard.check(0, (one, other), (one, other))
    assert len(guard.check(int(2 * FORGOTTEN_AFTER * SECOND), (other,), ()).regions) == 2


def test_another_picture_is_hidden_again() -> None:
    guard, one = Guard(), face(300, 200)
    guard.check(0, (one,), (one,))
    guard.reset()
    assert guard.check(SECOND, (), ()).everything


def test_a_head_without_a_certain_face_is_hidden_a_little_longer_than_it_is_seen() -> None:
    guard, one = Guard(), face(300, 200)
    head = (800.0, 500.0, 900.0, 620.0)
    seen = [
        guard.check(number * SECOND // 10, (one,), (one,), (head,) if 2 <= number <= 4 else ()) for number in range(12)
    ]
    hidden = [bool(each) for each in seen]
    assert hidden == [2 <= number < 4 + 10 * DOUBT for number in range(12)]
    ((x0, y0, x1, y1), width), *others = seen[3].regions
    assert not others
    assert width == 100
    assert x0 < 800
    assert y0 < 500
    assert x1 > 900
    assert y1 > 620


def test_a_doubtful_head_that_turns_out_to_be_a_face_is_one() -> None:
    guard, one, other = Guard(), face(300, 200), face(850, 560, 1)
    guard.check(0, (one,), (one,), (other.box,))
    assert not guard.check(SECOND // 30, (one, other), (one, other))
