"""The governor lowers cost when frames take too long, and raises it with hesitation."""

from realtime.live.governor import CALM, STARVED, WINDOW, Governor

BUDGET = 1 / 30


def feed(governor: Governor, busy: float, windows: int = 1, drops: int = 0) -> int:
    """Frames that take ``busy`` of their time, for whole windows; the level at the end."""
    level = governor.level
    for number in range(windows * WINDOW):
        level = governor.observe(busy * BUDGET, BUDGET, drops if number % WINDOW == 0 else 0)
    return level


def test_nothing_happens_while_there_is_room() -> None:
    assert feed(Governor(3), 0.3, 20) == 0
    assert feed(Governor(3), 0.7, 20) == 0


def test_one_slow_frame_is_no_reason() -> None:
    governor = Governor(3)
    governor.observe(10 * BUDGET, BUDGET, 0)
    assert feed(governor, 0.3) == 0


def test_cost_goes_down_in_steps_to_the_lowest() -> None:
    governor = Governor(3)
    assert [feed(governor, 1.1) for _ in range(5)] == [1, 2, 3, 3, 3]


def test_drops_alone_are_a_reason() -> None:
    assert feed(Governor(3), 0.3, drops=WINDOW // 10) == 1


def test_sinks_that_lose_frames_are_a_reason_but_not_to_halve_the_frames_unless_they_lose_more() -> None:
    lost = round(2 * STARVED * WINDOW)
    governor = Governor(3, lambda: lost)
    assert [feed(governor, 0.3) for _ in range(4)] == [1, 2, 2, 2]
    assert governor.reason == "a sink loses frames"
    lost = round(0.6 * WINDOW)
    assert feed(governor, 0.3) == 3
    lost = round(0.5 * STARVED * WINDOW)  # too many for a step up, too few for one down
    assert feed(governor, 0.3, 2 * CALM) == 3
    lost = 0
    assert feed(governor, 0.3, CALM) == 2


def test_it_goes_up_again_after_calm_windows_only() -> None:
    governor = Governor(2)
    feed(governor, 1.1, 2)
    assert [feed(governor, 0.3) for _ in range(2 * CALM)] == [2] * (CALM - 1) + [1] * CALM + [0]
    assert feed(governor, 0.7, 10) == 0


def test_neither_busy_nor_easy_keeps_the_level() -> None:
    governor = Governor(2)
    feed(governor, 1.1)
    assert feed(governor, 0.7, 20) == 1


def test_a_step_up_that_has_to_be_taken_back_makes_it_slower_to_try_again() -> None:
    governor = Governor(1)

    def windows_until_up() -> int:
        count = 0
        while governor.level == 1:
            feed(governor, 0.3)
            count += 1
        return count

    waits = []
    for _ in range(8):
        feed(governor, 1.1)
        waits.append(windows_until_up())
    assert waits[:3] == [CALM, 2 * CALM, 4 * CALM]
    assert waits[-1] == waits[-2]  # it never gives up trying
