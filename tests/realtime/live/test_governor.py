"""The governor lowers cost when frames take too long, and raises it with hesitation."""

from realtime.live.governor import CALM, MANY_DROPS, STARVED, WINDOW, Governor

BUDGET = 1 / 30
#: Two steps that may be taken back while frames take less than three quarters of their time, and the last one.
EASY = (0.75, 0.75, 0.4)


def feed(governor: Governor, busy: float, windows: int = 1, drops: int = 0) -> int:
    """Frames that take ``busy`` of their time, for whole windows; the level at the end."""
    level = governor.level
    for number in range(windows * WINDOW):
        level = governor.observe(busy * BUDGET, BUDGET, drops if number % WINDOW == 0 else 0)
    return level


def test_nothing_happens_while_there_is_room() -> None:
    assert feed(Governor(EASY), 0.3, 20) == 0
    assert feed(Governor(EASY), 0.7, 20) == 0


def test_one_slow_frame_is_no_reason() -> None:
    governor = Governor(EASY)
    governor.observe(10 * BUDGET, BUDGET, 0)
    assert feed(governor, 0.3) == 0


def test_cost_goes_down_in_steps_to_the_lowest() -> None:
    governor = Governor(EASY)
    assert [feed(governor, 1.3) for _ in range(5)] == [1, 2, 3, 3, 3]


def test_half_of_the_frames_are_left_out_only_where_many_are_lost_otherwise() -> None:
    governor = Governor(EASY)
    assert [feed(governor, 1.1, drops=WINDOW // 10) for _ in range(5)] == [1, 2, 2, 2, 2]
    many = round(MANY_DROPS * WINDOW) + 1
    assert [feed(governor, 1.1, drops=many), feed(governor, 0.3)] == [3, 3]
    once = Governor(EASY, level=2)
    assert [feed(once, 0.6, drops=drops) for drops in (0, many, 0, many, many)] == [2, 2, 2, 2, 3]


def test_drops_are_a_reason_where_they_go_on() -> None:
    governor = Governor(EASY)
    assert [feed(governor, 0.3, drops=drops) for drops in (3, 0, 3, 0, 3, 3)] == [0, 0, 0, 0, 0, 1]


def test_it_goes_up_again_with_frames_that_take_as_long_as_they_did_before() -> None:
    """Two frames in two seconds were lost for some time; before that, and after, two thirds of the time are taken."""
    governor = Governor(EASY)
    assert feed(governor, 0.66, 20) == 0
    assert [feed(governor, 0.7, drops=2) for _ in range(3)] == [0, 1, 2]
    assert [feed(governor, 0.66) for _ in range(2 * CALM)] == [2] * (CALM - 1) + [1] * CALM + [0]


def test_sinks_that_lose_frames_are_a_reason_but_not_to_halve_the_frames_unless_they_lose_more() -> None:
    lost = round(2 * STARVED * WINDOW)
    governor = Governor(EASY, lambda: lost)
    assert [feed(governor, 0.3) for _ in range(4)] == [1, 2, 2, 2]
    assert governor.reason == "a sink loses frames"
    lost = round(0.6 * WINDOW)
    assert feed(governor, 0.3) == 3
    lost = round(0.5 * STARVED * WINDOW)  # too many for a step up, too few for one down
    assert feed(governor, 0.3, 2 * CALM) == 3
    lost = 0
    assert feed(governor, 0.3, CALM) == 2


def test_it_goes_up_again_after_calm_windows_only() -> None:
    governor = Governor((0.5, 0.4))
    feed(governor, 1.3, 2)
    assert [feed(governor, 0.3) for _ in range(2 * CALM)] == [2] * (CALM - 1) + [1] * CALM + [0]
    assert feed(governor, 0.7, 10) == 0


def test_neither_busy_nor_easy_keeps_the_level() -> None:
    governor = Governor((0.5, 0.4))
    feed(governor, 1.1)
    assert feed(governor, 0.7, 20) == 1


def test_a_step_up_that_has_to_be_taken_back_makes_it_slower_to_try_again() -> None:
    governor = Governor((0.4,))

    def windows_until_up() -> int:
        count = 0
        while governor.level == 1:
            feed(governor, 0.3)
            count += 1
        return count

    waits = []
    for _ in range(8):
        feed(governor, 1.3)
        waits.append(windows_until_up())
    assert waits[:3] == [CALM, 2 * CALM, 4 * CALM]
    assert waits[-1] == waits[-2]  # it never gives up trying
