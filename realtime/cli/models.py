"""``mummer models``: the models at hand."""

import sys
from io import StringIO
from typing import Annotated, Final

import typer

from realtime.cli.say import say

__all__ = ["models"]

WIDE: Final = 1000


def models(
    files: Annotated[list[str] | None, typer.Argument(metavar="FILE", help="More model files to list.")] = None,
) -> None:
    """List the models that come with the program, and any files given."""
    from rich.console import Console
    from rich.table import Table

    from realtime.library import DEFAULT, find_model, list_models
    from realtime.swap import SwapModel

    table = Table("name", "size", "identity", "kind", "licence", box=None, pad_edge=False)
    table.add_column("file", overflow="fold")
    for path in (*list_models(), *(find_model(file) for file in files or ())):
        manifest = SwapModel.load(path, "cpu").manifest
        identities = manifest.identities
        table.add_row(
            f"{path.stem} (default)" if path.stem == DEFAULT else path.stem,
            f"{manifest.size} px",
            ", ".join(identity.name for identity in identities),
            ", ".join(identity.kind for identity in identities),
            manifest.licence,
            str(path),
        )
    # Paths are to be copied: in a pipe nothing may wrap.
    shown = StringIO()
    seen = sys.stdout.isatty()
    Console(file=shown, force_terminal=seen, width=None if seen else WIDE).print(table)
    for line in shown.getvalue().splitlines():
        say(line.rstrip())
