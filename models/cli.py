"""``mummer train``: plugs into the command line by name, which imports this module only to run it."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from models.architectures import configure
from models.batches import PairBatches, SideBatches
from models.digest import digest
from models.faces import read_faces
from models.pairs import read_pairs
from models.train import Settings, check_run
from models.train import train as run
from realtime.errors import UsageError
from realtime.geometry import TEMPLATES

__all__ = ["train"]


def train(
    out: Annotated[Path, typer.Option(help="Folder of the run: checkpoint and preview.")],
    a: Annotated[Path | None, typer.Option(help="Aligned faces of side A, the one to be replaced.")] = None,
    b: Annotated[
        list[Path] | None,
        typer.Option(help="Aligned faces of side B, the one to put in; again for more sides."),
    ] = None,
    pairs: Annotated[
        Path | None,
        typer.Option(help="Instead of A and B: input.npy, target.npy, mask.npy, matched one by one."),
    ] = None,
    arch: Annotated[str, typer.Option(help="Architecture: original or lite.")] = "lite",
    size: Annotated[
        int | None, typer.Option(help="Side of the crop in pixels; by default 64 for original, 128 for lite.")
    ] = None,
    skips: Annotated[int, typer.Option(min=0, max=3, help="lite from pairs: decoder levels that see the encoder.")] = 0,
    template: Annotated[str, typer.Option(help="How the faces are aligned.")] = "whole-face",
    batch: Annotated[int, typer.Option(min=1, help="Pictures a step, for each side.")] = 16,
    iterations: Annotated[int | None, typer.Option(min=1, help="Steps to make in all.")] = None,
    minutes: Annotated[float | None, typer.Option(min=0.01, help="Time to take in all.")] = None,
    rate: Annotated[float, typer.Option(min=1e-9, max=1, help="Highest learning rate.")] = 1e-3,
    flip: Annotated[bool, typer.Option(help="Mirror half of the pictures.")] = True,
    seed: Annotated[int, typer.Option(min=0, max=2**31, help="Seed of weights and batches.")] = 0,
    threads: Annotated[int, typer.Option(min=0, help="Threads; 0 leaves it to torch.")] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, ...")] = "auto",
    resume: Annotated[bool, typer.Option("--resume", help="Go on where the run's checkpoint stands.")] = False,
) -> None:
    """Train a swap model from aligned faces, or from pairs."""
    folders = [folder for folder in (a, *(b or ())) if folder is not None]
    if bool(folders) == (pairs is not None) or (folders and (a is None or not b)):
        raise UsageError("give either --a and --b, or --pairs")
    if folders and skips:
        raise UsageError("--skips is for --pairs: past an unpaired code a face would keep its own identity")
    if template not in TEMPLATES:
        raise UsageError(f"no template {template!r}; there are {', '.join(TEMPLATES)}")
    if iterations is None and minutes is None:
        raise UsageError("training needs an end: give --iterations, --minutes, or both")
    check_run(out, resume)

    fields: dict[str, object] = {"sides": len(folders) or 1}
    if skips:
        fields["skips"] = skips
    if size is not None:
        fields["size"] = size
    source: PairBatches | SideBatches
    if pairs is not None:
        learned = read_pairs(pairs)
        config = configure(arch, **{"size": learned.inputs.shape[1], **fields})
        source = PairBatches(learned, config.sides - 1, replace(PairBatches.geometry, flip=0.5 * flip))
        sources = {"pairs": digest(learned.inputs, learned.targets, learned.masks)}
        if learned.inputs.shape[1] != config.size:
            raise UsageError(f"{pairs}: the pairs have {learned.inputs.shape[1]} pixels, not {config.size}")
    else:
        config = configure(arch, **fields)
        sides = [read_faces(folder, config.size) for folder in folders]
        source = SideBatches(sides, replace(SideBatches.geometry, flip=0.5 * flip))
        sources = {chr(ord("A") + side): digest(faces.faces, faces.masks) for side, faces in enumerate(sides)}
    settings = Settings(
        iterations=iterations,
        minutes=minutes,
        batch=batch,
        rate=rate,
        seed=seed,
        threads=threads,
        device=device,
    )
    run(config, source, out, settings, {"template": template, "sources": sources}, resume, typer.echo)
