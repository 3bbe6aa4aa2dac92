"""Queues of sinks, the broadcaster, events, rates and latencies: small parts with promises of their own."""

from fractions import Fraction
from threading import Thread

import av
import numpy as np
import pytest

from realtime.live.address import waits_for_senders
from realtime.live.broadcaster import Broadcaster
from realtime.live.sink import CLOCK, StreamFormat
from realtime.live.sink_queue import SOUNDS, SinkQueue
from realtime.live.source import LiveItem, Sound
from realtime.media.frame import Frame
from realtime.runtime.backoff import GOOD, Backoff
from realtime.runtime.events import WAITING, Events
from realtime.runtime.latency import RECENT, Latency
from realtime.runtime.rate import Meter, Thinner

SECOND = 1_000_000_000


def frame(captured_ns: int) -> Frame:
    return Frame(av.VideoFrame(16, 16, "yuv420p"), captured_ns)


def sound(captured_ns: int) -> Sound:
    return Sound(av.AudioFrame.from_ndarray(np.zeros((1, 64), np.float32), format="fltp", layout="mono"), captured_ns)


def times(items: list[LiveItem]) -> list[int | None]:
    return [item.captured_ns for item in items]


class TestSinkQueue:
    def test_of_the_frames_that_wait_the_oldest_goes(self) -> None:
        queue = SinkQueue()
        queue.open()
        for number in range(5):
            queue.put_frame(frame(number))
        queue.end()
        assert times(list(queue)) == [3, 4]
        assert queue.dropped == 3

    def test_a_sink_that_is_too_slow_gets_the_latest_frame_only(self) -> None:
        """Two frames come for each that it takes: what waits makes it later, and no more of them are written."""
        queue, taken, late = SinkQueue(), list[int](), list[int]()
        queue.open()
        reader = iter(queue)
        for number in range(0, 60, 2):
            queue.put_frame(frame(number))
            queue.put_frame(frame(number + 1))
            taken.append(next(reader).captured_ns or 0)
            late.append(number + 1 - taken[-1])
        assert taken == sorted(set(taken))
        assert late[:5] == [1] * 5
        assert late[10:] == [0] * 20

    def test_sound_stays_in_order_and_is_never_lost_for_a_frame(self) -> None:
        queue = SinkQueue()
        queue.open()
        for number in range(9):
            put = queue.put_frame(frame(number)) if number % 3 == 0 else queue.put_sound(sound(number))
            assert put is None
        queue.end()
        assert times(list(queue)) == [1, 2, 3, 4, 5, 6, 7, 8]  # two frames, and all sound

    def test_sound_is_bounded(self) -> None:
        queue = SinkQueue()
        queue.open()
        for number in range(SOUNDS + 10):
            queue.put_sound(sound(number))
        assert queue.dropped_sound == 10
        queue.end()
        assert times(list(queue)) == list(range(10, SOUNDS + 10))

    def test_a_shut_one_takes_nothing_and_counts(self) -> None:
        queue = SinkQueue()
        queue.put_frame(frame(1))
        queue.open()
        queue.put_frame(frame(2))
        queue.shut()
        queue.put_frame(frame(3))
        queue.open()  # another connection begins with what comes now
        queue.put_frame(frame(4))
        queue.end()
        queue.open()
        queue.put_frame(frame(5))
        assert queue.missed == 3
        assert times(list(queue)) == []

    def test_the_end_wakes_the_reader(self) -> None:
        queue = SinkQueue()
        queue.open()
        seen: list[LiveItem] = []
        reader = Thread(target=lambda: seen.extend(queue), daemon=True)
        reader.start()
        queue.put_frame(frame(1))
        queue.end()
        reader.join(5)
        assert not reader.is_alive()


class TestBroadcaster:
    SHAPE = StreamFormat(16, 16, "yuv420p", Fraction(30), began_ns=SECOND)

    def test_times_are_the_engines_and_frames_never_go_back(self) -> None:
        broadcaster, queue = Broadcaster(), SinkQueue()
        broadcaster.join(queue)
        queue.open()
        assert not broadcaster.send(frame(2 * SECOND))  # nobody knows the format yet
        broadcaster.settle(self.SHAPE)
        sent = frame(2 * SECOND)
        assert broadcaster.send(sent)
        assert not broadcaster.send(frame(2 * SECOND))
        assert not broadcaster.send(frame(SECOND))
        assert (sent.pts, sent.time_base) == (90_000, CLOCK)
        assert (broadcaster.sent, broadcaster.late) == (1, 2)

    def test_the_first_format_stays(self) -> None:
        broadcaster = Broadcaster()
        other = StreamFormat(32, 32, "nv12", Fraction(30), 0)
        assert broadcaster.settle(self.SHAPE) is self.SHAPE
        assert broadcaster.settle(other) is self.SHAPE

    def test_the_end_reaches_who_waits_for_the_format(self) -> None:
        for end in (lambda broadcaster, queue: broadcaster.end(), lambda broadcaster, queue: broadcaster.leave(queue)):
            broadcaster, queue, heard = Broadcaster(), SinkQueue(), list[StreamFormat | None]()
            broadcaster.join(queue)
            waiter = Thread(target=lambda o=broadcaster, i=queue, h=heard: h.append(o.settled(i)), daemon=True)
            waiter.start()
            end(broadcaster, queue)
            waiter.join(5)
            assert heard == [None]


class TestEvents:
    def test_every_listener_hears_what_happens_from_then_on(self) -> None:
        events = Events()
        events.tell("engine", "before")
        with events.subscribe() as one, events.subscribe() as two:
            events.tell("sink", "gone", problem=True)
            for listener in (one, two):
                heard = listener.get(0)
                assert heard is not None
                assert (heard.topic, heard.text, heard.problem) == ("sink", "gone", True)
                assert listener.get(0) is None

    def test_who_does_not_listen_costs_nothing(self) -> None:
        events = Events()
        lazy = events.subscribe()
        for number in range(WAITING + 5):
            events.tell("engine", str(number))
        first = lazy.get(0)
        assert first is not None
        assert first.text == "5"

    def test_the_end_is_an_end(self) -> None:
        events = Events()
        listener = events.subscribe()
        events.tell("engine", "last")
        events.close()
        assert [event.text for event in listener] == ["last"]
        assert list(events.subscribe()) == []


class TestThinner:
    @pytest.mark.parametrize(
        ("captured", "asked", "kept"), [(30, 30, 300), (60, 30, 300), (30, 15, 150), (25, 30, 250)]
    )
    def test_as_many_as_asked_for(self, captured: int, asked: int, kept: int) -> None:
        thinner = Thinner()
        random = np.random.default_rng(2)
        trembling = [
            number * SECOND // captured + int(random.integers(-(10**6), 10**6)) for number in range(10 * captured)
        ]
        wanted = [time for time in trembling if thinner.wants(10 * SECOND + time, asked)]
        assert abs(len(wanted) - kept) <= 1
        assert max(np.diff(wanted)) < 1.2 * SECOND / min(captured, asked)

    def test_a_gap_is_not_made_up_for(self) -> None:
        thinner = Thinner()
        assert thinner.wants(SECOND, 10)
        kept = [thinner.wants(60 * SECOND + number * SECOND // 100, 10) for number in range(100)]
        assert 9 <= sum(kept) <= 11

    @pytest.mark.parametrize(("captured", "asked"), [(30, 30), (60, 30), (30, 12)])
    @pytest.mark.parametrize("away", [0, 1, 2, 5])
    def test_what_was_due_and_did_not_come_is_counted(self, captured: int, asked: int, away: int) -> None:
        thinner = Thinner()
        random = np.random.default_rng(2)
        trembling = [
            number * SECOND // captured + int(random.integers(-(10**6), 10**6)) for number in range(10 * captured)
        ]
        del trembling[100 : 100 + away]
        missed = [thinner.missed for time in trembling if thinner.wants(10 * SECOND + time, asked)]
        assert abs(sum(missed) - away * asked / captured) <= (away > 0)


class TestBackoff:
    def test_they_grow_to_half_a_minute_and_begin_anew_after_a_good_connection(self) -> None:
        backoff = Backoff()
        assert [backoff.after(0) for _ in range(7)] == [1, 2, 4, 8, 16, 30, 30]
        assert [backoff.after(held) for held in (GOOD, 0, 0)] == [1, 2, 4]

    def test_a_try_that_costs_nobody_anything_is_made_every_second(self) -> None:
        backoff = Backoff(grows=False)
        assert [backoff.after(0.0) for _ in range(5)] == [1.0] * 5

    @pytest.mark.parametrize(
        ("address", "waits"),
        [("udp://@:5000", True), ("rtmp://0.0.0.0/live/x?listen=1", True), ("srt://:9000?mode=listener", True),
         ("rtmp://server/live/x", False), ("srt://server:9000", False), ("talk.mp4", False), ("0", False)],
    )  # fmt: skip
    def test_sources_that_only_wait(self, address: str, waits: bool) -> None:
        assert waits_for_senders(address) == waits


class TestNumbers:
    def test_the_rate_is_that_of_the_last_seconds_and_falls_when_nothing_comes(self) -> None:
        meter = Meter()
        assert meter.rate(SECOND) == 0
        for number in range(300):
            meter.tick(number * SECOND // 30)
        assert meter.rate(10 * SECOND) == pytest.approx(30, rel=0.02)
        assert meter.rate(12 * SECOND) < 20
        assert meter.rate(20 * SECOND) == 0

    def test_two_frames_at_one_moment_are_no_rate(self) -> None:
        meter = Meter()
        meter.tick(SECOND)
        meter.tick(SECOND)
        assert meter.rate(SECOND) == 0

    def test_percentiles_overall_and_lately(self) -> None:
        latency = Latency()
        for _ in range(RECENT):
            latency.record(100_000_000)
        for milliseconds in range(1, RECENT + 1):
            latency.record(milliseconds * 1_000_000)
        assert latency.recent().p50 == pytest.approx(RECENT / 2, rel=0.02)
        assert latency.recent().p99 == pytest.approx(0.99 * RECENT, rel=0.02)
        assert latency.recent().frames == RECENT
        assert latency.overall().frames == 2 * RECENT
        assert latency.overall().p50 == pytest.approx(100, rel=0.02)
