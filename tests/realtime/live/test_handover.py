"""Threads and an event loop: real ones."""

import asyncio
import weakref
from collections.abc import Iterator
from threading import Event, Thread

import pytest

from realtime.live.handover import Handover


class Item:
    """Something that shows whether it is still kept."""

    def __init__(self, number: int) -> None:
        self.number = number


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    one = asyncio.new_event_loop()
    thread = Thread(target=one.run_forever)
    thread.start()
    yield one
    one.call_soon_threadsafe(one.stop)
    thread.join()
    one.close()


def read(loop: asyncio.AbstractEventLoop, handover: Handover[Item], count: int) -> list[int]:
    async def reading() -> list[int]:
        return [(await handover.get()).number for _ in range(count)]

    return asyncio.run_coroutine_threadsafe(reading(), loop).result(10)


def test_a_loop_that_is_late_finds_the_newest_and_nothing_else_was_kept(loop: asyncio.AbstractEventLoop) -> None:
    handover, late, over = Handover[Item](loop, 2), Event(), Event()

    def be_late() -> None:
        late.set()
        over.wait(10)

    loop.call_soon_threadsafe(be_late)
    late.wait(10)
    items = [Item(number) for number in range(100)]
    known = [weakref.ref(item) for item in items]
    lost = 0
    while items:
        lost += handover.put(items.pop(0))
    assert lost == 98
    assert [item.number for ref in known if (item := ref()) is not None] == [98, 99]
    over.set()
    assert read(loop, handover, 2) == [98, 99]


def test_whoever_waits_gets_each_item_in_order(loop: asyncio.AbstractEventLoop) -> None:
    handover, result = Handover[Item](loop, 1000), list[int]()
    reader = Thread(target=lambda: result.extend(read(loop, handover, 1000)))
    reader.start()
    for number in range(1000):
        assert not handover.put(Item(number))
    reader.join(10)
    assert result == list(range(1000))
