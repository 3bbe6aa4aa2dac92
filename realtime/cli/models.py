"""``mummer models``: the models at hand."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from typer.core import TyperGroup

from realtime.cli import options
from realtime.cli.console import note, say

if TYPE_CHECKING:
    from realtime.swap.consent import Identity

__all__ = ["models"]

WIDE: Final = 1000


class _ListUnlessTold(TyperGroup):
    """``mummer models [FILE...]`` lists; what it does besides has a word of its own."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]  # its subclass
        """Put the word ``list`` before words that are no command."""
        if not args or (args[0] not in self.commands and args[0] != "--help"):
            args = ["list", *args]
        return super().parse_args(ctx, args)


models = typer.Typer(cls=_ListUnlessTold, rich_markup_mode=None, pretty_exceptions_enable=False)


@models.callback()
def _group() -> None:
    """List the models at hand, add another program's, remove it again."""


@models.command("list")
def list_(
    files: Annotated[list[str] | None, typer.Argument(metavar="FILE", help="More model files to list.")] = None,
) -> None:
    """List the models that come with the program, those that were added, and any files given."""
    import sys
    from io import StringIO

    from rich.console import Console
    from rich.table import Table

    from realtime.runtime.errors import ModelError
    from realtime.settings import MODEL
    from realtime.swap import describe, open_model
    from realtime.swap.library import list_models

    table = Table("name", "size", "identity", "kind", "licence", box=None, pad_edge=False)
    table.add_column("file", overflow="fold")
    described = []
    for path in list_models():
        try:
            described.append((path, describe(path)))
        except ModelError as error:  # one bad file must not hide the others
            note(str(error))
    opened = [open_model(file, "cpu") for file in files or ()]
    for path, facts in [*described, *((model.path, model.manifest) for model in opened)]:
        table.add_row(
            f"{path.stem} (default)" if path.stem == MODEL else path.stem,
            f"{facts.size} px",
            ", ".join(identity.name for identity in facts.identities) or "whoever --photo shows",
            ", ".join(identity.kind for identity in facts.identities) or "-",
            facts.licence,
            str(path),
        )
    # Paths are to be copied: in a pipe nothing may wrap.
    shown = StringIO()
    seen = sys.stdout.isatty()
    Console(file=shown, markup=False, width=None if seen else WIDE).print(table)
    for line in shown.getvalue().splitlines():
        say(line.rstrip())


@models.command()
def add(
    file: Annotated[
        str,
        typer.Argument(metavar="FILE", help="The model file, .dfm or .onnx; a mask, .png; or a photograph of a face."),
    ],
    name: Annotated[str, typer.Option(help="Its name in the library.")],
    consent: options.Consent = None,
    identity: Annotated[
        str | None, typer.Option(metavar="NAME", help="Display name, if not the consent record's.")
    ] = None,
    template: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="How faces are aligned for it: whole-face, deepfacelive, arcface-128, ..."),
    ] = None,
    licence: Annotated[str | None, typer.Option(metavar="TEXT", help="The licence of its weights.")] = None,
    color: Annotated[str | None, typer.Option(metavar="MODE", help="Colour transfer that suits it.")] = None,
    photo: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="Another photograph of the same face; again for more.")
    ] = None,
    face: Annotated[
        str | None, typer.Option(metavar="left|right|N", help="Which face of the photograph, where it shows several.")
    ] = None,
) -> None:
    """Take a model file into the library, with a record of what it does not say itself: whose face, who consented."""
    from realtime.composite.color import open_color
    from realtime.runtime.errors import UsageError
    from realtime.swap.add_mask import is_mask
    from realtime.swap.add_photos import is_photograph
    from realtime.swap.consent import read_identity

    if color is not None:
        open_color(color)  # a mode that is not there is refused now
    person = None if consent is None else read_identity(consent)
    if identity is not None:
        if person is None:
            raise UsageError("--identity is another name for the face of --consent; give that, too")
        person = person.model_copy(update={"name": identity})
    said = {"--consent": person, "--template": template, "--color": color, "--photo": photo, "--face": face}
    given = [option for option, value in said.items() if value]
    if is_mask(Path(file)):
        _add_mask(file, name, licence, given)
    elif is_photograph(Path(file)):
        _add_photographs([file, *(photo or ())], name, person, face, given)
    elif photo or face:
        raise UsageError(f"{file}: a model file; --photo and --face are for photographs")
    else:
        _add_model(file, name, person, template, licence, color)


def _add_mask(file: str, name: str, licence: str | None, given: list[str]) -> None:
    from realtime.runtime.errors import UsageError
    from realtime.swap.add_mask import add_mask

    if given:
        raise UsageError(f"{file}: has transparency, so it is a mask and shows nobody; leave out {', '.join(given)}")
    kept = add_mask(Path(file), name, licence)
    say(f"{name}: a mask; kept in {kept}, use it with --model {name}")


def _add_photographs(
    files: list[str | Path], name: str, person: "Identity | None", face: str | None, given: list[str]
) -> None:
    from realtime.runtime.errors import UsageError
    from realtime.swap.add_photos import add_photos

    if needless := [option for option in ("--template", "--color") if option in given]:
        raise UsageError(f"{files[0]}: a photograph is drawn through the face's mesh; leave out {', '.join(needless)}")
    made = add_photos([Path(file) for file in files], name, person, face)
    for words in made.warnings:
        note(words)
    say(f"{name}: one picture's face" if len(files) == 1 else f"{name}: the face of {len(files)} pictures")
    say(f"kept in {made.path}; look at {made.sheet}, and use it with --model {name}")


def _add_model(
    file: str, name: str, person: "Identity | None", template: str | None, licence: str | None, color: str | None
) -> None:
    from realtime.swap import describe
    from realtime.swap.add import add_model
    from realtime.swap.one_image import LICENCE_NOTE

    path = add_model(Path(file), name, person, template=template, licence=licence, color=color)
    facts = describe(path)
    whom = ", ".join(each.name for each in facts.identities) or "the face of a photograph"
    say(f"{name}: {facts.size} px, puts in {whom}; kept in {path}")
    if not facts.identities:
        note(LICENCE_NOTE)


@models.command()
def remove(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A model that was added.")],
) -> None:
    """Take a model out of the library: its file and its record are deleted."""
    from realtime.swap.add import remove_model

    say(f"{remove_model(name)}: removed")
