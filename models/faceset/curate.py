"""Sorting, setting aside, bringing back, joining and dividing facesets. Nothing is ever deleted."""

import os
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import chain, count
from pathlib import Path
from typing import Final

from models.faceset.flaws import FLAWS
from models.faceset.folder import Faceset
from models.faceset.order import ORDERS, ordered
from models.faceset.people import Measure, group_people
from models.faceset.record import Record
from models.files import make_folder, write_whole
from realtime.errors import InputError, OutputError, UsageError

__all__ = ["merge", "prune", "restore", "sort", "split"]

#: Links to the faces in their order, for a file browser; which are missing there is what ``prune --deleted`` takes.
SORTED: Final = "sorted"
#: Why a face was set aside whose link was deleted there.
DELETED: Final = "deleted"
#: In that folder, the names of the faces that were linked there.
LINKED: Final = ".linked"


def sort(faceset: Faceset, by: str) -> int:
    """Put the index in order, and link the faces in ``sorted/`` under names that keep it; returns their number.

    Raises ``UsageError`` for an unknown order, ``InputError`` where there is no face.
    """
    if by not in ORDERS:
        raise UsageError(f"no order {by!r}; there are {', '.join(ORDERS)}")
    records = faceset.records()
    there = _there(faceset, records)
    inside = {record.file for record in there}
    in_order = ordered(there, by)
    faceset.rewrite([*in_order, *(record for record in records if record.file not in inside)])
    folder = faceset.folder / SORTED
    _clear_links(folder)
    make_folder(folder)
    write_whole(folder / LINKED, "\n".join(record.file for record in in_order).encode())
    for number, record in enumerate(in_order, 1):
        _link(faceset.picture(record), folder / f"{number:06d}-{record.file}")
    return len(in_order)


def prune(faceset: Faceset, flaws: Sequence[str], dry: bool = False) -> Counter[str]:
    """Set aside the faces that have one of ``flaws``; returns how many for which. With ``dry`` nothing is moved.

    A flaw is one of ``FLAWS``, or ``deleted``: those whose link in ``sorted/`` is gone. The order of ``FLAWS`` is that
    in which they are looked for, so that of two like faces never the good one goes. Raises ``UsageError``.
    """
    if not flaws:
        raise UsageError("say what to set aside: --duplicates, --misaligned, --blurred, --dark, --bright or --deleted")
    why: dict[str, str] = {}
    left = _there(faceset, faceset.records())
    if DELETED in flaws:
        gone = _without_link(faceset, left)
        why |= dict.fromkeys((record.file for record in gone), DELETED)
        left = [record for record in left if record.file not in why]
    for name in (name for name in FLAWS if name in flaws and left):
        flags = FLAWS[name].find(left)
        why |= {record.file: name for record, flag in zip(left, flags.tolist(), strict=True) if flag}
        left = [record for record in left if record.file not in why]
    if why and not dry:
        faceset.rewrite(
            record.model_copy(update={"pruned": why[record.file]}) if record.file in why else record
            for record in faceset.records()
        )
    return Counter(why.values())


def restore(faceset: Faceset, flaws: Sequence[str] = ()) -> int:
    """Bring back what was set aside, all or only for ``flaws``; returns how many faces."""
    records = faceset.records()
    back = {record.file for record in records if record.pruned is not None and (not flaws or record.pruned in flaws)}
    faceset.rewrite(record.model_copy(update={"pruned": None}) if record.file in back else record for record in records)
    return len(back)


def merge(sources: Sequence[Faceset], out: Path) -> int:
    """Join facesets in a new one, every face once; returns how many faces it has. The sources stay as they are.

    Raises ``InputError`` where they are of different sizes or of different people.
    """
    kept: dict[str, tuple[Faceset, Record]] = {}
    for faceset in sources:
        for record in _there(faceset, faceset.records()):
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
    with _new_folder(out) as part:
        joined = _copy_to(part, sources, kept.values())
        identity = sources[0].identity
        if identity is not None:
            joined.name_identity(identity)
    return len(kept)


def split(faceset: Faceset, out: Path, measure: Measure) -> list[tuple[Path, int]]:
    """Divide a set by person into facesets ``out``/person-1, person-2, ...; returns them with their numbers of faces.

    The set itself stays as it is. An identity record is not handed on: nobody knows yet whose faces are which.
    """
    people = group_people(faceset, _there(faceset, faceset.records()), measure)
    names = [f"person-{number}" for number in range(1, len(people) + 1)]
    with _new_folder(out) as part:
        for name, records in zip(names, people, strict=True):
            _copy_to(part / name, [faceset], ((faceset, record) for record in records))
    return [(out / name, len(records)) for name, records in zip(names, people, strict=True)]


def _there(faceset: Faceset, records: Iterable[Record]) -> list[Record]:
    """The faces that count. Raises ``InputError`` where there are none."""
    there = [record for record in records if record.pruned is None and faceset.picture(record).is_file()]
    if not there:
        raise InputError(f"{faceset.folder}: no faces in it; `mummer extract VIDEO --out {faceset.folder}` adds some")
    return there


@contextmanager
def _new_folder(out: Path) -> Iterator[Path]:
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
        raise OutputError(f"{out}: cannot be written: {(error.strerror or str(error)).lower()}") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _copy_to(out: Path, origins: Iterable[Faceset], faces: Iterable[tuple[Faceset, Record]]) -> Faceset:
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
        _link(faceset.picture(record), target.picture(copy))
        if faceset.mask(record).is_file():
            _link(faceset.mask(record), target.mask(copy))
        records.append(copy)
    target.sources.replace(list(dict.fromkeys(source for origin in origins for source in origin.sources.read())))
    target.index.replace(records)
    return target


def _link(source: Path, target: Path) -> None:
    """Another name for a file, or a copy of it where the file system has none. Raises ``OutputError``."""
    try:
        try:
            os.link(source, target)
        except OSError:
            shutil.copyfile(source, target)
    except OSError as error:
        raise OutputError(f"{target}: cannot be written: {(error.strerror or str(error)).lower()}") from error


def _clear_links(folder: Path) -> None:
    """Remove the links of an earlier sorting; they are second names of files in ``faces``."""
    for path in folder.glob("[0-9]*-*"):
        with suppress(OSError):
            path.unlink()


def _without_link(faceset: Faceset, records: Sequence[Record]) -> list[Record]:
    folder = faceset.folder / SORTED
    if not (folder / LINKED).is_file():
        raise InputError(f"{folder}: no such folder; `mummer faceset sort` makes it, for you to delete links from")
    # Faces that came after the sorting never had a link.
    sorted_then = (folder / LINKED).read_text(encoding="utf-8").split("\n")
    gone = set(sorted_then) - {path.name.partition("-")[2] for path in folder.iterdir()}
    return [record for record in records if record.file in gone]
