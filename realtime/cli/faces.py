"""``mummer faces``: what the face finder sees."""

from pathlib import Path
from typing import Annotated

import typer

from realtime.cli import options
from realtime.cli.console import note, say
from realtime.cli.progress import progress
from realtime.media.pixel_limit import MAX_PIXELS
from realtime.runtime.errors import UsageError

__all__ = ["faces"]


def faces(
    inputs: Annotated[list[Path], typer.Argument(metavar="INPUT", help="Videos and pictures.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, for every frame.")] = False,
    save: Annotated[
        Path | None,
        typer.Option(metavar="FILE.jsonl", help="Write what is seen in a video, for `align` and `convert`."),
    ] = None,
    sheet: Annotated[
        Path | None, typer.Option(metavar="OUT.png", help="Write a picture that shows which track is who.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace FILE.jsonl and OUT.png if they exist.")] = False,
    detector: options.Detector = "builtin",
    device: options.Device = "auto",
    max_pixels: options.MaxPixels = MAX_PIXELS,
    quiet: Annotated[bool, typer.Option("--quiet", help="With --save and --sheet: print nothing but errors.")] = False,
) -> None:
    """Show which faces the face finder sees, frame by frame."""
    import json

    from realtime.jobs.detections import FrameFaces, detect_faces
    from realtime.jobs.save_faces import look_through
    from realtime.runtime.process import tune

    tune()
    if save is not None or sheet is not None:
        if len(inputs) > 1 or as_json:
            raise UsageError("--save and --sheet are for one video at a time, without --json")
        with progress(inputs[0].name, show=not quiet) as on_frame:
            sheet_of = look_through(
                inputs[0],
                save,
                sheet,
                detector=detector,
                device=device,
                max_pixels=max_pixels,
                force=force,
                on_frame=on_frame,
            )
        if not quiet:
            say(f"{' and '.join(str(path) for path in (save, sheet) if path is not None)}: {sheet_of.title}")
            for words in sheet_of.notes:
                note(words)
        return

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
