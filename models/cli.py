"""``mummer train``: plugs into the command line by name, which imports this module only to run it."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from realtime.cli.failures import missing

__all__ = ["train"]


def train(
    out: Annotated[Path, typer.Option(help="Folder of the run: settings, checkpoints, previews, curves.")],
    a: Annotated[Path | None, typer.Option(help="Faceset of side A, the face to be replaced.")] = None,
    b: Annotated[Path | None, typer.Option(help="Faceset of side B, the face to put in.")] = None,
    c: Annotated[list[Path] | None, typer.Option(help="A third face to put in; again for more.")] = None,
    fit: Annotated[Path | None, typer.Option(help="Faces of the clip to convert, for the last stage.")] = None,
    pairs: Annotated[
        Path | None,
        typer.Option(help="Instead of A and B: input.npy, target.npy, mask.npy, matched one by one."),
    ] = None,
    book: Annotated[
        Path | None,
        typer.Option("--import", help="Begin with encoder.pth, decodera.pth, decoderb.pth of Exploring Deepfakes."),
    ] = None,
    config: Annotated[Path | None, typer.Option(help="TOML file with any of these, and stages and loss.")] = None,
    arch: Annotated[str | None, typer.Option(help="Architecture: original, lite, df, liae; lite by default.")] = None,
    size: Annotated[int | None, typer.Option(help="Side of the crop in pixels; 64 for original, else 128.")] = None,
    skips: Annotated[int | None, typer.Option(help="lite from pairs: decoder levels that see the encoder.")] = None,
    template: Annotated[str | None, typer.Option(help="How the faces are aligned; whole-face by default.")] = None,
    batch: Annotated[int | None, typer.Option(help="Pictures a step, for each side and device; 16 by default.")] = None,
    iterations: Annotated[int | None, typer.Option(help="Steps to make in all.")] = None,
    hours: Annotated[float | None, typer.Option(help="Time to take in all.")] = None,
    minutes: Annotated[float | None, typer.Option(help="Time to take in all.")] = None,
    rate: Annotated[float | None, typer.Option(help="Highest learning rate; 0.001 by default.")] = None,
    partners: Annotated[
        Literal["drawn", "nearest"] | None,
        typer.Option(help="What stands for B where A asks: drawn by the mesh, by default, or B's nearest faces."),
    ] = None,
    base: Annotated[
        Literal["auto", "none"] | None,
        typer.Option(help="What lite begins with: auto, a network that knows faces; none, fresh weights."),
    ] = None,
    flip: Annotated[str | None, typer.Option(help="Sides to mirror: all, none, or letters as in ab.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of weights and batches.")] = None,
    threads: Annotated[int | None, typer.Option(help="Threads; 0 leaves it to torch.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda, ...")] = None,
    devices: Annotated[int | None, typer.Option(help="How many of them; the batch grows with them.")] = None,
    precision: Annotated[str | None, typer.Option(help="auto, fp32, bf16 or fp16.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where the run's checkpoint stands.")] = False,
    show_pairs: Annotated[
        bool, typer.Option("--show-pairs", help="Only write a sheet of the pairs, pairs.png, into the run's folder.")
    ] = False,
) -> None:
    """Train a swap model from facesets, or from pairs; or only --import one.

    With --resume all that is not given stays as the run was begun.
    """
    given = {
        name: value
        for name, value in {
            "a": _whole(a), "b": _whole(b), "c": c and [each.absolute() for each in c], "fit": _whole(fit),
            "pairs": _whole(pairs), "import": _whole(book), "arch": arch, "size": size, "skips": skips,
            "template": template, "batch": batch, "iterations": iterations,
            "hours": hours, "minutes": minutes, "rate": rate, "base": base, "partners": partners, "flip": flip,
            "seed": seed, "threads": threads, "device": device, "devices": devices, "precision": precision,
        }.items()
        if value is not None
    }  # fmt: skip
    try:
        from models.run import start  # and torch, for which neither --help nor a wrong option waits
    except ImportError as error:
        raise missing(error, "train", "train") from error
    start(out, given, config, resume, show_pairs)


def _whole(path: Path | None) -> Path | None:
    """The path from the root, so that a run can be resumed from anywhere."""
    return path and path.absolute()
