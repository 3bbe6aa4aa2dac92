"""The session in Prometheus' words, made anew at every scrape."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)

from realtime.live.engine import Engine
from realtime.runtime.errors import UsageError
from realtime.runtime.latency import LIMITS_MS
from realtime.serve.session import Session

__all__ = ["CONTENT_TYPE", "exposition"]

#: What the text is: Prometheus' own format.
CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


def exposition(session: Session) -> bytes:
    """The text that ``GET /metrics`` answers with."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(session))
    return generate_latest(registry)


class _Collector:
    def __init__(self, session: Session) -> None:
        self._session = session

    def collect(self) -> Iterator[Metric]:
        engine: Engine | None = None
        with suppress(UsageError):  # none runs
            engine = self._session.engine()
        yield GaugeMetricFamily("mummer_session_running", "Whether a session runs.", float(engine is not None))
        if engine is not None:
            yield from _engine(engine)


def _engine(engine: Engine) -> Iterator[Metric]:
    status = engine.status()
    model = InfoMetricFamily("mummer_model", "The model that swaps.")
    model.add_metric([], {"name": status.model.name, "sha256": status.model.sha256})
    yield model
    yield CounterMetricFamily("mummer_frames_in", "Frames captured.", status.frames_in)
    yield CounterMetricFamily("mummer_frames_out", "Frames sent.", status.frames_out)
    yield CounterMetricFamily("mummer_frames_swapped", "Frames sent with a swapped face.", status.swapped)
    yield CounterMetricFamily("mummer_frames_hidden", "Frames in which something was hidden.", status.missed)
    yield CounterMetricFamily("mummer_frames_shown", "Frames shown with a face that was not swapped.", status.shown)
    yield CounterMetricFamily(
        "mummer_faces_left", "Faces that were found and not swapped, or may be there, in all frames.", status.faces_left
    )
    yield CounterMetricFamily("mummer_slates", "Slates sent while no frames came.", status.slates)
    drops = CounterMetricFamily("mummer_frames_dropped", "Frames not sent, by place.", labels=["place"])
    for place, count in status.drops.model_dump().items():
        drops.add_metric([place], count)
    yield drops
    took = engine.latencies()
    limits = [str(limit / 1000) for limit in LIMITS_MS]
    yield HistogramMetricFamily(
        "mummer_latency_seconds",
        "Capture to handing out, of frames.",
        buckets=[*zip(limits, took.within, strict=True), ("+Inf", took.frames)],
        sum_value=took.seconds,
    )
    stages = GaugeMetricFamily("mummer_stage_seconds", "Time of a stage, median of all calls.", labels=["stage"])
    for name, times in status.stages_ms.items():
        stages.add_metric([name], times["p50"] / 1000)
    yield stages
    yield GaugeMetricFamily("mummer_governor_level", "Steps by which the cost is lowered.", status.governor.level)
    yield GaugeMetricFamily("mummer_source_connected", "Whether frames come.", status.source.state == "live")
    yield CounterMetricFamily("mummer_source_retries", "Openings after the first.", status.source.retries)
    connected = GaugeMetricFamily("mummer_sink_connected", "Whether frames go there.", labels=["sink"])
    sent = CounterMetricFamily("mummer_sink_frames", "Frames that a sink took.", labels=["sink"])
    lost = CounterMetricFamily("mummer_sink_frames_dropped", "Frames too many for a sink.", labels=["sink"])
    retries = CounterMetricFamily("mummer_sink_retries", "Openings after the first.", labels=["sink"])
    for sink in status.sinks:
        connected.add_metric([sink.address], sink.state == "live")
        sent.add_metric([sink.address], sink.frames)
        lost.add_metric([sink.address], sink.dropped + sink.missed)
        retries.add_metric([sink.address], sink.retries)
    yield from (connected, sent, lost, retries)
