"""Sound keeps to the monotonic clock: over an hour, on drifting clocks, over gaps."""

import numpy as np
import pytest
from av.audio.frame import AudioFrame
from numpy.typing import NDArray

from realtime.live.sound import RATE, SampleClock, SoundLine
from realtime.live.source import Sound

SECOND = 1_000_000_000


def block(samples: NDArray[np.float32], rate: int, captured_ns: int) -> Sound:
    frame = AudioFrame.from_ndarray(samples[None], "fltp", "mono")
    frame.sample_rate = rate
    return Sound(frame, captured_ns)


def collect(line: SoundLine, end_ns: int) -> NDArray[np.float32]:
    """One channel of what the line gives up to then."""
    parts = [np.asarray(frame.to_ndarray(), np.float32)[0] for frame in line.until(end_ns)]
    return np.concatenate([np.zeros(0, np.float32), *parts])


@pytest.mark.parametrize("ppm", [-200, 0, 200])
def test_the_clock_follows_an_hour_of_drift_through_jitter(ppm: int) -> None:
    random = np.random.default_rng(7)
    clock = SampleClock(0)
    true_ns, worst = 0.0, 0.0
    for number in range(3600 * 50):
        told = clock.tell(round(true_ns + random.uniform(-4e6, 4e6)) if number else 0, 0.02)
        if number > 50 * 60:
            worst = max(worst, abs(told - true_ns))
        true_ns += 0.02 * SECOND * (1 + ppm / 1e6)
    assert worst < 1e6  # a millisecond
    assert clock.ratio == pytest.approx(1 + ppm / 1e6, abs=1e-4)


@pytest.mark.parametrize("ppm", [-200, 200])
def test_sound_of_a_drifting_device_stays_in_its_place(ppm: int) -> None:
    """The device's sound says in its own samples when it was captured; ten minutes of it, in blocks with jitter."""
    rate, size, random = 8000, 800, np.random.default_rng(3)
    line = SoundLine(0)
    time, given, worst = 0.0, 0, 0.0
    for _ in range(600 * rate // size):
        step = (1 + ppm / 1e6) / rate
        ramp = (time + np.arange(size) * step).astype(np.float32)
        line.put(block(ramp, rate, round(time * SECOND + random.uniform(-4e6, 4e6))))
        time += size * step
        heard = collect(line, round(time * SECOND))
        true = (given + np.arange(len(heard))) / RATE
        given += len(heard)
        if given > RATE:
            worst = max(worst, float(np.abs(heard - true).max()))
    assert given == pytest.approx(time * RATE, abs=RATE // 10)
    assert worst < 0.010
    assert not line.filled
    assert not line.dropped


def test_a_steady_tone_has_no_jumps() -> None:
    """On a drifting, trembling clock a tone stays one: nothing between two samples that is not of its own curve."""
    size, random = 960, np.random.default_rng(11)
    line, time = SoundLine(0), 0.0
    parts = []
    for number in range(30 * RATE // size):
        samples = (0.5 * np.sin(2 * np.pi * 440 * (number * size + np.arange(size)) / RATE)).astype(np.float32)
        line.put(block(samples, RATE, round(time * SECOND + random.uniform(-4e6, 4e6))))
        time += size / RATE * (1 + 200e-6)
        parts.append(collect(line, round(time * SECOND)))
    heard = np.concatenate(parts)[RATE // 10 :].astype(np.float64)
    # A sine's second difference is its own size times the square of its step; a click's is a thousand times as much.
    bend = np.abs(np.diff(heard, 2)).max()
    assert bend < 1.1 * 0.5 * (2 * np.pi * 440 / RATE) ** 2
    crossings = np.flatnonzero((heard[:-1] < 0) & (heard[1:] >= 0))
    pitch = RATE / np.diff(crossings[::44]) * 44
    assert np.abs(pitch / 440 - 1).max() < 0.004  # a fifteenth of a semitone


def ones(count: int, captured_ns: int) -> Sound:
    return block(np.ones(count, np.float32), RATE, captured_ns)


def test_a_gap_is_silent_and_counted_and_what_follows_is_in_its_place() -> None:
    line = SoundLine(0)
    for number in (*range(50), *range(80, 130)):  # 0.6 s are missing
        line.put(ones(960, number * SECOND // 50))
    heard = collect(line, round(2.5 * SECOND))
    assert len(heard) >= 2.5 * RATE
    assert heard[: RATE - 100].min() > 0.9
    assert np.abs(heard[RATE + 100 : round(1.6 * RATE) - 100]).max() == 0
    assert heard[round(1.6 * RATE) + 100 :].min() > 0.9
    assert line.filled == pytest.approx(0.6 * RATE, abs=100)
    assert not line.dropped


def test_a_small_gap_is_noticed_after_a_few_blocks_and_one_late_block_is_none() -> None:
    line = SoundLine(0)
    for number in range(100):
        late = 50_000_000 if number >= 50 else 40_000_000 if number == 25 else 0
        line.put(ones(960, number * SECOND // 50 + late))
        if number == 49:
            assert not line.filled  # the late one was jitter
    assert line.filled == pytest.approx(0.05 * RATE, abs=200)


def test_sound_that_comes_twice_is_heard_once() -> None:
    line = SoundLine(0)
    for number in (*range(50), *range(25, 75)):
        line.put(ones(960, number * SECOND // 50))
    heard = collect(line, round(1.6 * SECOND))
    assert len(heard) == pytest.approx(1.5 * RATE, abs=100)
    assert line.dropped == pytest.approx(0.5 * RATE, abs=100)


def test_silence_goes_out_where_sound_does_not_come() -> None:
    line = SoundLine(0)
    line.put(ones(960, 0))
    heard = [len(collect(line, number * SECOND // 10)) for number in range(1, 21)]
    assert sum(heard) == pytest.approx(1.75 * RATE, abs=RATE // 4)  # never more than the patience behind
    line.put(ones(960, 100_000_000))  # long over
    assert line.dropped > 900
    line.put(ones(960, 2 * SECOND))
    assert collect(line, round(2.02 * SECOND))[-500:].min() > 0.9


@pytest.mark.parametrize(
    ("layout", "form", "rate"), [("mono", "s16", 44_100), ("stereo", "flt", 48_000), ("5.1", "s32p", 32_000)]
)
def test_every_format_becomes_the_lines_own(layout: str, form: str, rate: int) -> None:
    line = SoundLine(0)
    for number in range(20):
        samples = AudioFrame(form, layout, rate // 10)
        samples.sample_rate = rate
        for plane in samples.planes:
            plane.update(bytes(plane.buffer_size))
        line.put(Sound(samples, number * SECOND // 10))
    frames = list(line.until(2 * SECOND))
    assert {(frame.format.name, frame.layout.name, frame.sample_rate) for frame in frames} == {("fltp", "stereo", RATE)}
    assert sum(frame.samples for frame in frames) == pytest.approx(2 * RATE, abs=RATE // 50)


def test_sound_from_before_the_beginning_is_left_out_and_no_loss() -> None:
    line = SoundLine(SECOND)
    for number in range(100):
        line.put(ones(960, number * SECOND // 50))
    assert len(collect(line, 2 * SECOND)) == pytest.approx(RATE, abs=100)
    assert not line.dropped
    assert not line.filled
