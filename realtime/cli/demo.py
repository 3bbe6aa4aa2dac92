"""``mummer demo``: the main job on a clip that it makes itself."""

from pathlib import Path
from typing import Annotated

import typer

from realtime.cli.console import note, say
from realtime.cli.progress import progress

__all__ = ["demo"]


def demo(
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder for sample.mp4, swapped.mp4, before_after.png and puppet.mp4.")
    ] = Path("mummer-demo"),
    seconds: Annotated[float, typer.Option(min=1, max=60, metavar="S", help="Length of the sample clip.")] = 7.0,
) -> None:
    """Make a sample clip with sound, swap its face, and show both.

    It also moves a drawing.
    """
    from time import perf_counter

    from realtime.demo.picture import write_before_after
    from realtime.demo.sample import write_sample
    from realtime.jobs.convert import Job, convert
    from realtime.runtime.files import make_folder
    from realtime.runtime.process import tune

    tune()
    make_folder(out)
    sample, swapped, picture = out / "sample.mp4", out / "swapped.mp4", out / "before_after.png"

    began = perf_counter()
    with progress(sample.name, show=True) as on_frame:
        frames = write_sample(sample, seconds=seconds, on_frame=on_frame)
    drawn = perf_counter() - began
    say(f"{sample}: a portrait that talks, {frames} frames with sound, drawn in {drawn:.1f} s")

    with progress(swapped.name, show=True) as on_frame:
        done = convert(Job(sample, swapped, force=True), on_frame)
    say(
        f"{swapped}: {done.faces} faces swapped in {done.frames_swapped} of {done.frames_out} frames,"
        f" {done.fps:.1f} frames a second, {done.wall_s:.1f} s"
    )
    for warning in done.warnings:
        note(warning)
    write_before_after(picture, sample, swapped)
    say(f"{picture}: a few moments of both")
    _puppet(out, sample)


def _puppet(out: Path, sample: Path) -> None:
    """A drawn face that moves as the sample's portrait does: photo, consent record and clip."""
    from realtime.jobs.puppet import PuppetJob
    from realtime.jobs.puppet import puppet as run
    from realtime.live.sources.portrait import write_portrait

    photo, moved = out / "drawing.png", out / "puppet.mp4"
    consent = write_portrait(photo)
    with progress(moved.name, show=True) as on_frame:
        done = run(PuppetJob(photo, sample, moved, consent, force=True), on_frame)
    say(f"{moved}: {photo.name} moves as the portrait does, {done.fps:.1f} frames a second, {done.wall_s:.1f} s")
    for warning in done.warnings:
        note(warning)
