"""Options that several commands share, written once."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

__all__ = [
    "Blend", "Codec", "Color", "Crf", "Detector", "Device", "Faces", "FacesChoice", "Input", "Label",
    "LabelPlace", "Model", "Preset", "Sharpen", "as_file",
]  # fmt: skip


class FacesChoice(StrEnum):
    """Which faces of a frame are swapped."""

    all = "all"
    largest = "largest"


Input: TypeAlias = Annotated[str, typer.Argument(metavar="INPUT", help="The video file to read.")]
Model: TypeAlias = Annotated[str, typer.Option(metavar="NAME|FILE", help="Swap model; see `mummer models`.")]
Device: TypeAlias = Annotated[str, typer.Option(metavar="NAME", help="Where models run: auto, cpu, cuda, ...")]
Detector: TypeAlias = Annotated[str, typer.Option(metavar="NAME", help="Face finder: builtin, sfd, yunet, ...")]
Faces: TypeAlias = Annotated[FacesChoice, typer.Option(help="Swap every face, or the largest of each frame.")]
Blend: TypeAlias = Annotated[str, typer.Option(metavar="NAME", help="The mask's edge: normal, soft, tight, inner.")]
Color: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="MODE", help="Colour transfer: none, light, mean; by default what suits the model."),
]
Sharpen: TypeAlias = Annotated[
    float, typer.Option(metavar="AMOUNT", min=0, max=1, help="Sharpen the new face, 0 to 1.")
]
Codec: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="ENCODER", help="FFmpeg's name: libx264, libx265, ffv1, ...; by default what suits OUTPUT."),
]
Crf: TypeAlias = Annotated[
    float | None,
    typer.Option(metavar="NUMBER", min=0, max=63, help="Constant quality, lower is better; 20 for libx264."),
]
Preset: TypeAlias = Annotated[
    str | None, typer.Option(metavar="NAME", help="The encoder's preset; veryfast for libx264.")
]
Label: TypeAlias = Annotated[
    str, typer.Option(metavar="TEXT|off", help="Text in a corner that says what the video is, or off.")
]
LabelPlace: TypeAlias = Annotated[
    str, typer.Option(metavar="CORNER", help="Its corner: top-left, top-right, bottom-left, bottom-right.")
]


def as_file(text: str) -> Path:
    """``text`` as a path. Raises ``InputError`` for an address: a file job reads files."""
    from realtime.errors import InputError

    scheme, colon, rest = text.partition("://")
    if colon and scheme.isalnum() and rest:
        raise InputError(f"{text}: an address; this command reads files, so download it first")
    return Path(text)
