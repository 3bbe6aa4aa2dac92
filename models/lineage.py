"""Whose faces a run was trained on, over all the times that it was begun and resumed.

The weights remember every face that they were trained on, so the record must, too: a run that goes on keeps its
people, and what it was made from is added to, never replaced.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from string import ascii_uppercase
from typing import Any, cast

from models.checkpoint import Checkpoint
from realtime.runtime.errors import UsageError

__all__ = ["resumed_facts"]


def resumed_facts(saved: Checkpoint, facts: Mapping[str, object], run: Path) -> dict[str, object]:
    """The ``facts`` of a run that goes on where ``saved`` stands, with what was true of it so far.

    Sources that are other ones now stay under names that say until when they were used; a side whose folder names
    nobody any more keeps the identity that it had. Raises ``UsageError`` where a side would go on with the faces of
    another person, or of one where nobody said whose they were before.
    """
    before, now = _sources(saved.facts), _sources(facts)
    changed = {name for name in before if now.get(name) not in (None, before[name])}
    identities = [
        _same_person(former, given, _letter(index), _letter(index) in changed, run)
        for index, (former, given) in enumerate(zip(_people(saved.facts), _people(facts), strict=False))
    ]
    kept = {name: before[name] for name in before if name not in changed}
    for name in changed:
        kept.setdefault(f"{name} until iteration {saved.iteration}", before[name])
    return {**facts, "sources": kept | now, **({"identities": identities} if "identities" in facts else {})}


def _same_person(former: Any, given: Any, side: str, changed: bool, run: Path) -> Any:
    """The identity of a side that goes on: the later record of the same person. Raises ``UsageError``."""
    if former is None and given is None:
        return None
    if former is not None and (given is None and not changed):
        return former
    if former is None and not changed:  # the same faces, named now
        return given
    if former is not None and given is not None and former.get("id") == given.get("id"):
        return given
    raise UsageError(
        f"{run}: side {side} was trained on {_name(former)}, not on {_name(given)}; the weights keep every face that"
        " they were trained on: give the faces of the same person, or another --out"
    )


def _name(identity: Any) -> str:
    return "faces that nobody has named" if identity is None else f"{identity.get('name')!r} ({identity.get('id')})"


def _letter(index: int) -> str:
    return ascii_uppercase[index] if index < len(ascii_uppercase) else str(index)


def _sources(facts: Mapping[str, object]) -> dict[str, str]:
    found = facts.get("sources")
    return cast(dict[str, str], found) if isinstance(found, dict) else {}


def _people(facts: Mapping[str, object]) -> Sequence[Any]:
    found = facts.get("identities")
    return found if isinstance(found, list) else []
