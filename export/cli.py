"""``mummer export``: plugs into the command line by name, which imports this module only to run it."""

from pathlib import Path
from typing import Annotated

import typer

from realtime.cli.failures import missing

__all__ = ["export"]


def export(
    run: Annotated[Path, typer.Argument(help="Folder of the training run; or of the face finder to write.")],
    output: Annotated[
        Path | None, typer.Argument(help="The model file to write: .onnx, or .dfm for other programs too.")
    ] = None,
    side: Annotated[
        list[str] | None, typer.Option(help="Side to put in: a, b, c ..., again for more, or all. [default: the last]")
    ] = None,
    direction: Annotated[str | None, typer.Option(help="Instead of --side: a2b puts b in for a.")] = None,
    size: Annotated[
        int | None, typer.Option(min=16, max=2048, help="Side of the crops in pixels. [default: as trained]")
    ] = None,
    fp16: Annotated[bool, typer.Option("--fp16", help="Half precision: half the size, for GPUs.")] = False,
    int8: Annotated[bool, typer.Option("--int8", help="Whole numbers: for CPUs; needs --calibrate.")] = False,
    calibrate: Annotated[Path | None, typer.Option(help="Aligned faces that --int8 takes its ranges from.")] = None,
    quality: Annotated[
        float | None,
        typer.Option(min=20, max=60, help="Least PSNR in dB with --fp16 (else 45) or --int8 (else 35)."),
    ] = None,
    opset: Annotated[
        int | None, typer.Option(min=18, max=25, help="Version of the ONNX operators; 18 by default.")
    ] = None,
    consent: Annotated[
        list[Path] | None,
        typer.Option(help="Identity file of the exported side, where the run has none; again for more sides."),
    ] = None,
    licence: Annotated[str, typer.Option(help="Licence of the model file.")] = "all rights reserved",
    color: Annotated[
        str | None, typer.Option(help="Colour mode that suits the face; balance by default, none after --pairs.")
    ] = None,
    samples: Annotated[Path | None, typer.Option(help="Aligned faces to compare torch and ONNX Runtime on.")] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace the output if it is there.")] = False,
    face_finder: Annotated[
        str | None, typer.Option(help="Instead of a run, write face-alignment's face finder: sfd+fan.")
    ] = None,
) -> None:
    """Write a trained side as a model file, checked before it appears."""
    try:
        from export.run import start, write_face_finder  # and torch, for which neither --help nor a wrong option waits
    except ImportError as error:
        raise missing(error, "export", "train") from error
    if face_finder is not None:
        write_face_finder(face_finder, run, output, replace)
        return
    start(
        run, output, sides=side or (), direction=direction, size=size, fp16=fp16, int8=int8, calibrate=calibrate,
        quality=quality, opset=opset, consent=consent or (), licence=licence, color=color, samples=samples,
        replace=replace,
    )  # fmt: skip
