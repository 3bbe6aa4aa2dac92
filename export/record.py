"""The part of a manifest that people say: identity, consent, licence."""

import re

from pydantic import ValidationError

from export.onnx import Card
from models.checkpoint import Checkpoint
from realtime.errors import UsageError
from realtime.manifest import Consent, Identity

__all__ = ["make_card", "slug"]


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
    """The card of a run for the identity ``name``. Raises ``UsageError`` with what does not fit."""
    try:
        consent = (
            Consent.model_validate({"by": consent_by, "date": consent_date, "statement": consent_statement})
            if consent_by
            else None
        )
        identity = Identity.model_validate({"id": slug(name), "name": name, "kind": kind, "consent": consent})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(step) for step in first["loc"]) or "identity"
        raise UsageError(f"{where}: {first['msg'].removeprefix('Value error, ')}") from error
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
