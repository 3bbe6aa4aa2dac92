"""``mummer consent``: the record that every face needs."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from realtime.cli.console import say

if TYPE_CHECKING:
    from realtime.swap.consent import Identity

__all__ = ["consent"]

consent = typer.Typer(no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False)


class KindChoice(StrEnum):
    """What a face is."""

    synthetic = "synthetic"
    self = "self"
    consented = "consented"
    licensed = "licensed"
    public_domain = "public-domain"


#: What a face may be used for, unless told otherwise: where others agreed, they said to what.
_SCOPE: Final = dict.fromkeys((KindChoice.self, KindChoice.synthetic, KindChoice.public_domain), "any use")
#: Who would have agreed, and what they would have said, unless told otherwise.
_BY: Final = {
    KindChoice.self: "{name}",
    KindChoice.consented: "{name}",
    KindChoice.public_domain: "nobody, public domain",
}
_STATEMENTS: Final = {
    KindChoice.synthetic: "This face is made up and depicts nobody.",
    KindChoice.self: "This is my own face, and I agree to its use within the scope above.",
    KindChoice.consented: "I agree to the use of my face within the scope above.",
    KindChoice.licensed: "The holder of the rights allows the use of this face within the scope above.",
    KindChoice.public_domain: "The pictures of this face are in the public domain.",
}


@consent.callback()
def _group() -> None:
    """Record who a face is and who agreed to its use."""


@consent.command()
def new(
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="The record to write; the face's name and .json if not given.")
    ] = None,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="Whose face: a name or a pseudonym.")] = None,
    kind: Annotated[KindChoice | None, typer.Option(help="What it is: synthetic depicts nobody, self is you.")] = None,
    by: Annotated[str | None, typer.Option(metavar="NAME", help="Who agreed, or who made the face.")] = None,
    scope: Annotated[str | None, typer.Option(metavar="TEXT", help="What the face may be used for.")] = None,
    date: Annotated[str | None, typer.Option(metavar="YYYY-MM-DD", help="When; today if not given.")] = None,
    expires: Annotated[str | None, typer.Option(metavar="YYYY-MM-DD|never", help="The last day of its use.")] = None,
    statement: Annotated[str | None, typer.Option(metavar="TEXT", help="What they said, in their words.")] = None,
    evidence: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A file that proves it; its hash is kept.")
    ] = None,
    sign: Annotated[Path | None, typer.Option(metavar="KEY", help="Ed25519 private key of whoever agreed.")] = None,
    short: Annotated[
        str | None, typer.Option("--id", metavar="ID", help="Short name; made of NAME if not given.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace FILE if it exists.")] = False,
) -> None:
    """Write the consent record of a face.

    What no option says is asked for. Where nobody answers, --by is NAME, --expires is never, and --scope is any use;
    but --by of what is synthetic or licensed, and --scope of what is consented or licensed, must be said.
    """
    import datetime

    from realtime.runtime.digest import file_digest
    from realtime.runtime.errors import ConsentError
    from realtime.runtime.files import write_whole
    from realtime.swap.consent import sign_record, slug

    if file is not None:
        _check_free(file, force)
    name = name or _ask("--name", "Whose face is it (a name or a pseudonym)?")
    kind = kind or _ask_kind()
    made = kind is KindChoice.synthetic
    question = "Who made it?" if made else "Who agrees to its use?"
    by = by or _ask("--by", question, default=_BY.get(kind, "").format(name=name) or None)
    scope = scope or _ask("--scope", "What may it be used for?", default=_SCOPE.get(kind))
    expires = expires or _ask("--expires", "Until when (YYYY-MM-DD or never)?", default="never")
    agreed = {
        "by": by,
        "date": date or datetime.date.today().isoformat(),
        "scope": scope,
        "statement": statement or _STATEMENTS[kind],
        "expires": None if expires == "never" else expires,
        "evidence_sha256": None if evidence is None else file_digest(evidence, ConsentError),
    }
    identity = _identity({"id": short or slug(name), "name": name, "kind": kind.value, "consent": agreed})
    if sign is not None:
        identity = sign_record(identity, sign)
    if file is None:
        file = Path(f"{identity.id}.json")
        _check_free(file, force)
    write_whole(file, (identity.model_dump_json(indent=2) + "\n").encode())
    for line in _lines(file, identity):
        say(line)


@consent.command()
def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A record that `mummer consent new` wrote.")],
    evidence: Annotated[Path | None, typer.Option(metavar="FILE", help="The file that it should refer to.")] = None,
) -> None:
    """Tell whether a consent record is whole and still holds."""
    from realtime.swap.consent import check_consent, check_evidence, read_identity

    identity = read_identity(file)
    check_consent(identity, str(file))
    if evidence is not None:
        check_evidence(identity, evidence, str(file))
    for line in _lines(file, identity):
        say(line)


def _identity(fields: dict[str, object]) -> "Identity":
    """The record of these fields. Raises ``UsageError`` that names the option of what does not fit."""
    from pydantic import ValidationError

    from realtime.runtime.errors import UsageError
    from realtime.swap.consent import Identity

    try:
        return Identity.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = str(first["loc"][-1])
        option = "expires" if field == "consent" else field  # what does not fit together is its two dates
        dated = first["type"].startswith("date")
        why = "not a date; write it as YYYY-MM-DD" if dated else first["msg"].removeprefix("Value error, ")
        raise UsageError(f"--{option}: {why}") from error


def _ask(option: str, question: str, default: str | None = None) -> str:
    """An answer from whoever sits there; the default, or else a ``UsageError``, where nobody does."""
    from realtime.runtime.errors import UsageError

    try:
        return str(typer.prompt(question, default=default, prompt_suffix=" ")).strip()
    except typer.Abort as error:
        typer.echo()
        if default is not None and not sys.stdin.isatty():
            return default
        raise UsageError(f"nobody answers {question!r}; give {option}") from error


def _ask_kind() -> KindChoice:
    words = ", ".join(each.value for each in KindChoice)
    while (answer := _ask("--kind", f"What is it ({words})?")) not in list(KindChoice):
        typer.echo(f"One of {words}.")
    return KindChoice(answer)


def _check_free(file: Path, force: bool) -> None:
    from realtime.runtime.errors import OutputError

    if file.exists() and not force:
        raise OutputError(f"{file}: exists already; use --force to replace it")


def _lines(file: Path, identity: "Identity") -> list[str]:
    from realtime.swap.consent import signer_of

    record, key = identity.consent, signer_of(identity)
    if record is None:
        return [f"{file}: {identity.name}, {identity.kind}: no consent recorded"]
    until = f"until {record.expires}" if record.expires else "without an end"
    lines = [
        f"{file}: {identity.name} ({identity.kind}), {record.scope}, since {record.date} {until}",
        f"  {record.by}: {record.statement}",
    ]
    if record.evidence_sha256:
        lines.append(f"  evidence: sha256 {record.evidence_sha256}")
    if key:
        lines.append(f"  signed with the Ed25519 key {key}")
    return lines
