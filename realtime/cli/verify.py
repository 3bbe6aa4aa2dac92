"""``mummer verify``: what a file says of itself."""

from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from realtime.cli.console import complain, note, say

if TYPE_CHECKING:
    from realtime.marking.provenance.verify import Facts, Mark, Signature, Verdict

__all__ = ["verify"]

#: Exit codes by verdict, the gravest last: with several files the gravest is the command's.
CODES: Final = {"marked": 0, "not marked": 3, "unreadable": 1, "altered": 4}


def verify(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="Videos and pictures, from whatever program.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, for every file.")] = False,
) -> None:
    """Tell whether a file is marked as synthetic, by whom, and with whose consent.

    Exit code: 0 marked, 3 not marked, 4 altered since it was signed, 1 unreadable or cut short. Of several files the
    gravest counts, in the order 4, 1, 3, 0.
    """
    import json

    from realtime.marking.provenance.verify import verify as look
    from realtime.runtime.errors import InputError

    seen, told = [], set[str]()

    def warn(words: str) -> None:
        if words not in told:  # once, however many files there are
            note(words)
        told.add(words)

    for path in files:
        try:
            verdict = look(path, warn)
        except InputError as error:
            complain(str(error))
            seen.append("unreadable")
            continue
        seen.append(verdict.verdict)
        if as_json:
            say(json.dumps(verdict.model_dump(), separators=(",", ":")))
        else:
            for line in _lines(verdict):
                say(line)
    raise typer.Exit(CODES[max(seen, key=list(CODES).index)])


def _lines(verdict: "Verdict") -> list[str]:
    signature, mark = verdict.signature, verdict.watermark
    lines = [f"{verdict.file}: {verdict.verdict}", f"  signature: {_signature(signature)}"]
    if signature.state != "none" and signature.generator:
        lines.append(f"  made by: {_clean(signature.generator)}")
    if signature.origin:
        lines.append(f"  made from: {_clean(signature.origin)}")
    nothing = (
        "not found in this single picture, which may hold too little of it to tell" if verdict.still else "not found"
    )
    lines.append(f"  watermark: {nothing if mark is None else _watermark(mark)}")
    return lines + (_facts(signature.facts) if signature.facts else [])


def _signature(signature: "Signature") -> str:
    problems = f" ({_clean(', '.join(signature.problems))})" if signature.problems else ""
    if signature.state == "none":
        return f"not signed{problems}"
    if signature.state == "altered":
        return f"{signature.where}, and what it signs is not what is there{problems}"
    whose = {
        "own": "by the key of this machine",
        "known": f"by {_clean(signature.name)}, a key that this machine knows",
        "unknown": f"by a key that this machine does not know, and that calls itself {_clean(signature.name)}",
    }
    says = "" if signature.synthetic else "; it does not say that anything is synthetic"
    return f"{signature.where}, valid, {whose[signature.signer or 'unknown']}{says}{problems}"


def _watermark(mark: "Mark") -> str:
    says = "too faint to tell its bits"
    if mark.bits is not None:
        says = f"{mark.bits} ({mark.corrected} of 64 bits corrected): {mark.tool}, model {mark.model}..."
    return f"found, {says}; the chance to be wrong is below 10^{ceil(mark.log10_chance)}"


def _facts(facts: "Facts") -> list[str]:
    lines = [f"  label: {_clean(facts.label) if facts.label else 'left out'}"]
    lines.append(f"  model: {_clean(facts.model.name)}, sha256 {_clean(facts.model.sha256)}")
    for identity in facts.identities:
        consent = identity.consent
        lines.append(f"  face: {_clean(identity.name)} ({_clean(identity.kind)})")
        if consent is not None:
            until = f" until {_clean(consent.expires)}" if consent.expires else ""
            lines.append(
                f"    consent: {_clean(consent.by)}, for {_clean(consent.scope)}, {_clean(consent.date)}{until}"
            )
        lines.append(f"    record: sha256 {_clean(identity.record_sha256)}")
    return lines


def _clean(text: str | None) -> str:
    """Text out of a file that anybody may have written: no control characters, and no endless lines."""
    shown = "".join(sign if sign.isprintable() else " " for sign in text or "unknown")
    return shown if len(shown) <= 200 else f"{shown[:200]}..."
