"""How fast the main job is, beside a plain transcode with the same decoder, encoder and threads."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import TypeAlias

from pydantic import BaseModel

from realtime.convert import Job, convert
from realtime.encoder import Encoding
from realtime.memory import peak_rss_mb
from realtime.pipeline import run
from realtime.sink import FileSink
from realtime.source import FileSource
from realtime.stages import StageTimes

__all__ = ["ConvertBench", "bench_convert", "transcode"]

#: Called after each run with the number done and the number in all.
OnRun: TypeAlias = Callable[[int, int], None]


class ConvertBench(BaseModel):
    """Medians of the rounds; ``ratio`` is conversion by transcode, ``stages_ms`` the last conversion's."""

    frames: int
    transcode_fps: float
    convert_fps: float
    ratio: float
    stages_ms: dict[str, StageTimes]
    rss_mb: float | None


def transcode(path: Path, target: Path, encoding: Encoding) -> float:
    """Decode and encode ``path`` as the conversion does, but for the faces; returns frames a second."""
    source = FileSource(path)
    try:
        sink = FileSink(target, source, encoding)
        sink.open()
        began = perf_counter()
        run(source, None, sink)
        return sink.frames / (perf_counter() - began)
    finally:
        source.close()


def bench_convert(job: Job, rounds: int = 3, on_run: OnRun | None = None) -> ConvertBench:
    """Time both ways ``rounds`` times, in turn, into a temporary folder; ``job.target`` gives the suffix."""
    transcodes: list[float] = []
    conversions: list[float] = []
    with TemporaryDirectory(prefix="mummer-bench-") as folder:
        plain = Path(folder) / f"plain{job.target.suffix}"
        swapped = Path(folder) / f"swapped{job.target.suffix}"
        for number in range(rounds):
            transcodes.append(transcode(job.source, plain, job.encoding))
            if on_run is not None:
                on_run(2 * number + 1, 2 * rounds)
            report = convert(replace(job, target=swapped, report=None, force=True))
            conversions.append(report.fps)
            if on_run is not None:
                on_run(2 * number + 2, 2 * rounds)
    return ConvertBench(
        frames=report.frames_out,
        transcode_fps=round(median(transcodes), 2),
        convert_fps=round(median(conversions), 2),
        ratio=round(median(conversions) / median(transcodes), 3),
        stages_ms=report.stages_ms,
        rss_mb=peak_rss_mb(),
    )
