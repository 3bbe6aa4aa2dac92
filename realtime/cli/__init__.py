"""The command line: one typer app, one place where errors become one line and an exit code.

A command is imported only when it is called, so that ``mummer --help`` answers at once. Commands that need more than
running does (``train``, ``export``) come from the entry-point group ``mummer.commands``.
"""

import os
import sys
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from importlib.metadata import version as metadata_version
from typing import Annotated, Final, NoReturn

import typer

from realtime.cli.console import complain
from realtime.cli.failures import check_address_space, of_the_machine
from realtime.cli.streams import complete_streams
from realtime.runtime import stop_signals
from realtime.runtime.errors import MummerError, UsageError
from realtime.runtime.packages import load

__all__ = ["build_app", "main"]

GROUP: Final = "mummer.commands"
#: The variable by which a shell asks what a line could go on with, and those that may have the line.
_COMPLETING: Final = "_MUMMER_COMPLETE"
_LINES: Final = ("_TYPER_COMPLETE_ARGS", "COMP_WORDS")

#: The commands in the order of the help, and what it says about them, since they are not imported for it: each is the
#: object of its own name in the module of that name.
_COMMANDS: Final = {
    "convert": "Swap the faces in videos, pictures and folders of them; all else stays as it is.",
    "puppet": "Let a photo move as the performer of a video does.",
    "live": "Swap the faces of a camera, live; end it with Ctrl-C.",
    "devices": "List cameras, virtual cameras, microphones, and what models can run on; say what is missing.",
    "demo": "Make a sample clip with sound, swap its face, and show both.",
    "faces": "Show which faces the face finder sees, frame by frame.",
    "align": "Correct saved faces by hand, on a page in the browser.",
    "inspect": "Print a model file's manifest, inputs and outputs.",
    "doctor": "Run each model at hand, and show which provider really ran it, how fast, and why others did not.",
    "verify": "Tell whether a file is marked as synthetic, by whom, and with whose consent.",
    "serve": "Run as a daemon: HTTP API, metrics, and a web panel.",
    "consent": "Record who a face is and who agreed to its use.",
    "models": "List the models at hand, add another program's, remove it again.",
    "mask": "Write the template on which a mask of your own is painted.",
    "bench": "Measure how fast the jobs run on this machine.",
}
#: The same for the commands of other packages.
_EXTRA_HELP: Final = {
    "extract": "Collect aligned faces from videos and pictures.",
    "faceset": "Look at a set of faces, sort, prune, merge and split it.",
    "train": "Train a swap model from two sets of faces.",
    "export": "Turn a training checkpoint into a model file.",
}


def build_app(called: str | None = None) -> typer.Typer:
    """The whole command line, of which only the command that is ``called`` is imported."""
    # rich would take half of the time that help may take, and tracebacks are for our own bugs.
    app = typer.Typer(
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_group)
    for name, words in _COMMANDS.items():
        if name == called:
            _add(app, name, getattr(import_module(f"realtime.cli.{name}"), name))
        else:
            app.command(name, help=words)(_not_imported)
    # Who calls one of ours needs no list of what other packages bring, which takes a look at all that is installed.
    extras = () if called in _COMMANDS else entry_points(group=GROUP)
    for entry in sorted(extras, key=lambda entry: entry.name, reverse=True):
        if entry.name == called:
            _add_extra(app, entry)
        else:
            app.command(entry.name, help=_EXTRA_HELP.get(entry.name, ""))(_not_imported)
    return app


def _tell_version(asked: bool) -> None:
    if asked:
        typer.echo(f"mummer {metadata_version('mummer')}")
        raise typer.Exit


def _group(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_tell_version, help="Print the version, and exit.")
    ] = False,
) -> None:
    """Swap the faces in a video for a mask that everybody can see is a mask."""


def _not_imported() -> None:
    """Stands for a command in the list of commands."""


def _add_extra(app: typer.Typer, entry: EntryPoint) -> None:
    _add(app, entry.name, load(entry, UsageError, f"`mummer {entry.name}`"))


def _add(app: typer.Typer, name: str, command: typer.Typer | Callable[..., object]) -> None:
    if isinstance(command, typer.Typer):
        app.add_typer(command, name=name)
    else:
        app.command(name)(command)


def main() -> NoReturn:
    """Run the command line and exit: 0 done, 1 failed, 2 wrong usage, 130 interrupted."""
    complete_streams()
    stop_signals.listen()
    try:
        if called := _called():
            check_address_space(called)
        build_app(called)(prog_name="mummer")
    except BaseException as error:
        if stop_signals.was_stopped():  # whatever became of the signal on its way here
            stop_signals.leave()
        said = of_the_machine(error) or error
        if not isinstance(said, MummerError):
            raise
        complain(str(said))
        sys.exit(said.exit_code)
    sys.exit(0)


def _called() -> str | None:
    """The command that is called, or that a shell wants completed; None where there is none yet."""
    line = next((os.environ[name].split() for name in _LINES if name in os.environ), [])
    words = line if _COMPLETING in os.environ else sys.argv
    return next((word for word in words[1:] if not word.startswith("-")), None)
