"""Facesets made of the faces of others. Files are linked where the file system can, and the others stay as they are."""

import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, count
from pathlib import Path

from models.faceset.folder import Faceset
from models.faceset.record import Record
from realtime.runtime.errors import InputError, OutputError, reason
from realtime.runtime.files import make_folder

__all__ = ["copy_faces", "link", "merge", "new_folder"]


def merge(sources: Sequence[Faceset], out: Path) -> int:
    """Join facesets in a new one, every face once; returns how many faces it has. The sources stay as they are.

    Raises ``InputError`` where they are of different sizes or of different people.
    """
    kept: dict[str, tuple[Faceset, Record]] = {}
    for faceset in sources:
        for record in faceset.faces():
            kept.setdefault(record.sha256, (faceset, record))
    sizes = {record.size: faceset for faceset, record in kept.values()}
    if len(sizes) > 1:
        listed = ", ".join(f"{faceset.folder} of {size} px" for size, faceset in sizes.items())
        raise InputError(f"{listed}: faces of one size can be joined; collect one of them anew with the other's --size")
    named = {faceset.folder: faceset.identity for faceset in sources}
    if len({identity.model_dump_json() if identity else "" for identity in named.values()}) > 1:
        listed = ", ".join(
            f"{folder} is of {identity.id if identity else 'nobody named'}" for folder, identity in named.items()
        )
        raise InputError(f"{listed}: only faces of one person, under one consent record, can be joined")
    with new_folder(out) as part:
        joined = copy_faces(part, sources, kept.values())
        identity = sources[0].identity
        if identity is not None:
            joined.name_identity(identity)
    return len(kept)


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """A temporary folder that is called ``out`` at the end of the block, and removed where the block fails."""
    if out.exists():
        raise OutputError(f"{out}: exists already; give the name of a new folder")
    part = out.with_name(f".{out.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    make_folder(part)
    try:
        yield part
        part.rename(out)
    except OSError as error:
        raise OutputError(f"{out}: cannot be written: {reason(error)}") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def copy_faces(out: Path, origins: Iterable[Faceset], faces: Iterable[tuple[Faceset, Record]]) -> Faceset:
    """A faceset of faces of others, which remembers the files that those went through."""
    target, records, stems = Faceset(out), list[Record](), set[str]()
    for folder in ("faces", "masks"):
        make_folder(out / folder)
    for faceset, record in faces:
        path = Path(record.file)
        numbered = chain([path.stem], (f"{path.stem}-{number}" for number in count(1)))
        stem = next(name for name in numbered if name not in stems)
        stems.add(stem)
        copy = record.model_copy(update={"file": stem + path.suffix})
        link(faceset.picture(record), target.picture(copy))
        if faceset.mask(record).is_file():
            link(faceset.mask(record), target.mask(copy))
        records.append(copy)
    target.sources.replace(list(dict.fromkeys(source for origin in origins for source in origin.sources.read())))
    target.index.replace(records)
    return target


def link(source: Path, target: Path) -> None:
    """Another name for a file, or a copy of it where the file system has none. Raises ``OutputError``."""
    try:
        try:
            os.link(source, target)
        except OSError:
            shutil.copyfile(source, target)
    except OSError as error:
        raise OutputError(f"{target}: cannot be written: {reason(error)}") from error
