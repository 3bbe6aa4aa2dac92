"""Saving what the face finder sees in a video, frame by frame, for people to correct and for ``convert`` to use."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from realtime.finder import open_finder
from realtime.finder.alignments import AlignedFace, AlignedFrame, Header, InputFacts, write_alignments
from realtime.finder.people import People, reunited
from realtime.jobs.contact_sheet import ContactSheet
from realtime.media.file_source import FileSource
from realtime.media.frame import Frame
from realtime.media.interlaced import fields_of
from realtime.media.pixel_limit import MAX_PIXELS
from realtime.media.standard_streams import STREAM
from realtime.runtime.errors import InputError, OutputError, UsageError
from realtime.runtime.version import our_version

__all__ = ["look_through"]


def look_through(
    path: Path,
    save: Path | None,
    sheet: Path | None,
    *,
    detector: str = "builtin",
    device: str = "auto",
    max_pixels: int = MAX_PIXELS,
    force: bool = False,
    on_frame: Callable[[int, int], None] | None = None,
) -> ContactSheet:
    """Look for faces in every frame of the video ``path`` once, and write the file ``save`` and the picture ``sheet``.

    Returns what the sheet shows, whether it is written or not. Raises ``InputError``, ``OutputError``,
    ``DetectorError`` or ``UsageError``.
    """
    if path == STREAM:
        raise UsageError("--save and --sheet are for files: what comes from standard input is not there a second time")
    if sheet is not None and sheet.suffix.lower() != ".png":
        raise OutputError(f"{sheet}: a contact sheet is a PNG; give it a name that ends in .png")
    for target in (save, sheet):
        if target is not None and target.exists():
            if target.samefile(path):
                raise OutputError(f"{target}: is the input; give another name")
            if not force:
                raise OutputError(f"{target}: exists already; --force replaces it, or give another name")
    with closing(FileSource(path, max_pixels=max_pixels, keep=True)) as source:
        seen = ContactSheet()
        frames = _look(source, detector, device, seen, on_frame)
        if save is None:
            for _ in frames:
                pass
        else:
            first = source.first
            facts = InputFacts.of(path, save, (first.width, first.height), str(source.time_base))
            header = Header(made_by=f"mummer {our_version()}, detector {detector}", input=facts)
            write_alignments(save, header, frames, replace=force)
        if sheet is not None:
            seen.write(sheet, path.name, replace=force)
    return seen


def _look(
    source: FileSource,
    detector: str,
    device: str,
    sheet: ContactSheet,
    on_frame: Callable[[int, int], None] | None,
) -> Iterator[AlignedFrame]:
    finder = People(open_finder(detector, device, raw=True))
    pictures = (item for item in source if isinstance(item, Frame))
    for number, picture in enumerate(pictures):
        for frame in fields_of(picture):
            if frame.pts is None or picture.pts is None or frame.time_base is None:
                raise InputError(
                    f"{source.path}: its frame {number:,} has no time; put it into another container first"
                )
            time = float(frame.pts * frame.time_base)
            faces = finder.find(frame)
            sheet.see(frame, time, faces)
            yield AlignedFrame(number, frame.field, picture.pts, time, tuple(AlignedFace(face) for face in faces))
        if on_frame is not None:
            on_frame(number + 1, source.expected_frames)
    sheet.notes = reunited(finder)
