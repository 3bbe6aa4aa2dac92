"""How a recipe runs as ``python -m``: typer reads the options, and a user's mistake is one line."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from realtime.runtime.errors import MummerError

__all__ = ["Faces", "Rate", "Resume", "Threads", "run"]

# Options of several recipes.
Faces = Annotated[Path, typer.Option(help="Folder with images/ and points.npz.")]
Threads = Annotated[int, typer.Option(min=1, help="Threads.")]
Rate = Annotated[float, typer.Option(help="Learning rate at its highest; it falls to 1 % of that.")]
Resume = Annotated[bool, typer.Option("--resume", help="Start from the weights in the run folder.")]


def run(main: Callable[..., None]) -> NoReturn:
    """Call ``main`` with the options of the command line and exit: 0 done, 1 failed, 2 wrong usage.

    A ``MummerError`` is printed as one line; any other exception is our own bug and keeps its traceback.
    """
    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    app.command()(main)
    try:
        app()
    except MummerError as error:
        print("error:", " ".join(str(error).split()), file=sys.stderr)
        sys.exit(error.exit_code)
    sys.exit(0)
