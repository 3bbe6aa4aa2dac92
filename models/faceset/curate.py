"""Sorting, setting aside and bringing back. Nothing is ever deleted."""

from collections import Counter
from collections.abc import Container, Sequence
from pathlib import Path
from typing import Final

from models.faceset.flaws import FLAWS
from models.faceset.folder import Faceset
from models.faceset.join import link
from models.faceset.order import ORDERS, ordered
from models.faceset.record import Record
from realtime.runtime.errors import InputError, UsageError
from realtime.runtime.files import make_folder, write_whole

__all__ = ["prune", "restore", "sort"]

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
    there = faceset.faces()
    inside = {record.file for record in there}
    in_order = ordered(there, by)
    faceset.rewrite([*in_order, *(record for record in records if record.file not in inside)])
    folder = faceset.folder / SORTED
    make_folder(folder)
    _clear_links(folder, {record.file for record in records})
    for number, record in enumerate(in_order, 1):
        link(faceset.picture(record), folder / f"{number:06d}-{record.file}")
    # Last: until all links are there, none counts as deleted.
    write_whole(folder / LINKED, "\n".join(record.file for record in in_order).encode())
    return len(in_order)


def prune(faceset: Faceset, flaws: Sequence[str], dry: bool = False) -> Counter[str]:
    """Set aside the faces that have one of ``flaws``; returns how many for which. With ``dry`` nothing is moved.

    A flaw is one of ``FLAWS``, or ``deleted``: those whose link in ``sorted/`` is gone. The order of ``FLAWS`` is that
    in which they are looked for, so that of two like faces never the good one goes. Raises ``UsageError``.
    """
    if not flaws:
        raise UsageError("say what to set aside: --duplicates, --misaligned, --blurred, --dark, --bright or --deleted")
    why: dict[str, str] = {}
    left = faceset.faces()
    if DELETED in flaws:
        gone = _unlinked(faceset, left)
        why |= dict.fromkeys((record.file for record in gone), DELETED)
        left = [record for record in left if record.file not in why]
    for name in (name for name in FLAWS if name in flaws and left):
        flags = FLAWS[name].find(left)
        why |= {record.file: name for record, flag in zip(left, flags.tolist(), strict=True) if flag}
        left = [record for record in left if record.file not in why]
    if not dry:
        faceset.rewrite(
            record.model_copy(update={"pruned": why[record.file]}) if record.file in why else record
            for record in faceset.records()
        )
    return Counter(why.values())


def restore(faceset: Faceset, flaws: Sequence[str] = ()) -> int:
    """Bring back what was set aside, all or only for ``flaws``; returns how many faces. Raises ``UsageError``."""
    unknown = next((flaw for flaw in flaws if flaw not in (*FLAWS, DELETED)), None)
    if unknown is not None:
        raise UsageError(f"nothing is set aside for {unknown!r}; there are {', '.join((*FLAWS, DELETED))}")
    records = faceset.records()
    back = {record.file for record in records if record.pruned is not None and (not flaws or record.pruned in flaws)}
    faceset.rewrite(record.model_copy(update={"pruned": None}) if record.file in back else record for record in records)
    return len(back)


def _clear_links(folder: Path, names: Container[str]) -> None:
    """Remove the links of an earlier sorting to the faces called ``names``; what else is there is not ours."""
    (folder / LINKED).unlink(missing_ok=True)
    for path in folder.glob("[0-9]*-*"):
        if path.name.partition("-")[2] in names:
            path.unlink()


def _unlinked(faceset: Faceset, records: Sequence[Record]) -> list[Record]:
    folder = faceset.folder / SORTED
    if not (folder / LINKED).is_file():
        raise InputError(f"{folder}: no such folder; `mummer faceset sort` makes it, for you to delete links from")
    # Faces that came after the sorting never had a link.
    sorted_then = (folder / LINKED).read_text(encoding="utf-8").split("\n")
    gone = set(sorted_then) - {path.name.partition("-")[2] for path in folder.iterdir()}
    return [record for record in records if record.file in gone]
