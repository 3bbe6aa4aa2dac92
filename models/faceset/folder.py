"""The folder of a faceset: pictures, masks, the index, and what is set aside.

    faces.jsonl    one ``Record`` a line; the order of the lines is the order of the set
    sources.jsonl  one ``SourceRecord`` a line, for every file that was read to its end
    identity.json  whose faces these are, and who agreed to their use (optional)
    faces/         the aligned faces, PNG or JPEG
    masks/         their masks, PNG, under the same stems
    pruned/        faces set aside, with their masks in pruned/masks; the index says why

The index decides: a picture without a line is not in the set. Where a face is set aside, the index is written first
and the files are moved after it; the next command that rewrites the index finishes what was interrupted in between.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from models.faceset.jsonl import JsonLines
from models.faceset.record import Record, SourceRecord
from realtime.runtime.errors import InputError, OutputError, reason
from realtime.runtime.files import make_folder, remove_partial, write_whole
from realtime.swap.consent import Identity, read_identity

__all__ = ["IDENTITY", "INDEX", "Faceset", "is_faceset"]

INDEX: Final = "faces.jsonl"
SOURCES: Final = "sources.jsonl"
IDENTITY: Final = "identity.json"


def is_faceset(folder: Path) -> bool:
    """Whether ``folder`` holds a faceset's index."""
    return (folder / INDEX).is_file()


class Faceset:
    """A faceset on disk."""

    def __init__(self, folder: Path) -> None:
        """Of a folder that is a faceset; use ``open`` or ``create``."""
        self.folder = folder
        self.index = JsonLines(folder / INDEX, Record)
        self.sources = JsonLines(folder / SOURCES, SourceRecord)

    @classmethod
    def open(cls, folder: Path) -> "Faceset":
        """An existing faceset. Raises ``InputError`` where ``folder`` is none."""
        if not folder.is_dir():
            raise InputError(f"{folder}: no such folder; `mummer extract VIDEO --out {folder}` makes a faceset")
        if not is_faceset(folder):
            raise InputError(f"{folder}: not a faceset, there is no {INDEX} in it; `mummer extract` makes one")
        return cls(folder)

    @classmethod
    def create(cls, folder: Path) -> "Faceset":
        """A faceset to add to, made where there is none. Raises ``OutputError`` where something else is in the way."""
        if not is_faceset(folder):
            if folder.is_dir() and any(not path.name.startswith(".") for path in folder.iterdir()):
                raise OutputError(f"{folder}: not a faceset, and not empty; give the name of a new folder")
            make_folder(folder)
            JsonLines(folder / INDEX, Record).replace([])
        for name in ("faces", "masks"):
            make_folder(folder / name)
            remove_partial(folder / name)
        return cls(folder)

    @property
    def identity(self) -> Identity | None:
        """Whose faces these are; None where nobody said. Raises ``ConsentError`` where the file is no record."""
        path = self.folder / IDENTITY
        return read_identity(path) if path.exists() else None

    def name_identity(self, identity: Identity) -> None:
        """Keep ``identity`` with the faces. Raises ``OutputError`` where they already belong to another."""
        former = self.identity
        if former is not None and former.id != identity.id:
            raise OutputError(
                f"{self.folder}: holds faces of {former.name!r} ({former.id}), not of {identity.name!r}"
                f" ({identity.id}); collect them in another faceset"
            )
        write_whole(self.folder / IDENTITY, identity.model_dump_json(indent=2, exclude_none=True).encode() + b"\n")

    def records(self) -> list[Record]:
        """Every face, those set aside too, in order. Raises ``InputError``."""
        return list(self.index.read())

    def faces(self) -> list[Record]:
        """The faces that count: not set aside, and not deleted by hand. Raises ``InputError`` where there are none."""
        faces = [record for record in self.records() if record.pruned is None and self.picture(record).is_file()]
        if not faces:
            raise InputError(f"{self.folder}: no faces in it; `mummer extract VIDEO --out {self.folder}` adds some")
        return faces

    def picture(self, record: Record) -> Path:
        """Where the face is."""
        return self.folder / ("faces" if record.pruned is None else "pruned") / record.file

    def mask(self, record: Record) -> Path:
        """Where its mask is."""
        folder = "masks" if record.pruned is None else "pruned/masks"
        return (self.folder / folder / record.file).with_suffix(".png")

    def rewrite(self, records: Iterable[Record]) -> None:
        """Replace the index in one step, and move the files to where it says. Raises ``OutputError``."""
        records = list(records)
        self.index.replace(records)
        self.settle(records)

    def settle(self, records: Iterable[Record]) -> None:
        """Move every picture and mask to where the index says it is. Raises ``OutputError``."""
        for record in records:
            other = record.model_copy(update={"pruned": "" if record.pruned is None else None})
            for wanted, elsewhere in (
                (self.picture(record), self.picture(other)),
                (self.mask(record), self.mask(other)),
            ):
                if wanted.exists() or not elsewhere.exists():
                    continue
                try:
                    wanted.parent.mkdir(parents=True, exist_ok=True)
                    elsewhere.replace(wanted)
                except OSError as error:
                    words = reason(error)
                    raise OutputError(f"{elsewhere}: cannot be moved to {wanted}: {words}") from error
