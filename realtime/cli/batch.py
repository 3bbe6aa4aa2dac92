"""What ``mummer convert`` says of many files: which one it is at, and what became of each."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from realtime.cli.console import complain, harmless, note, say
from realtime.cli.progress import progress_bar

if TYPE_CHECKING:
    from realtime.jobs.batch.plan import Batch
    from realtime.jobs.batch.run import BatchReport, OnFile
    from realtime.jobs.convert import Job, OnFrame

__all__ = ["run_and_tell"]


def run_and_tell(batch: "Batch", whole: "Job", quiet: bool) -> None:
    """Run ``batch``, and say what became of it; exit code 1 where a file failed."""
    from realtime.jobs.batch.run import run_batch

    with _counted() as count, _watched(count, show=not quiet) as on_file:
        done = run_batch(batch, whole, on_file)
    tell(done, quiet)


def tell(done: "BatchReport", quiet: bool) -> None:
    """Each file that failed, remarks, and in all; a table on a terminal."""
    for failure in done.failed:
        complain(failure.why)
    if not quiet:
        for each in done.done:
            for warning in each.warnings:
                note(f"{each.output.path}: {warning}")
        if done.left_alone:
            note(f"left alone, neither videos nor pictures: {', '.join(done.left_alone)}")
        if sys.stderr.isatty():
            _table(done)
        say(_in_all(done))
    if done.failed:
        raise typer.Exit(1)


def _in_all(done: "BatchReport") -> str:
    files, faces = len(done.done), sum(each.faces for each in done.done)
    words = [
        f"{files} {'file' if files == 1 else 'files'} converted, {faces} {'face' if faces == 1 else 'faces'} swapped"
    ]
    if done.unchanged:
        words.append(f"{len(done.unchanged)} made before and unchanged")
    if done.failed:
        words.append(f"{len(done.failed)} failed")
    return ", ".join(words)


def _table(done: "BatchReport") -> None:
    """A line for each file: what was made, how much of it was swapped, and how long that took."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    copies = any(each.frames_copied for each in done.done)
    table = Table("", "frames", "swapped", "s", *(["copied"] if copies else []), box=None, padding=(0, 2, 0, 0))
    for column in table.columns[1:]:
        column.justify = "right"

    def row(name: str, *cells: str, style: str | None = None) -> None:
        table.add_row(Text(harmless(name), overflow="ellipsis", no_wrap=True), *map(Text, cells), style=style)

    for each in done.done:
        copied = [f"{each.frames_copied:,}"] if copies else []
        row(each.output.path, f"{each.frames_out:,}", f"{each.frames_swapped:,}", f"{each.wall_s:.1f}", *copied)
    for path in done.unchanged:
        row(path, "", "unchanged", style="dim")
    for failure in done.failed:
        row(failure.path, "", "failed", style="bold red")
    Console(stderr=True).print(table)


class _Count:
    """How far a batch is, for whoever stops it."""

    done = files = 0


@contextmanager
def _counted() -> "Iterator[_Count]":
    """Says, where a signal ends the block, how far it is and how to go on."""
    from realtime.runtime.stop_signals import was_stopped

    count = _Count()
    try:
        yield count
    finally:
        if was_stopped() and count.files:
            note(f"{count.done} of {count.files} files are done: the same command with --resume goes on")


@contextmanager
def _watched(count: _Count, show: bool) -> "Iterator[OnFile]":
    with progress_bar("", show) as bar:

        def on_file(done: int, files: int, coming: Path | None) -> "OnFrame | None":
            count.done, count.files = done, files
            if bar is None or coming is None:
                return None
            bar.begin(f"{done + 1}/{files} {coming.name}")
            return bar.on_frame

        yield on_file
