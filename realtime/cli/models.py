"""``mummer models``: the models at hand."""

from typing import Annotated

import typer

__all__ = ["models"]


def models(
    files: Annotated[list[str] | None, typer.Argument(help="More model files to list.")] = None,
) -> None:
    """List the models that come with the program, and any files given."""
    from rich.console import Console
    from rich.table import Table

    from realtime.library import DEFAULT, find_model, list_models
    from realtime.swap import SwapModel

    table = Table("name", "size", "identity", "kind", "licence", "file", box=None, pad_edge=False)
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
    console = Console()
    # Paths are to be copied: in a pipe nothing may wrap or cut them.
    console.print(table, soft_wrap=not console.is_terminal)
