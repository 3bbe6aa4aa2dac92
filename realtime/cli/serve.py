"""``mummer serve``: the live engine as a daemon, with an HTTP API and a web panel."""

from pathlib import Path
from typing import Annotated

import typer

from realtime.cli import options
from realtime.cli.console import say

__all__ = ["serve"]


def serve(
    host: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Where to listen; 127.0.0.1 by default.")] = None,
    port: Annotated[int | None, typer.Option(metavar="NUMBER", min=1, max=65535, help="Its port; 7860.")] = None,
    config: Annotated[Path | None, typer.Option(metavar="FILE.toml", help="Configuration; options win.")] = None,
    root: Annotated[
        list[Path] | None, typer.Option(metavar="FOLDER", help="A folder whose files may be named over the API.")
    ] = None,
    log_level: options.LogLevel = None,
    log_json: Annotated[
        bool | None, typer.Option("--log-json", help="Log a JSON object a line.", show_default=False)
    ] = None,
) -> None:
    """Run as a daemon: HTTP API, metrics, and a web panel."""
    from realtime.cli.failures import missing

    try:
        from realtime.serve.daemon import run
    except ImportError as error:
        raise missing(error, "serve", "serve") from error
    from realtime.runtime.process import tune
    from realtime.serve.settings import read_settings

    tune()
    given = {"host": host, "port": port, "roots": root, "log_level": log_level, "log_json": log_json}
    run(read_settings(config, **given), say)
