"""``mummer extract`` and ``mummer faceset``; what is heavy is imported when a command runs."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer

from realtime.cli import options
from realtime.cli.console import harmless, note, say

if TYPE_CHECKING:
    from rich.progress import TaskID

    from models.faceset.extract import Extracted, OnFrame
    from models.faceset.frame_sources import Pick

__all__ = ["extract", "faceset"]


class FormatChoice(StrEnum):
    """How faces are stored."""

    png = "png"
    jpeg = "jpeg"


#: For a parser without its file, or a file without the option.
NO_PARSER: Final = (
    "--mask parser and --parser FILE.onnx belong together: no face parser comes with mummer, bring one"
    " (a BiSeNet trained on CelebAMask-HQ, for one); the other masks need none"
)

Folder = Annotated[Path, typer.Argument(metavar="FACESET", help="The folder that `mummer extract` made.")]


def extract(
    inputs: Annotated[
        list[str], typer.Argument(metavar="INPUT...", help='Videos, pictures, folders of them, patterns ("*.mov").')
    ],
    out: Annotated[Path, typer.Option(metavar="FACESET", help="The folder to collect in; made if it is not there.")],
    every: Annotated[int, typer.Option(min=1, metavar="N", help="Take every N-th frame of a video.")] = 1,
    fps: Annotated[float | None, typer.Option(min=0.001, help="Take so many frames a second instead.")] = None,
    size: Annotated[int, typer.Option(metavar="PX", help="Side of the aligned face.")] = 512,
    min_size: Annotated[float, typer.Option(min=0, metavar="PX", help="Leave out faces that are smaller.")] = 0,
    min_score: Annotated[float, typer.Option(min=0, max=1, help="Leave out faces that are less sure.")] = 0,
    detector: options.Detector = "builtin",
    device: options.Device = "auto",
    faces: Annotated[Literal["all", "largest"], typer.Option(help="All, or the largest of each frame.")] = "all",
    mask: Annotated[
        Literal["visible", "hull", "parser"],
        typer.Option(help="Masks of what is seen of a face, of its landmarks' hull, or by a face parser."),
    ] = "visible",
    parser: Annotated[Path | None, typer.Option(metavar="FILE.onnx", help="The face parser's file.")] = None,
    image_format: Annotated[
        FormatChoice, typer.Option("--format", help="PNG loses nothing; JPEG 95 takes a quarter of the space.")
    ] = FormatChoice.png,
    tone_map: Annotated[bool, typer.Option("--tone-map", help="Make the faces of HDR footage SDR.")] = False,
    limit: Annotated[int | None, typer.Option(min=1, metavar="N", help="Add no more than N faces.")] = None,
    identity: Annotated[
        Path | None, typer.Option(metavar="FILE.json", help="Whose faces these are: `mummer consent new` writes it.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print nothing but errors.")] = False,
) -> None:
    """Collect aligned faces from videos and pictures.

    Run it again to go on after an interruption, or to add more; what is there already is not added twice.
    """
    from models.faceset.extract import Extraction
    from models.faceset.extract import extract as run
    from realtime.runtime.errors import UsageError
    from realtime.runtime.process import tune
    from realtime.swap.consent import read_identity

    tune()
    if (mask == "parser") != (parser is not None):
        raise UsageError(NO_PARSER)
    job = Extraction(
        tuple(inputs),
        out,
        _pick(every, fps),
        size=size,
        min_size=min_size,
        min_score=min_score,
        detector=detector,
        device=device,
        faces=faces,
        mask=mask,
        parser=parser,
        format=image_format.value,
        tone_map=tone_map,
        limit=limit,
        identity=None if identity is None else read_identity(identity),
    )
    began = perf_counter()
    with _progress(show=not quiet) as on_frame:
        done = run(job, on_frame)
    if not quiet:
        _report(out, done, perf_counter() - began)


def _pick(every: int, fps: float | None) -> "Pick":
    """Which frames to take. Raises ``UsageError`` where both options are given."""
    from fractions import Fraction

    from models.faceset.frame_sources import Pick
    from realtime.runtime.errors import UsageError

    if fps is not None and every != 1:
        raise UsageError("give either --every or --fps")
    return Pick(every, None if fps is None else Fraction(fps).limit_denominator(1000))


def _report(out: Path, done: "Extracted", seconds: float) -> None:
    """Say what an extraction of so many ``seconds`` did."""
    before = f"; files gone through before: {done.passed}" if done.passed else ""
    say(
        f"{out}: {done.added} faces added from {done.frames} frames in {seconds:.1f} s,"
        f" {done.frames / seconds:.0f} frames a second{before}"
    )
    for line in done.notes:
        note(line)


@contextmanager
def _progress(show: bool) -> "Iterator[OnFrame | None]":
    """A bar for the file that is read, on stderr, where there is a terminal to show it."""
    if not show or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from realtime.runtime.stop_signals import unwinding

    columns = (
        TextColumn("{task.description}", markup=False),  # a name may look like markup
        BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[fps]:.1f} fps"), TimeRemainingColumn(),
    )  # fmt: skip
    with unwinding(), Progress(*columns, console=Console(stderr=True), transient=True) as bar:  # it hides the cursor
        tasks: dict[str, tuple[TaskID, float]] = {}

        def on_frame(name: str, done: int, expected: int) -> None:
            if name not in tasks:
                tasks[name] = (bar.add_task(harmless(name), total=None, fps=0.0), perf_counter())
            task, began = tasks[name]
            bar.update(task, completed=done, total=max(done, expected), fps=done / (perf_counter() - began))

        yield on_frame


faceset = typer.Typer(no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False)


@faceset.callback()
def _group() -> None:
    """Look at a set of faces, sort, prune, merge and split it."""


@faceset.command()
def report(
    folder: Folder,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE.html", help="Where to write the page; by default FACESET/report.html.")
    ] = None,
    against: Annotated[
        Path | None, typer.Option(metavar="FACESET", help="The other side's set, whose poses this one should have too.")
    ] = None,
) -> None:
    """Show what the set covers: poses, expressions, light, sharpness; and say what is missing."""
    from models.faceset.folder import Faceset
    from models.faceset.report import write_report

    page = out or folder / "report.html"
    missing = write_report(Faceset.open(folder), page, None if against is None else Faceset.open(against))
    say(f"{page}: written")
    for line in missing:
        say(f"- {line}")


@faceset.command()
def sort(
    folder: Folder,
    by: Annotated[
        str, typer.Option(metavar="ORDER", help="pose, yaw, pitch, sharpness, similarity, brightness or time.")
    ] = "pose",
) -> None:
    """Put the set in order, and link the faces in FACESET/sorted for a file browser.

    Delete the links of faces that you do not want, then set those aside with `mummer faceset prune --deleted`.
    """
    from models.faceset.curate import sort as run
    from models.faceset.folder import Faceset

    count = run(Faceset.open(folder), by)
    say(f"{folder}: {count} faces sorted by {by}; see {folder / 'sorted'}")


@faceset.command()
def prune(
    folder: Folder,
    duplicates: Annotated[bool, typer.Option("--duplicates", help="Nearly the same as a sharper one.")] = False,
    misaligned: Annotated[bool, typer.Option("--misaligned", help="Landmarks that are not those of a face.")] = False,
    blurred: Annotated[bool, typer.Option("--blurred", help="Half as sharp as the rest of their source.")] = False,
    dark: Annotated[bool, typer.Option("--dark", help="Too dark to see.")] = False,
    bright: Annotated[bool, typer.Option("--bright", help="Blown out.")] = False,
    deleted: Annotated[bool, typer.Option("--deleted", help="Links that you deleted from FACESET/sorted.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say how many there are.")] = False,
) -> None:
    """Set faces aside that would not help. Nothing is deleted: `mummer faceset restore` brings them back."""
    from models.faceset.curate import prune as run
    from models.faceset.folder import Faceset

    asked = {
        "duplicate": duplicates,
        "misaligned": misaligned,
        "blurred": blurred,
        "dark": dark,
        "bright": bright,
        "deleted": deleted,
    }
    found = run(Faceset.open(folder), [name for name, wanted in asked.items() if wanted], dry_run)
    counts = ", ".join(f"{count} {name}" for name, count in found.items()) or "none"
    say(f"{folder}: {counts}" + ("" if dry_run or not found else f"; set aside in {folder / 'pruned'}"))


@faceset.command()
def restore(
    folder: Folder,
    only: Annotated[
        list[str] | None, typer.Option(metavar="FLAW", help="duplicate, misaligned, blurred, dark, bright, deleted.")
    ] = None,
) -> None:
    """Bring back the faces that were set aside."""
    from models.faceset.curate import restore as run
    from models.faceset.folder import Faceset

    say(f"{folder}: {run(Faceset.open(folder), only or ())} faces brought back")


@faceset.command()
def merge(
    folders: Annotated[list[Path], typer.Argument(metavar="FACESET...", help="The sets to join.")],
    out: Annotated[Path, typer.Option(metavar="FACESET", help="The new set.")],
) -> None:
    """Join sets of one person in a new one, every face once."""
    from models.faceset.folder import Faceset
    from models.faceset.join import merge as run

    count = run([Faceset.open(folder) for folder in folders], out)
    say(f"{out}: {count} faces of {len(folders)} sets")


@faceset.command()
def split(
    folder: Folder,
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="A new folder for a set of each person.")],
    embedder: Annotated[
        Path | None, typer.Option(metavar="FILE.onnx", help="A face embedding of the ArcFace kind, to be sure.")
    ] = None,
    device: options.Device = "auto",
) -> None:
    """Divide a set by person, into a new set of each. The set itself stays as it is."""
    from models.faceset.folder import Faceset
    from models.faceset.people import Embedder, GreyPicture
    from models.faceset.people import split as run

    made = run(Faceset.open(folder), out, GreyPicture() if embedder is None else Embedder(embedder, device))
    for path, count in made:
        say(f"{path}: {count} faces")
    if embedder is None:
        note(
            "told apart by tracks and small grey pictures alone, which may divide one person in two lights, or join"
            " two who look alike: look at the sets; --embedder FILE.onnx is surer"
        )
