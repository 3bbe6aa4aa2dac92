"""``mummer convert``: the main job."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from realtime.cli import options
from realtime.cli.console import complain, harmless, note, say
from realtime.settings import Conversion

if TYPE_CHECKING:
    from realtime.jobs.comparison import Compared
    from realtime.jobs.convert import OnFrame
    from realtime.jobs.folder import FolderReport
    from realtime.jobs.report import Report

__all__ = ["convert"]


@options.with_settings
def convert(
    source: options.Input,
    target: Annotated[
        Path,
        typer.Argument(
            metavar="OUTPUT",
            help="The file to write: .mp4, .mov, .mkv, .webm, .avi, .ts, .gif, ...; for a picture .jpg, .png, .webp,"
            " .tif, .avif, .bmp; for a folder of pictures a folder.",
        ),
    ],
    settings: Conversion,
    stream: Annotated[
        str | None, typer.Option("--format", metavar="NAME", help="With OUTPUT -, standard output: mkv, webm, ts, mp4.")
    ] = None,
    report: Annotated[Path | None, typer.Option(metavar="FILE.json", help="Write what was done, as JSON.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace OUTPUT if it exists.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with what an earlier run left unfinished.")] = False,
    workers: Annotated[int, typer.Option(min=1, max=256, help="Processes that share the work.")] = 1,
    engine: Annotated[
        Literal["local", "ray"], typer.Option(help="Where they run: here, or on a Ray cluster (extra `ray`).")
    ] = "local",
    address: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="The Ray cluster; by default one of its own, here.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print nothing but errors.")] = False,
) -> None:
    """Swap the faces in a video, a picture or a folder of pictures; all else stays as it is."""
    from realtime.jobs.dispatch import convert_any
    from realtime.jobs.folder import FolderReport
    from realtime.jobs.from_settings import job_of
    from realtime.runtime.process import tune

    tune()
    job = job_of(
        settings,
        options.as_file(source),
        target,
        report=report,
        force=force,
        resume=resume,
        stream=stream,
        workers=workers,
        engine=engine,
        address=address,
    )
    with kept_told(target), progress(job.source.name, show=not quiet) as on_frame:
        done = convert_any(job, on_frame)
    if isinstance(done, FolderReport):
        tell_folder(target, done, quiet)
    elif not quiet:
        tell(target, done)


def tell(target: Path, done: "Report") -> None:
    """What was done with one file."""
    # Where standard output is the video, nothing else may go there.
    tell_result = note if str(target) == "-" else say
    if done.output.duration is None and done.frames_out == 1:
        tell_result(f"{target}: {done.faces} {'face' if done.faces == 1 else 'faces'} swapped, {done.wall_s:.1f} s")
    else:
        tell_result(
            f"{target}: {done.frames_swapped} of {done.frames_out} frames swapped,"
            f" {done.fps:.1f} frames a second, {done.wall_s:.1f} s"
        )
    if done.provenance.manifest == "sidecar":
        note(f"its signed manifest is in {done.provenance.manifest_path}; keep the two together")
    for warning in done.warnings:
        note(warning)
    if done.compared and sys.stderr.isatty():
        tell_compared(done.compared)


def tell_compared(rows: "list[Compared]") -> None:
    """The table of input against output; what differs stands out."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("", "input", "output", box=None, padding=(0, 2, 0, 0))
    for row in rows:
        cells = [
            Text(harmless(words), overflow="ellipsis", no_wrap=True) for words in (row.what, row.input, row.output)
        ]
        table.add_row(*cells, style=None if row.kept else "bold yellow")
    Console(stderr=True).print(table)


def tell_folder(target: Path, done: "FolderReport", quiet: bool) -> None:
    """What was done with each picture, and in all; exit code 1 where one failed."""
    for failure in done.failed:
        complain(failure.why)
    if not quiet:
        for each in done.pictures:
            for warning in each.warnings:
                note(f"{each.output.path}: {warning}")
        if done.left_alone:
            note(f"left alone, no still pictures: {', '.join(done.left_alone)}")
        faces = sum(each.faces for each in done.pictures)
        failed = f", {len(done.failed)} failed" if done.failed else ""
        say(f"{target}: {len(done.pictures)} pictures, {faces} {'face' if faces == 1 else 'faces'} swapped{failed}")
    if done.failed:
        raise typer.Exit(1)


@contextmanager
def kept_told(target: Path) -> Iterator[None]:
    """Says, where a signal ends the block, what is kept of ``target`` and how to go on."""
    from realtime.jobs.segments.journal import progress_of
    from realtime.runtime.stop_signals import was_stopped

    try:
        yield
    finally:
        if was_stopped() and (kept := progress_of(target)):
            note(kept)


@contextmanager
def progress(name: str, show: bool) -> "Iterator[OnFrame | None]":
    """A bar on stderr with frames a second and the time left, where there is a terminal to show it."""
    if not show or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from realtime.runtime.stop_signals import unwinding

    columns = (
        TextColumn("{task.description}", markup=False),  # a name may look like markup
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[fps]:.1f} fps"),
        TimeRemainingColumn(),
    )
    with unwinding(), Progress(*columns, console=Console(stderr=True), transient=True) as bar:  # it hides the cursor
        task = bar.add_task(harmless(name), total=None, fps=0.0)
        began, before = perf_counter(), -1

        def on_frame(done: int, expected: int) -> None:
            nonlocal began, before
            if before < 0:  # what an earlier run did has no part in the speed
                began, before = perf_counter(), done
            fps = (done - before) / max(perf_counter() - began, 0.001)
            bar.update(task, completed=done, total=max(done, expected), fps=fps)

        yield on_frame
