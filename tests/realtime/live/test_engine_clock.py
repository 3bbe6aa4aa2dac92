"""The engine by a clock that the test moves: stalls, slates, pauses, the governor; nothing is waited for."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Semaphore
from time import monotonic, sleep

import pytest

from realtime.finder.face import Face
from realtime.live import governor
from realtime.live.engine import Engine
from realtime.live.settings import Change, LiveSettings, SourceSettings
from realtime.live.sink import LiveSink, StreamFormat
from realtime.live.source import LiveSource
from realtime.live.status import Status
from realtime.live.testing.fake_clock import FakeClock, HandSource
from realtime.live.testing.probes import FlakySink, InspectingSink
from realtime.live.watch import SLATES_NS
from realtime.live.workers import SILENT, STALLED
from realtime.media.frame import Frame
from realtime.runtime.backoff import GOOD, LONGEST
from realtime.runtime.errors import InputError, OutputError

LONG = 20.0  # seconds of real time that nothing here takes
FRAME = 1 / 30


class Nobody:
    """A finder that finds nobody; ``look`` is what happens meanwhile."""

    def __init__(self, look: Callable[[], None]) -> None:
        self._look = look

    def find(self, frame: Frame) -> tuple[Face, ...]:
        self._look()
        return ()

    def reset(self) -> None:
        """It remembers nobody."""


class Stage:
    """An engine, its clock, and the sources that it opened so far, the last of which a test gives frames to.

    Looking for a face takes ``busy`` seconds of the clock, and then ``meanwhile`` more frames have come.
    """

    def __init__(
        self, sinks: dict[str, Callable[[], LiveSink]], patient: bool, busy: float, meanwhile: int, fps: float | None
    ) -> None:
        self.clock = FakeClock()
        self._busy, self._meanwhile = busy, 0  # while the engine rehearses
        self.sources: list[HandSource] = []
        self.engine = Engine(
            LiveSettings(camera="test:", sinks=tuple(sinks), device="cpu", patient=patient, fps=fps),
            self._open,
            lambda address, settings: sinks[address](),
            Nobody(self._look),
            clock=self.clock,
        )
        self._meanwhile = meanwhile

    def _open(self, address: str, settings: SourceSettings) -> LiveSource:
        self.sources.append(HandSource(self.clock))
        return self.sources[-1]

    def _look(self) -> None:
        self.clock.move(self._busy)
        for _ in range(self._meanwhile):
            before = self.engine.status().frames_in
            self.clock.move(FRAME)
            self.sources[-1].give()
            self.until(lambda status, before=before: status.frames_in > before)

    def play(self, frames: int) -> None:
        """So many frames, each when the one before has gone its way."""
        for _ in range(frames):
            before, began_ns = self.engine.status(), self.clock.now_ns()
            self.sources[-1].give()
            self.until(lambda status, before=before: status.frames_in > before.frames_in)
            self.until(lambda status, before=before: done(status) > done(before))
            self.clock.move(max(FRAME - (self.clock.now_ns() - began_ns) / 1e9, 0))

    def play_until(self, true: Callable[[Status], bool]) -> None:
        """Frames, one after the other, until something is true of the status."""
        end = monotonic() + LONG
        while not true(self.engine.status()):
            assert monotonic() < end, f"never came true; last: {self.engine.status()}"
            self.play(1)

    def until(self, true: Callable[[Status], bool], moving: float = 0.0) -> Status:
        """Wait until something is true of the status; the clock moves by so many seconds at each look."""
        end = monotonic() + LONG
        while not true(status := self.engine.status()):
            assert monotonic() < end, f"never came true; last: {status}"
            self.clock.move(moving)
            assert not self.engine.wait(0.001), "the run has ended"
        return status


def done(status: Status) -> int:
    return status.frames_out + status.drops.captured + status.drops.late + status.drops.thinned


@contextmanager
def stage(
    patient: bool = False,
    busy: float = 0.0,
    meanwhile: int = 0,
    fps: float | None = None,
    **sinks: Callable[[], LiveSink],
) -> Iterator[Stage]:
    running = Stage(sinks or {"0": InspectingSink}, patient, busy, meanwhile, fps)
    running.engine.start()
    try:
        yield running
    finally:
        running.engine.stop()


def test_a_silent_source_is_replaced_by_a_slate_and_opened_again() -> None:
    sink = InspectingSink()
    with stage(sink=lambda: sink) as on, on.engine.events() as events:
        on.play(3)
        on.clock.move(STALLED / 2)
        sleep(0.02)
        assert (on.engine.status().state, on.engine.status().slates) == ("live", 0)
        on.clock.move(STALLED / 2)
        status = on.until(lambda status: status.slates == 1 and status.source.state == "lost")
        assert status.state == "slate"
        assert "no frame for 2 s" in (status.source.problem or "")
        for number in range(2, 5):  # ten a second, and no more
            on.clock.move(SLATES_NS / 1e9)
            on.until(lambda status, number=number: status.slates == number)
        on.until(lambda status: status.source.retries == 1, moving=0.1)
        assert len(on.sources) == 2
        on.play(3)
        status = on.engine.status()
        assert (status.state, status.source.state, status.source.problem) == ("live", "live", None)
        on.sources[-1].fail(InputError("the camera was unplugged; plug it in"))
        on.until(lambda status: status.source.state == "lost")
        on.until(lambda status: status.source.retries == 2, moving=0.1)
        on.play(1)
    said = [event.text for event in events]
    assert [text for text in said if "slate" in text] == ["no frames: a slate is sent"] * 2
    assert any("unplugged; plug it in; trying again in 2 s" in text for text in said)
    assert sink.out_of_order == 0
    assert sink.frames == on.engine.status().sinks[0].frames


def test_a_source_that_says_nothing_from_the_start_gets_longer() -> None:
    with stage(patient=True) as on:
        on.until(lambda status: status.slates > 0, moving=0.25)
        on.until(lambda status: status.source.state == "lost", moving=0.25)
        assert on.engine.status().seconds >= SILENT
        assert f"no frame for {SILENT:.0f} s" in (on.engine.status().source.problem or "")


def test_pauses_grow_to_half_a_minute_and_begin_anew_after_a_good_connection() -> None:
    with stage(patient=True) as on, on.engine.events() as events:
        for number in range(8):
            on.sources[-1].fail(InputError("gone"))
            on.until(lambda status: status.source.state == "lost")
            on.until(lambda status, number=number: status.source.retries == number + 1, moving=0.5)
        on.play(1)
        on.clock.move(GOOD / 3)  # in pieces shorter than what counts as a stall
        for _ in range(3):
            on.play(1)
            on.clock.move(GOOD / 3)
        on.sources[-1].fail(InputError("gone"))
        on.until(lambda status: status.source.state == "lost")
    pauses = [float(event.text.split()[-2]) for event in events if "trying again" in event.text]
    assert pauses == [1, 2, 4, 8, 16, LONGEST, LONGEST, LONGEST, 1]


def test_a_sink_that_dies_comes_back_and_holds_up_nobody() -> None:
    healthy, made = InspectingSink(), list[FlakySink]()

    def open_sink() -> LiveSink:
        made.append(FlakySink(5 if len(made) < 3 else None))
        return made[-1]

    with stage(flaky=open_sink, healthy=lambda: healthy) as on:
        for number in range(1, 4):
            on.play_until(lambda status, number=number: status.sinks[0].errors == number)
            on.play(2)  # nobody waits for it
            on.play_until(lambda status, number=number: status.sinks[0].retries == number)
        on.play_until(lambda status: made[-1].frames > 0)
        flaky, other = on.engine.status().sinks
    assert (flaky.errors, flaky.retries) == (3, 3)
    assert flaky.missed >= 6
    assert (other.errors, other.retries) == (0, 0)
    assert healthy.out_of_order == 0


def test_a_sink_that_is_not_there_is_waited_for_by_the_patient() -> None:
    class Refusing(InspectingSink):
        def open(self, shape: StreamFormat) -> None:
            raise OutputError("nobody listens there; start the receiver first")

    with stage(patient=True, sink=Refusing) as on:
        on.play(1)
        on.until(lambda status: status.sinks[0].retries >= 3, moving=0.2)


def test_the_governor_lowers_the_cost_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking takes 45 ms of the clock, a frame has 33; every second frame has 67."""
    monkeypatch.setattr(governor, "WINDOW", 5)
    with stage(busy=0.045) as on, on.engine.events() as events:
        on.play(1 + 4)  # the first one does not count
        assert on.engine.status().governor.level == 0
        on.play(1)
        status = on.until(lambda status: status.governor.level == 1)
        assert status.governor.steps == ["every second frame only"]
        on.play(12)
        status = on.engine.status()
        assert status.governor.level == 1  # with half of the frames there is room
        assert status.drops.thinned > 0
    assert [event.text for event in events if event.topic == "governor"] == [
        "frames take too long: now every second frame only"
    ]


@pytest.mark.parametrize(("waits", "level"), [(False, 1), (True, 0)])
def test_the_governor_hears_of_a_sink_that_gets_too_little_time_and_not_of_a_slow_network(
    monkeypatch: pytest.MonkeyPatch, waits: bool, level: int
) -> None:
    """While it writes one frame three more come, of which two are lost."""
    monkeypatch.setattr(governor, "WINDOW", 6)
    written = Semaphore(0)

    class Slow(InspectingSink):
        waited_ns = 0

        def write(self, frame: Frame) -> None:
            began_ns = on.clock.now_ns()
            super().write(frame)
            written.acquire()
            if waits:
                self.waited_ns += on.clock.now_ns() - began_ns

    sink = Slow()
    with stage(slow=lambda: sink) as on, on.engine.events() as events:
        on.play(1)
        for number in range(1, 7):
            on.until(lambda _, number=number: sink.frames == number)
            on.play(3)
            written.release()
        status = on.engine.status()
        written.release(100)
    assert status.sinks[0].dropped >= 10
    assert status.governor.level == level
    assert [event.text for event in events if event.topic == "governor"] == [
        "a sink loses frames: now every second frame only"
    ] * level


def test_what_a_sink_has_no_time_to_encode_in_its_own_thread_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(governor, "WINDOW", 6)

    class Overflowing(InspectingSink):
        overflowed = 0

        def write(self, frame: Frame) -> None:
            self.overflowed += self.frames % 3 > 0
            super().write(frame)

    sink = Overflowing()
    with stage(sink=lambda: sink) as on:
        for number in range(1, 8):  # the first one does not count
            on.play(1)
            on.until(lambda status, number=number: status.sinks[0].frames == number)
        status = on.until(lambda status: status.governor.level == 1)
    assert status.sinks[0].dropped == sink.overflowed == 4


@pytest.mark.parametrize(("fps", "meanwhile", "level"), [(15, 2, 0), (10, 3, 0), (30, 2, 1)])
def test_only_frames_that_were_due_are_lost(
    monkeypatch: pytest.MonkeyPatch, fps: float, meanwhile: int, level: int
) -> None:
    """While it looks some frames of the camera come, of which only the last is taken."""
    monkeypatch.setattr(governor, "WINDOW", 5)
    monkeypatch.setattr(governor, "BUSY", 10)
    with stage(meanwhile=meanwhile, fps=fps) as on:
        on.sources[-1].give()
        status = on.until(lambda status: status.frames_out >= 20)
        assert status.drops.captured >= 19
        assert status.governor.level == level


def test_latency_is_from_capture_to_sent() -> None:
    with stage(busy=0.025) as on:
        on.play(20)
    assert on.engine.status().overall_ms.p50 == pytest.approx(25, rel=0.03)


def test_a_camera_that_is_chosen_while_the_old_one_is_silent() -> None:
    with stage() as on:
        on.play(2)
        on.until(lambda status: status.slates > 0, moving=0.25)
        before = len(on.sources)
        on.engine.change(Change(camera="test:"))
        assert len(on.sources) > before
        on.play(2)
        assert on.engine.status().state == "live"
