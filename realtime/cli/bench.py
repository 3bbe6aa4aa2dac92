"""``mummer bench``: how fast it is here."""

from pathlib import Path
from typing import Annotated

import typer

from realtime.cli import options
from realtime.cli.console import say

__all__ = ["bench"]

bench = typer.Typer(no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False)


@bench.callback()
def _group() -> None:
    """Measure how fast the jobs run on this machine."""


@bench.command("convert")
def bench_convert(
    source: options.Input,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    rounds: Annotated[int, typer.Option(min=1, help="How often both ways are timed.")] = 3,
    model: options.Model = "bronze",
    device: options.Device = "auto",
    detector: options.Detector = "builtin",
    codec: options.Codec = None,
    crf: options.Crf = None,
    preset: options.Preset = None,
) -> None:
    """Time conversions of INPUT against plain transcodes.

    Both run in turn, with the same decoder, encoder and settings.
    """
    from realtime.jobs.bench import bench_convert as run
    from realtime.jobs.convert import Job
    from realtime.media.encoding import Encoding
    from realtime.settings import Look

    look = Look(model=model, device=device, detector=detector)
    job = Job(options.as_file(source), Path("bench.mp4"), look, Encoding(codec, crf, preset))
    result = run(job, rounds)
    if as_json:
        say(result.model_dump_json())
        return
    say(f"{result.frames} frames: transcode {result.transcode_fps} fps, convert {result.convert_fps} fps,")
    say(f"ratio {result.ratio}, peak memory {result.rss_mb or 'unknown'} MB")
    for name, times in result.stages_ms.items():
        say(f"  {name:8} p50 {times['p50']:8.3f} ms   p99 {times['p99']:8.3f} ms   cpu {times['cpu']:8.3f} ms")


@bench.command("live")
def bench_live(
    source: options.Input,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    seconds: Annotated[float, typer.Option(min=3, help="Length of the undisturbed run.")] = 600.0,
    fps: Annotated[float | None, typer.Option(min=1, max=240, help="Play INPUT at this rate, not its own.")] = None,
    only: Annotated[
        list[str] | None, typer.Option(metavar="MODE", help="steady, privacy, switch or faults; by default all.")
    ] = None,
    model: options.Model = "bronze",
    other_model: Annotated[
        str | None, typer.Option(metavar="NAME|FILE", help="Takes turns with MODEL in the switch run.")
    ] = None,
    device: options.Device = "auto",
    detector: options.Detector = "builtin",
) -> None:
    """Run INPUT as a looped camera: latency, drops, leaks, missed faces, model switches, lost devices."""
    from fractions import Fraction

    from realtime.live.testing.bench import MODES, retimed
    from realtime.live.testing.bench import bench_live as run
    from realtime.media.file_source import check_regular
    from realtime.runtime.errors import UsageError
    from realtime.runtime.files import scratch_folder
    from realtime.runtime.process import tune
    from realtime.settings import Look

    modes = tuple(mode for mode in MODES if only is None or mode in only)
    if unknown := sorted(set(only or ()) - set(MODES)):
        raise UsageError(f"--only {unknown[0]}: there is no such run; choose from {', '.join(MODES)}")
    path = options.as_file(source)
    check_regular(path)
    tune()
    look = Look(model=model, device=device, detector=detector)
    with scratch_folder() as folder:
        if fps is not None:
            path = retimed(path, Fraction(fps).limit_denominator(1001), folder)
        result = run(path, look, seconds, modes, other_model)
    if as_json:
        say(result.model_dump_json(exclude_none=True))
        return
    for mode in modes:
        say(f"{mode}:")
        for name, value in getattr(result, mode).model_dump().items():
            say(f"  {name:16} {value}")
