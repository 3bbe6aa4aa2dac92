"""``mummer convert``: the main job."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from realtime.cli import options
from realtime.cli.batch import run_and_tell
from realtime.cli.console import harmless, note, say
from realtime.cli.progress import progress
from realtime.runtime.errors import UsageError
from realtime.settings import Conversion

if TYPE_CHECKING:
    from realtime.jobs.batch.plan import Batch
    from realtime.jobs.comparison import Compared
    from realtime.jobs.convert import Job
    from realtime.jobs.report import Report

__all__ = ["convert"]


@options.with_settings
def convert(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT [OUTPUT]",
            help="The file to read, and the one to write: .mp4, .mov, .mkv, .webm, .avi, .ts, .gif, ...; for a picture"
            " .jpg, .png, .webp, .tif, .avif, .bmp; for a folder of either a folder; for numbered pictures a name like"
            " out/%06d.png. With --out-dir all are inputs;"
            " one that ends in .toml is a job file.",
        ),
    ],
    settings: Conversion,
    out_dir: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Convert every INPUT into this folder, by its own name.")
    ] = None,
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
    """Swap the faces in videos, pictures and folders of them; all else stays as it is."""
    from realtime.jobs.from_settings import job_of
    from realtime.jobs.one_file import convert_one
    from realtime.runtime.process import tune

    tune()
    sources, target = _sources(files, out_dir)
    job = job_of(
        settings,
        sources[0],
        target,
        report=report,
        force=force,
        resume=resume,
        stream=stream,
        workers=workers,
        engine=engine,
        address=address,
    )
    batch = _batch(files, sources, job, settings, out_dir)
    if batch is not None:
        run_and_tell(batch, job, quiet)
        return
    with kept_told(target), progress(job.source.name, show=not quiet) as on_frame:
        done = convert_one(job, on_frame)
    if not quiet:
        tell(target, done)


def _sources(files: list[str], out_dir: Path | None) -> tuple[list[Path], Path]:
    """The inputs, and the file or folder that they go to. Raises ``UsageError`` where one of the two is missing."""
    if out_dir is not None or _is_job_file(files):
        return [options.as_file(name) for name in files], out_dir or Path()
    if len(files) == 1:
        raise UsageError(f"{files[0]}: where to? name the OUTPUT behind it, or a folder with --out-dir")
    if len(files) > 2:
        raise UsageError(f"{len(files)} files: several inputs go into a folder; name it with --out-dir")
    return [options.as_file(files[0])], Path(files[1])


def _is_job_file(files: list[str]) -> bool:
    return len(files) == 1 and files[0].lower().endswith(".toml")


def _batch(
    files: list[str], sources: list[Path], job: "Job", settings: Conversion, out_dir: Path | None
) -> "Batch | None":
    """What is to be made where that is more than one file; None for one. Raises a ``MummerError``."""
    from realtime.media.standard_streams import STREAM
    from realtime.runtime.files import is_folder

    in_file = out_dir is None and _is_job_file(files)
    if not (in_file or out_dir is not None or is_folder(sources[0])):
        return None
    from realtime.jobs.batch.job_file import read_job_file
    from realtime.jobs.batch.plan import plan_inputs

    if STREAM in (*sources, job.target) or job.stream is not None:
        raise UsageError("- and --format are for one video; give the name of a folder for several")
    if not in_file:
        return plan_inputs(sources, job)
    if settings != Conversion():
        raise UsageError(f"{files[0]}: a job file has its settings in itself, under [settings] or [[job]]")
    return read_job_file(sources[0], job)


def tell(target: Path, done: "Report") -> None:
    """What was done with one file."""
    # Where standard output is the video, nothing else may go there.
    tell_result = note if str(target) == "-" else say
    if done.output.duration is None and done.frames_out == 1:
        tell_result(f"{target}: {done.faces} {'face' if done.faces == 1 else 'faces'} swapped, {done.wall_s:.1f} s")
    else:
        tell_result(
            f"{target}: {done.frames_swapped} of {done.frames_out} frames swapped,{_copied(done)}"
            f" {done.fps:.1f} frames a second, {done.wall_s:.1f} s"
        )
    if done.provenance.manifest == "sidecar":
        note(f"its signed manifest is in {done.provenance.manifest_path}; keep the two together")
    for warning in done.warnings:
        note(warning)
    if done.compared and sys.stderr.isatty():
        tell_compared(done.compared, done.frames_copied)


def _copied(done: "Report") -> str:
    return f" {done.frames_copied} copied," if done.frames_copied else ""


def tell_compared(rows: "list[Compared]", copied: int) -> None:
    """The table of input against output; what differs stands out. So many frames were ``copied``."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("", "input", "output", box=None, padding=(0, 2, 0, 0))
    for row in rows:
        cells = [
            Text(harmless(words), overflow="ellipsis", no_wrap=True) for words in (row.what, row.input, row.output)
        ]
        table.add_row(*cells, style=None if row.kept else "bold yellow")
    if copied:
        table.add_row("frames copied", "", f"{copied:,}")
    Console(stderr=True).print(table)


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
