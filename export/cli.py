"""``mummer export``: plugs into the command line by name, which imports this module only to run it."""

from pathlib import Path
from typing import Annotated

import typer

from export.onnx import export_model
from export.record import make_card
from export.samples import sample_faces
from models.checkpoint import load_network, read_checkpoint
from realtime.errors import OutputError, UsageError

__all__ = ["export"]


def export(
    run: Annotated[Path, typer.Argument(help="Folder of the training run.")],
    output: Annotated[Path, typer.Argument(help="The model file to write, .onnx.")],
    identity: Annotated[str, typer.Option(help="Display name of the face that the model puts in.")],
    kind: Annotated[str, typer.Option(help="synthetic, self, consented, licensed or public-domain.")],
    side: Annotated[int | None, typer.Option(min=0, help="Which decoder to export; the last one if not said.")] = None,
    licence: Annotated[str, typer.Option(help="Licence of the model file.")] = "all rights reserved",
    color: Annotated[str, typer.Option(help="Colour mode that suits the face.")] = "none",
    consent_by: Annotated[str | None, typer.Option(help="Who agreed to the use of the face.")] = None,
    consent_date: Annotated[str | None, typer.Option(help="When, as YYYY-MM-DD.")] = None,
    consent_statement: Annotated[str | None, typer.Option(help="To what.")] = None,
    samples: Annotated[Path | None, typer.Option(help="Aligned faces to compare torch and ONNX Runtime on.")] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace the output if it is there.")] = False,
) -> None:
    """Write a trained side as a model file, checked before it appears."""
    if output.suffix != ".onnx":
        raise UsageError(f"{output}: the name of a model file ends in .onnx")
    if output.exists() and not replace:
        raise OutputError(f"{output}: is there already; give --replace to write over it")
    consent = (consent_by, consent_date, consent_statement)
    if any(consent) and not all(consent):
        raise UsageError("a consent record needs all of --consent-by, --consent-date and --consent-statement")
    checkpoint = read_checkpoint(run)
    card = make_card(checkpoint, identity, kind, licence, color, *consent)
    network = load_network(checkpoint)
    chosen = checkpoint.config.sides - 1 if side is None else side
    if chosen >= checkpoint.config.sides:
        raise UsageError(f"{run}: has sides 0 to {checkpoint.config.sides - 1}, not {chosen}")
    faces = sample_faces(checkpoint.config.size, samples)
    manifest = export_model(network, checkpoint.config, chosen, card, faces, output)
    typer.echo(f"{output}: {output.stat().st_size / 1e6:.1f} MB, {identity}, weights {manifest.weights_sha256[:12]}")
