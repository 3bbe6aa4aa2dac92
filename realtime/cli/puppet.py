"""``mummer puppet``: a photo that moves as a performer does."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from realtime.cli import options
from realtime.cli.console import note, say
from realtime.cli.progress import progress
from realtime.media.pixel_limit import MAX_PIXELS
from realtime.settings import LABEL

if TYPE_CHECKING:
    from realtime.jobs.report import Report

__all__ = ["puppet"]


def puppet(
    photo: Annotated[str, typer.Argument(metavar="PHOTO", help="A picture of one face, seen from the front.")],
    driver: Annotated[str, typer.Argument(metavar="DRIVER", help="A video of the performer.")],
    target: Annotated[Path, typer.Argument(metavar="OUTPUT", help="The video to write: .mp4, .mov, .mkv, ...")],
    consent: options.Consent = None,
    face: Annotated[
        str | None, typer.Option(metavar="left|right|N", help="Which face of the photo, where there are several.")
    ] = None,
    rest: Annotated[
        str,
        typer.Option(
            metavar="auto|first|N",
            help="Where the performer looks as the photo does: the most neutral frame, or a number.",
        ),
    ] = "auto",
    label: Annotated[str, typer.Option(metavar="TEXT|off", help="Text in a corner that says what it is.")] = LABEL,
    label_place: Annotated[str, typer.Option(metavar="CORNER", help="Its corner.")] = "bottom-right",
    device: options.Device = "auto",
    codec: options.Codec = None,
    crf: options.Crf = None,
    preset: options.Preset = None,
    max_pixels: options.MaxPixels = MAX_PIXELS,
    report: Annotated[Path | None, typer.Option(metavar="FILE.json", help="Write what was done, as JSON.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace OUTPUT if it exists.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print nothing but errors.")] = False,
) -> None:
    """Let a photo move as the performer of a video does.

    Its size is the photo's, sound and times are the video's.
    """
    from realtime.jobs.puppet import PuppetJob
    from realtime.jobs.puppet import puppet as run
    from realtime.jobs.rest import read_rest
    from realtime.media.encoding import Encoding
    from realtime.runtime.process import tune

    tune()
    job = PuppetJob(
        photo=options.as_file(photo),
        driver=options.as_file(driver),
        target=target,
        consent=consent,
        face=face,
        rest=read_rest(rest),
        label=None if label == "off" else label,
        label_place=label_place,
        device=device,
        encoding=Encoding(codec, crf, preset),
        report=report,
        force=force,
        max_pixels=max_pixels,
    )
    with progress(target.name, show=not quiet) as on_frame:
        done = run(job, on_frame)
    if not quiet:
        _tell(target, done)


def _tell(target: Path, done: "Report") -> None:
    """What was done."""
    say(
        f"{target}: {done.model.identity[0].name} moves in {done.frames_swapped} of {done.frames_out} frames,"
        f" {done.fps:.1f} frames a second, {done.wall_s:.1f} s"
    )
    if done.provenance.manifest == "sidecar":
        note(f"its signed manifest is in {done.provenance.manifest_path}; keep the two together")
    for warning in done.warnings:
        note(warning)
