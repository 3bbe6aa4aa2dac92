"""How a recipe runs as ``python -m``: typer reads the options, and a user's mistake is one line."""

import sys
from collections.abc import Callable
from typing import NoReturn

import typer

from realtime.runtime.errors import MummerError

__all__ = ["run"]


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
