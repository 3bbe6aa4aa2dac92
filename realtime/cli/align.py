"""``mummer align``: the page on which saved faces are corrected."""

from pathlib import Path
from typing import Annotated

import typer

from realtime.cli import options
from realtime.cli.console import note, say
from realtime.media.pixel_limit import MAX_PIXELS

__all__ = ["align"]


def align(
    file: Annotated[Path, typer.Argument(metavar="FILE.jsonl", help="Faces, from `mummer faces INPUT --save`.")],
    source: Annotated[
        Path | None, typer.Option("--input", metavar="VIDEO", help="The video, if it lies elsewhere by now.")
    ] = None,
    port: Annotated[
        int, typer.Option(metavar="NUMBER", min=0, max=65535, help="Where the page is; by default a free one.")
    ] = 0,
    max_pixels: options.MaxPixels = MAX_PIXELS,
) -> None:
    """Correct saved faces by hand, on a page in the browser."""
    from realtime.cli.failures import missing

    try:
        from realtime.serve.align.run import run
    except ImportError as error:
        raise missing(error, "align", "serve") from error
    from realtime.runtime.process import tune

    tune()
    run(file, source, port, say, note, max_pixels)
