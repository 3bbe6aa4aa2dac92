"""Channels: order, bounds, both policies, and a way out of every wait."""

from threading import Thread

import pytest

from realtime.runtime.channel import Channel, ChannelClosedError
from realtime.runtime.slack import PATIENCE

LONG = 5.0  # seconds that no test takes; a wait of this length is a deadlock


def started(task: object, *arguments: object) -> Thread:
    thread = Thread(target=task, args=arguments, daemon=True)  # type: ignore[arg-type]
    thread.start()
    return thread


def ended(thread: Thread) -> bool:
    thread.join(LONG)
    return not thread.is_alive()


def test_items_come_out_in_order_and_the_end_is_quiet() -> None:
    channel: Channel[int] = Channel(3)
    seen: list[int] = []
    reader = started(lambda: seen.extend(channel))
    for number in range(200):
        channel.put(number)
    channel.close()
    assert ended(reader)
    assert seen == list(range(200))
    assert channel.dropped == 0


def test_a_full_channel_makes_the_writer_wait() -> None:
    channel: Channel[int] = Channel(2)
    channel.put(0)
    channel.put(1)
    writer = started(channel.put, 2)
    writer.join(0.05)
    assert writer.is_alive()
    assert len(channel) == 2
    assert channel.get() == 0
    assert ended(writer)
    assert [channel.get(), channel.get()] == [1, 2]


def test_costs_bound_what_is_held() -> None:
    channel: Channel[str] = Channel(8)
    channel.put("picture", 8)
    writer = started(channel.put, "sound", 1)
    writer.join(0.05)
    assert writer.is_alive()
    assert channel.get() == "picture"
    assert ended(writer)
    for _ in range(6):
        channel.put("sound")
    channel.put("picture", 8)  # let in while there is any room at all
    assert len(channel) == 8


def test_latest_replaces_and_counts() -> None:
    channel: Channel[int] = Channel(1, "latest")
    for number in range(5):
        channel.put(number)
    assert channel.get() == 4
    assert channel.dropped == 4


def test_latest_keeps_some_for_a_reader_that_is_late_and_one_for_one_that_is_too_slow() -> None:
    channel: Channel[int] = Channel(2, "latest")
    for number in range(5):
        channel.put(number)
    assert [channel.get(), channel.get()] == [3, 4]
    assert channel.dropped == 3
    channel.put(5)
    for number in range(6, 6 + PATIENCE):
        channel.put(number)
    assert list(iter(channel.get, 5 + PATIENCE)) == []  # nothing else waited
    assert channel.dropped == 3 + PATIENCE


def test_close_lets_what_is_inside_be_read() -> None:
    channel: Channel[int] = Channel(2)
    channel.put(1)
    channel.close()
    with pytest.raises(ChannelClosedError):
        channel.put(2)
    assert list(channel) == [1]
    with pytest.raises(ChannelClosedError):
        channel.get()


def test_cut_drops_what_is_inside_and_is_not_a_quiet_end() -> None:
    channel: Channel[int] = Channel(2)
    channel.put(1)
    channel.cut()
    with pytest.raises(ChannelClosedError):
        next(iter(channel))


@pytest.mark.parametrize("end", ["close", "cut"])
@pytest.mark.parametrize("side", ["put", "get"])
def test_both_ends_wake_up(end: str, side: str) -> None:
    channel: Channel[int] = Channel(1)
    if side == "put":
        channel.put(0)
    woken: list[bool] = []

    def wait() -> None:
        try:
            channel.put(1) if side == "put" else channel.get()
        except ChannelClosedError:
            woken.append(True)

    thread = started(wait)
    thread.join(0.02)
    assert thread.is_alive()
    getattr(channel, end)()
    assert ended(thread)
    assert woken == [True]


def test_a_channel_holds_something() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Channel(0)
