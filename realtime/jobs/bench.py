"""The speed of a conversion, against a plain transcode with the same decoder, encoder and threads."""

from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from signal import SIG_IGN, SIGINT, signal
from statistics import median
from time import perf_counter

from pydantic import BaseModel

from realtime.jobs.convert import Job, convert
from realtime.jobs.pipeline import run
from realtime.jobs.report import Report
from realtime.media.encoding import Encoding
from realtime.media.file_sink import FileSink
from realtime.media.file_source import FileSource
from realtime.runtime.files import scratch_folder
from realtime.runtime.process import tune
from realtime.runtime.process_memory import peak_rss_mb
from realtime.runtime.stages import StageTimes

__all__ = ["ConvertBench", "bench_convert", "transcode"]


class ConvertBench(BaseModel):
    """Medians of the rounds; ``ratio`` is conversion by transcode, ``stages_ms`` the last conversion's.

    ``rss_mb`` is the most memory that a conversion had resident, None where the system does not tell.
    """

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


def bench_convert(job: Job, rounds: int = 3) -> ConvertBench:
    """Time both ways ``rounds`` times, in turn, into a temporary folder; ``job.target`` gives the suffix.

    Every run has a process of its own, so that memory is that of one conversion, and no run warms up another.
    """
    transcodes: list[float] = []
    conversions: list[float] = []
    peaks: list[float] = []
    # A new process a task; leaving the block ends the one at work.
    with (
        scratch_folder() as folder,
        get_context("spawn").Pool(1, _begin, maxtasksperchild=1) as pool,
    ):
        plain = folder / f"plain{job.target.suffix}"
        swapped = replace(job, target=folder / f"swapped{job.target.suffix}", report=None, force=True)
        for _ in range(rounds):
            transcodes.append(pool.apply(transcode, (job.source, plain, job.encoding)))
            report, peak = pool.apply(_convert, (swapped,))
            conversions.append(report.fps)
            if peak is not None:
                peaks.append(peak)
    return ConvertBench(
        frames=report.frames_out,
        transcode_fps=round(median(transcodes), 2),
        convert_fps=round(median(conversions), 2),
        ratio=round(median(conversions) / median(transcodes), 3),
        stages_ms=report.stages_ms,
        rss_mb=max(peaks, default=None),
    )


def _begin() -> None:
    """Set a process of the bench up as the command does; Ctrl-C is for the process that waits."""
    signal(SIGINT, SIG_IGN)
    tune()


def _convert(job: Job) -> tuple[Report, float | None]:
    return convert(job), peak_rss_mb()
