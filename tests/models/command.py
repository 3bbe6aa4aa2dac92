"""``mummer train`` in the test's own process."""

import typer
from typer.testing import CliRunner

from models.cli import train
from realtime.runtime.errors import MummerError

__all__ = ["call"]


def call(*words: object) -> str:
    """What the command prints. Raises its ``MummerError``."""
    app = typer.Typer()
    app.command()(train)
    result = CliRunner().invoke(app, [str(word) for word in words])
    if isinstance(result.exception, MummerError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output
