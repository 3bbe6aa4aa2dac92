"""Stage times: percentiles against known numbers, order, bounded memory."""

import numpy as np
import pytest

from realtime.runtime.stages import STAGES, Stages


def test_percentiles_and_mean_agree_with_numpy() -> None:
    stages = Stages()
    rng = np.random.default_rng(1)
    walls = rng.lognormal(15, 0.7, 5000).astype(int)  # around 3 ms in ns
    for wall in walls.tolist():
        stages("swap").record(wall, wall // 2)
    times = stages.summary()["swap"]
    assert times["p50"] == pytest.approx(np.percentile(walls, 50) / 1e6, rel=0.025)
    assert times["p99"] == pytest.approx(np.percentile(walls, 99) / 1e6, rel=0.025)
    assert times["cpu"] == pytest.approx((walls // 2).mean() / 1e6, rel=1e-3)


def test_with_measures_work_and_passes_errors_on() -> None:
    stages = Stages()
    with stages("find"):
        sum(range(200_000))
    with pytest.raises(KeyError), stages("find"):
        raise KeyError
    times = stages.summary()["find"]
    assert times["p99"] >= times["p50"] > 0
    assert times["cpu"] > 0


def test_what_is_left_out_of_a_stage_is_no_time_of_it() -> None:
    stages = Stages()
    with stages("swap"), stages("find"), stages.outside("find"):
        sum(range(2_000_000))
    times = stages.summary()
    assert times["find"]["cpu"] < times["swap"]["cpu"] / 10
    assert times["find"]["p50"] < times["swap"]["p50"] / 10


def test_order_is_that_of_a_frame_and_unknown_names_come_last() -> None:
    stages = Stages()
    for name in ("applause", *reversed(STAGES)):
        stages(name).record(1000, 1000)
    assert list(stages.summary()) == [*STAGES, "applause"]


def test_memory_does_not_grow_with_calls() -> None:
    stages = Stages()
    for wall in range(1, 200_000):
        stages("paste").record(wall * 50, wall)
    assert len(stages("paste")._wall._buckets) < 1000
