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
