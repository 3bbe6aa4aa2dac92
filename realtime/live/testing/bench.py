"""How well live runs here: latency, drops, leaks, and whether it holds when things go wrong. All of it is real work."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from itertools import count
from pathlib import Path
from random import Random
from time import process_time
from typing import Final, Literal, TypeAlias, get_args

import av
from pydantic import BaseModel

from realtime.finder import FaceFinder, open_finder
from realtime.live.engine import Engine
from realtime.live.footprint import Footprint, footprint
from realtime.live.settings import Change, LiveSettings, SinkSettings, SourceSettings
from realtime.live.sink import LiveSink, OpenSink
from realtime.live.sinks import open_sink as live_sink
from realtime.live.source import LiveSource, OpenSource
from realtime.live.sources import open_source as live_source
from realtime.live.sources.file import PacedFile
from realtime.live.status import Status
from realtime.live.testing.probes import FlakySink, FlakySource, InspectingSink, PrivacyProbe
from realtime.runtime.latency import Percentiles
from realtime.runtime.process import settle
from realtime.runtime.stages import StageTimes
from realtime.settings import Look

__all__ = ["MODES", "Faults", "LiveBench", "Mode", "Privacy", "Steady", "Switch", "bench_live", "retimed"]

#: What can be measured, each by itself.
Mode: TypeAlias = Literal["steady", "privacy", "switch", "faults"]
MODES: Final[tuple[Mode, ...]] = get_args(Mode)

#: Frames that a face is missed in a row, and between the beginnings of two such bursts; and the share at random.
BURST: Final = 60
BURST_EVERY: Final = 300
RANDOM_MISSES: Final = 0.2
#: Deaths of the source and of the sink, and seconds of life before each: long enough for backoff to begin anew.
DEATHS: Final = 10
LIFE: Final = 6.0
#: Deaths after which nothing may grow any more.
SURVIVED: Final = 3
#: Model switches, and seconds between two.
SWITCHES: Final = 50
SWITCH_EVERY: Final = 1.0
#: Seconds after which nothing may grow any more.
SETTLED: Final = 60.0


class Steady(BaseModel):
    """An undisturbed run. ``dropped`` is of all frames captured, wherever it happened; ``cpu_ms`` is a frame's."""

    seconds: float
    frames: int
    fps: float
    latency_ms: Percentiles
    dropped: int
    dropped_share: float
    out_of_order: int
    largest_gap_ms: float
    cpu_ms: float
    settled: Footprint
    end: Footprint
    governor: list[str]
    stages_ms: dict[str, StageTimes]


class Privacy(BaseModel):
    """A run with a finder that misses. ``shown`` counts faces that could be seen in what was sent."""

    frames: int
    faces: int
    missed: int
    least_change: float
    max_similarity: float
    shown: int


class Switch(BaseModel):
    """A run in which the model is replaced again and again."""

    switches: int
    frames: int
    dropped: int
    out_of_order: int
    largest_gap_ms: float


class Faults(BaseModel):
    """A run in which source and sink die ten times each; the source breaks off and falls silent in turn.

    ``slates`` filled the gaps.
    """

    source_retries: int
    sink_retries: int
    frames: int
    slates: int
    out_of_order: int
    recovered: bool
    settled: Footprint
    end: Footprint


class LiveBench(BaseModel):
    """What was measured; what was not asked for is None."""

    steady: Steady | None = None
    privacy: Privacy | None = None
    switch: Switch | None = None
    faults: Faults | None = None


def bench_live(
    path: Path, look: Look, seconds: float = 600.0, modes: tuple[Mode, ...] = MODES, other_model: str | None = None
) -> LiveBench:
    """Run ``path`` as a looped camera in each of ``modes``.

    ``seconds`` is for the steady run, and at most a minute of it for that with misses. ``other_model`` takes turns with
    the look's own; None opens that one anew each time. Raises what the engine raises.
    """
    runs: dict[Mode, Callable[[], BaseModel]] = {
        "steady": lambda: _steady(path, look, seconds),
        "privacy": lambda: _privacy(path, look, min(seconds, 60.0)),
        "switch": lambda: _switch(path, look, other_model or look.model),
        "faults": lambda: _faults(path, look),
    }
    return LiveBench.model_validate({mode: runs[mode]() for mode in modes})


def retimed(path: Path, fps: Fraction, folder: Path) -> Path:
    """A copy of the video in ``folder`` that plays at ``fps`` frames a second: the same packets with other times."""
    target = folder / "retimed.mp4"
    clock = Fraction(1, 90_000)
    with av.open(str(path)) as source, av.open(str(target), "w") as sink:
        video = source.streams.video[0]
        slower = (video.guessed_rate or Fraction(30)) / fps
        out = sink.add_stream_from_template(video)
        for packet in source.demux(video):
            if packet.pts is None or packet.dts is None or packet.time_base is None:
                continue
            scale = packet.time_base * slower / clock
            packet.pts, packet.dts = round(packet.pts * scale), round(packet.dts * scale)
            packet.duration = round((packet.duration or 0) * scale)
            packet.time_base, packet.stream = clock, out
            sink.mux(packet)
    return target


def _steady(path: Path, look: Look, seconds: float) -> Steady:
    settled_at = min(SETTLED, seconds / 3)
    sink = InspectingSink()
    with _running(path, look, open_sink=lambda address, settings: sink) as engine:
        engine.wait(settled_at)
        settled, cpu, first = footprint(), process_time(), sink.frames
        engine.wait(seconds - settled_at)
        end, cpu, last = footprint(), process_time() - cpu, sink.frames
        status = engine.status()
    dropped = _dropped(status)
    return Steady(
        seconds=status.seconds,
        frames=sink.frames,
        fps=round((last - first) / (seconds - settled_at), 3),
        latency_ms=status.sinks[0].overall_ms,
        dropped=dropped,
        dropped_share=round(dropped / max(status.frames_in, 1), 6),
        out_of_order=sink.out_of_order,
        largest_gap_ms=round(sink.largest_gap_ms, 1),
        cpu_ms=round(cpu * 1e3 / max(last - first, 1), 3),
        settled=settled,
        end=end,
        governor=status.governor.steps,
        stages_ms=status.stages_ms,
    )


def _privacy(path: Path, look: Look, seconds: float) -> Privacy:
    random = Random(1)

    def misses(number: int) -> bool:
        return random.random() < RANDOM_MISSES or number % BURST_EVERY >= BURST_EVERY - BURST

    probe = PrivacyProbe(open_finder(look.detector, look.device), misses)
    sink = InspectingSink(probe.look)
    with _running(path, look, open_sink=lambda address, settings: sink, finder=probe) as engine:
        engine.wait(seconds)
    return Privacy(
        frames=sink.frames,
        faces=probe.faces,
        missed=probe.missed,
        least_change=round(probe.least_change, 2),
        max_similarity=round(probe.max_similarity, 3),
        shown=probe.shown,
    )


def _switch(path: Path, look: Look, other_model: str) -> Switch:
    sink = InspectingSink()
    with _running(path, look, open_sink=lambda address, settings: sink) as engine:
        engine.wait(2 * SWITCH_EVERY)
        before = _dropped(engine.status())
        switched = 0
        with engine.events() as events:
            for number in range(SWITCHES):
                engine.change(Change(model=look.model if number % 2 else other_model))
                while (event := events.get(10 * SWITCH_EVERY)) is not None and event.topic != "model":
                    pass
                switched += event is not None and not event.problem
                engine.wait(SWITCH_EVERY)
        dropped = _dropped(engine.status()) - before
    return Switch(
        switches=switched,
        frames=sink.frames,
        dropped=dropped,
        out_of_order=sink.out_of_order,
        largest_gap_ms=round(sink.largest_gap_ms, 1),
    )


def _faults(path: Path, look: Look) -> Faults:
    sources, sinks = count(), count()
    made: list[FlakySink] = []

    def open_source(address: str, settings: SourceSettings) -> LiveSource:
        number, source = next(sources), PacedFile(Path(address), settings)
        return source if number >= DEATHS else FlakySource(source, round(LIFE * 30), silent=number % 2 == 1)

    def open_sink(address: str, settings: SinkSettings) -> LiveSink:
        dies = next(sinks) < DEATHS
        made.append(FlakySink(round(LIFE * 30) if dies else None))
        return made[-1]

    with _running(path, look, open_source=open_source, open_sink=open_sink) as engine:
        _survive(engine, SURVIVED)
        settled = footprint()
        _survive(engine, DEATHS)
        engine.wait(LIFE / 2)
        status, end = engine.status(), footprint()
    return Faults(
        source_retries=status.source.retries,
        sink_retries=status.sinks[0].retries,
        frames=status.frames_out,
        slates=status.slates,
        out_of_order=sum(sink.out_of_order for sink in made),
        recovered=status.source.state == "live" and status.sinks[0].state == "live" and not status.problems,
        settled=settled,
        end=end,
    )


def _survive(engine: Engine, deaths: int) -> None:
    """Wait until source and sink came back so often, or do not come back."""
    for _ in range(5 * DEATHS):
        status = engine.status()
        if min(status.source.retries, status.sinks[0].retries) >= deaths:
            return
        engine.wait(LIFE / 2)


@contextmanager
def _running(
    path: Path,
    look: Look,
    open_source: OpenSource = live_source,
    open_sink: OpenSink = live_sink,
    finder: FaceFinder | None = None,
) -> Iterator[Engine]:
    settings = LiveSettings(camera=str(path), sinks=("null:",), loop=True, **dict(look))
    engine = Engine(settings, open_source, open_sink, finder)
    settle()
    engine.start()
    try:
        yield engine
    finally:
        engine.stop()


def _dropped(status: Status) -> int:
    """Frames captured and not sent, wherever they were lost."""
    sinks = sum(sink.dropped for sink in status.sinks)
    return status.drops.captured + status.drops.late + sinks
