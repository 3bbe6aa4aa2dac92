"""``mummer mask``: what to paint a mask on."""

from pathlib import Path
from typing import Annotated

import typer

from realtime.cli.console import say

__all__ = ["mask"]

mask = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)


@mask.callback()
def _group() -> None:
    """Write the template on which a mask of your own is painted."""


@mask.command()
def template(
    out: Annotated[Path, typer.Argument(metavar="OUT.png", help="Where the template goes.")],
    size: Annotated[int, typer.Option(metavar="PIXELS", help="Its side, 256 to 4096.")] = 1024,
    force: Annotated[bool, typer.Option("--force", help="Replace OUT.png.")] = False,
) -> None:
    """Write the guide lines of a mask as a PNG: outline and eyes where a mask ends, brows, nose, lips, the mesh."""
    import cv2

    from realtime.masks.template import LEAST, MOST
    from realtime.masks.template import template as draw
    from realtime.media.output_checks import check_output
    from realtime.runtime.errors import OutputError, UsageError
    from realtime.runtime.files import write_whole

    if not LEAST <= size <= MOST:
        raise UsageError(f"--size {size}: {LEAST} to {MOST} pixels")
    if out.suffix.lower() != ".png":
        raise OutputError(f"{out}: a template is a PNG; name it so")
    check_output(out, (), force, lambda path: path)
    _, png = cv2.imencode(".png", cv2.cvtColor(draw(size), cv2.COLOR_RGBA2BGRA))
    write_whole(out, png.tobytes())
    say(f"{out}: paint on a layer below, leave what is to stay open transparent, hide the lines, save as PNG")
    say(f"then: mummer models add {out.stem}-painted.png --name NAME")
