"""``mummer convert``: the main job."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated

import typer

from realtime.cli import options
from realtime.cli.console import note, say
from realtime.settings import Look

if TYPE_CHECKING:
    from realtime.jobs.convert import OnFrame

__all__ = ["convert"]


@options.with_settings
def convert(
    source: options.Input,
    target: Annotated[
        Path, typer.Argument(metavar="OUTPUT", help="The file to write: .mp4, .mov, .mkv, .webm, .avi, .ts, ...")
    ],
    look: Look,
    codec: options.Codec = None,
    crf: options.Crf = None,
    preset: options.Preset = None,
    report: Annotated[Path | None, typer.Option(metavar="FILE.json", help="Write what was done, as JSON.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace OUTPUT if it exists.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print nothing but errors.")] = False,
) -> None:
    """Swap the faces in a video; all else stays as it is."""
    from realtime.jobs.convert import Job
    from realtime.jobs.convert import convert as run
    from realtime.media.encoding import Encoding
    from realtime.runtime.process import tune

    tune()
    job = Job(options.as_file(source), target, look, Encoding(codec, crf, preset), report, force)
    with progress(job.source.name, show=not quiet) as on_frame:
        done = run(job, on_frame)
    if not quiet:
        say(
            f"{target}: {done.frames_swapped} of {done.frames_out} frames swapped,"
            f" {done.fps:.1f} frames a second, {done.wall_s:.1f} s"
        )
        if done.provenance.manifest == "sidecar":
            note(f"its signed manifest is in {done.provenance.manifest_path}; keep the two together")
        for warning in done.warnings:
            note(warning)


@contextmanager
def progress(name: str, show: bool) -> "Iterator[OnFrame | None]":
    """A bar on stderr with frames a second and the time left, where there is a terminal to show it."""
    if not show or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[fps]:.1f} fps"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(name, total=None, fps=0.0)
        began = perf_counter()

        def on_frame(done: int, expected: int) -> None:
            fps = done / (perf_counter() - began)
            bar.update(task, completed=done, total=max(done, expected), fps=fps)

        yield on_frame
