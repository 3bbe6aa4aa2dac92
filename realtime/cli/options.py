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
Device: TypeAlias = Annotated[str, typer.Option(help="Where models run: auto, cpu, cuda, ...")]
Detector: TypeAlias = Annotated[str, typer.Option(help="Face finder: builtin, sfd, yunet, ...")]
Faces: TypeAlias = Annotated[FacesChoice, typer.Option(help="Swap every face, or the largest of each frame.")]
Blend: TypeAlias = Annotated[str, typer.Option(metavar="NAME", help="The mask's edge: normal, soft, tight, inner.")]
Color: TypeAlias = Annotated[
    str | None, typer.Option(metavar="MODE", help="Colour transfer; what suits the model unless given.")
]
Sharpen: TypeAlias = Annotated[float, typer.Option(min=0, max=1, help="Sharpen the new face.")]
Codec: TypeAlias = Annotated[
    str | None, typer.Option(metavar="ENCODER", help="FFmpeg's name: libx264 (default), libx265, ffv1, ...")
]
Crf: TypeAlias = Annotated[
    float | None, typer.Option(min=0, max=63, help="Constant quality, lower is better; 20 for libx264.")
]
Preset: TypeAlias = Annotated[str | None, typer.Option(help="The encoder's preset; veryfast for libx264.")]
Label: TypeAlias = Annotated[
    str, typer.Option(metavar="TEXT|off", help="Text in the corner that says what the video is.")
]
LabelPlace: TypeAlias = Annotated[str, typer.Option(metavar="CORNER", help="Where the label stands.")]


def as_file(text: str) -> Path:
    """``text`` as a path. Raises ``InputError`` for an address: a file job reads files."""
    from realtime.errors import InputError

    scheme, colon, rest = text.partition("://")
    if colon and scheme.isalnum() and rest:
        raise InputError(f"{text}: an address; this command reads files, so download it first")
    return Path(text)
