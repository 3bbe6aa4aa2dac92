"""``mummer faces``: what the face finder sees."""

from pathlib import Path
from typing import Annotated

import typer

from realtime.cli import options
from realtime.cli.console import say
from realtime.media.pixel_limit import MAX_PIXELS

__all__ = ["faces"]


def faces(
    inputs: Annotated[list[Path], typer.Argument(metavar="INPUT", help="Videos and pictures.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, for every frame.")] = False,
    detector: options.Detector = "builtin",
    device: options.Device = "auto",
    max_pixels: options.MaxPixels = MAX_PIXELS,
) -> None:
    """Show which faces the face finder sees, frame by frame."""
    import json

    from realtime.jobs.detections import FrameFaces, detect_faces
    from realtime.runtime.process import tune

    tune()

    def line(seen: FrameFaces) -> str:
        boxes = ", ".join(
            f"track {face.track} at {face.box[0]:.0f},{face.box[1]:.0f} to {face.box[2]:.0f},{face.box[3]:.0f}"
            f" ({face.score:.2f})"
            for face in seen.faces
        )
        return f"{seen.source} frame {seen.frame}: {boxes or 'no face'}"

    for path in inputs:
        for seen in detect_faces(path, detector, device, max_pixels):
            # Escaped JSON holds file names too that are no UTF-8.
            say(json.dumps(seen.model_dump(), separators=(",", ":")) if as_json else line(seen))
