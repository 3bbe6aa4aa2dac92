"""Options that several commands share, written once."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

__all__ = [
    "Blend", "Codec", "Color", "Consent", "Crf", "Detector", "Device", "Embedder", "Faces", "FacesChoice", "Identity",
    "Input", "Label", "LabelPlace", "Model", "Morph", "Photo", "Preset", "Sharpen", "as_file", "as_size",
]  # fmt: skip


class FacesChoice(StrEnum):
    """Which faces of a frame are swapped."""

    all = "all"
    largest = "largest"


Input: TypeAlias = Annotated[str, typer.Argument(metavar="INPUT", help="The video file to read.")]
Model: TypeAlias = Annotated[str, typer.Option(metavar="NAME|FILE", help="Swap model; see `mummer models`.")]
Device: TypeAlias = Annotated[str, typer.Option(metavar="NAME", help="Where models run: auto, cpu, cuda, ...")]
Identity: TypeAlias = Annotated[
    str | None, typer.Option(metavar="ID", help="Which face to put in, of a model that has several.")
]
Morph: TypeAlias = Annotated[
    float | None, typer.Option(metavar="SHARE", min=0, max=1, help="How much of the other face an AMP model shows.")
]
Photo: TypeAlias = Annotated[
    Path | None, typer.Option(metavar="FILE", help="One-image models: a picture of the face to put in.")
]
Embedder: TypeAlias = Annotated[
    Path | None, typer.Option(metavar="FILE.onnx", help="One-image models: the ArcFace network that reads it.")
]
Consent: TypeAlias = Annotated[
    Path | None, typer.Option(metavar="IDENTITY.json", help="Whose face it is and who agreed: `mummer consent new`.")
]
Detector: TypeAlias = Annotated[str, typer.Option(metavar="NAME", help="Face finder: builtin, sfd, yunet, ...")]
Faces: TypeAlias = Annotated[FacesChoice, typer.Option(help="Swap every face, or the largest of each frame.")]
Blend: TypeAlias = Annotated[str, typer.Option(metavar="NAME", help="The mask's edge: normal, soft, tight, inner.")]
Color: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="MODE", help="Colour transfer: none, light, balance, mean; by default what suits the model."),
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
    from realtime.runtime.errors import InputError

    scheme, colon, rest = text.partition("://")
    if colon and scheme.isalnum() and rest:
        raise InputError(f"{text}: an address; this command reads files, so download it first")
    return Path(text)


def as_size(text: str) -> tuple[int, int]:
    """``text`` of the form WIDTHxHEIGHT. Raises ``UsageError`` for another."""
    from realtime.runtime.errors import UsageError

    width, _, height = text.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal() and 16 <= int(width) <= 16384 and 16 <= int(height) <= 16384):
        raise UsageError(f"--size {text}: write it like 1280x720, in pixels")
    return int(width), int(height)
