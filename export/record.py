"""The part of a manifest that people say: identity, consent, licence."""

import re
from dataclasses import dataclass

from pydantic import ValidationError

from models.checkpoint import Checkpoint
from realtime.color import open_color
from realtime.errors import UsageError
from realtime.manifest import Consent, Identity

__all__ = ["Card", "first_problem", "make_card", "slug"]


@dataclass(frozen=True, slots=True)
class Card:
    """What the manifest says that the network does not know."""

    identity: Identity
    licence: str
    template: str = "whole-face"
    color: str = "none"
    counts: tuple[int, ...] = (0,)
    iterations: int = 0
    sources: tuple[tuple[str, str], ...] = ()  # name, sha256


def slug(name: str) -> str:
    """An id made of a display name: small letters, digits and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:63] or "identity"


def make_card(
    checkpoint: Checkpoint,
    name: str,
    kind: str,
    licence: str,
    color: str,
    consent_by: str | None = None,
    consent_date: str | None = None,
    consent_statement: str | None = None,
) -> Card:
    """The card of a run for the identity ``name``, of a ``kind`` as in ``Identity``, with a colour mode's name.

    Raises ``UsageError`` with what does not fit.
    """
    open_color(color)  # a mode that is not there is refused here, not when the model runs
    try:
        consent = (
            Consent.model_validate({"by": consent_by, "date": consent_date, "statement": consent_statement})
            if consent_by
            else None
        )
        identity = Identity.model_validate({"id": slug(name), "name": name, "kind": kind, "consent": consent})
    except ValidationError as error:
        raise UsageError(first_problem(error)) from error
    facts = checkpoint.facts
    counts, sources = facts.get("counts", [0]), facts.get("sources", {})
    return Card(
        identity=identity,
        licence=licence,
        template=str(facts.get("template", "whole-face")),
        color=color,
        counts=tuple(int(count) for count in counts) if isinstance(counts, list) else (0,),
        iterations=checkpoint.iteration,
        sources=tuple((str(k), str(v)) for k, v in sources.items()) if isinstance(sources, dict) else (),
    )


def first_problem(error: ValidationError) -> str:
    """The first of the things that pydantic has to say, with the name of the field."""
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(step) for step in first["loc"]) or error.title
    return f"{where}: {first['msg'].removeprefix('Value error, ')}"
