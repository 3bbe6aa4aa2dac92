"""The command line: one typer app, one place where errors become one line and an exit code.

A command is imported only when it is called, so that ``mummer --help`` answers at once. Commands that need more than
running does (``train``, ``export``) come from the entry-point group ``mummer.commands``.
"""

import os
import signal
import sys
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from io import TextIOWrapper
from types import FrameType
from typing import Final, NoReturn

import typer

from realtime.runtime.errors import MummerError, UsageError
from realtime.runtime.packages import load

__all__ = ["build_app", "main"]

GROUP: Final = "mummer.commands"
INTERRUPTED: Final = 130
#: What ends a job in good order. A terminal that goes away does not when ``nohup`` says so.
STOPS: Final = (signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else []))
#: Standard error, after standard input and output.
LAST_STREAM: Final = 2

#: The commands in the order of the help, and what it says about them, since they are not imported for it: each is the
#: object of its own name in the module of that name.
_COMMANDS: Final = {
    "convert": "Swap the faces in a video; all else stays as it is.",
    "live": "Swap the faces of a camera, live; end it with Ctrl-C.",
    "devices": "List cameras, virtual cameras, microphones, and what models can run on; say what is missing.",
    "demo": "Make a sample clip with sound, swap its face, and show both.",
    "faces": "Show which faces the face finder sees, frame by frame.",
    "inspect": "Print a model file's manifest, inputs and outputs.",
    "doctor": "Run each model at hand, and show which provider really ran it, how fast, and why others did not.",
    "verify": "Tell whether a file is marked as synthetic, by whom, and with whose consent.",
    "serve": "Run as a daemon: HTTP API, metrics, and a web panel.",
    "consent": "Record who a face is and who agreed to its use.",
    "models": "List the models at hand, add another program's, remove it again.",
    "bench": "Measure how fast the jobs run on this machine.",
}
#: The same for the commands of other packages.
_EXTRA_HELP: Final = {
    "extract": "Collect aligned faces from videos and pictures.",
    "faceset": "Look at a set of faces, sort, prune, merge and split it.",
    "train": "Train a swap model from two sets of faces.",
    "export": "Turn a training checkpoint into a model file.",
}


class _Interrupted(BaseException):
    """Ctrl-C or a termination request; not a KeyboardInterrupt, which typer would answer in its own way."""


def build_app(called: str | None = None) -> typer.Typer:
    """The whole command line, of which only the command that is ``called`` is imported."""
    # rich would take half of the time that help may take, and tracebacks are for our own bugs.
    app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    app.callback()(_group)
    for name, words in _COMMANDS.items():
        if name == called:
            _add(app, name, getattr(import_module(f"realtime.cli.{name}"), name))
        else:
            app.command(name, help=words)(_not_imported)
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name, reverse=True):
        if entry.name == called:
            _add_extra(app, entry)
        else:
            app.command(entry.name, help=_EXTRA_HELP.get(entry.name, ""))(_not_imported)
    return app


def _group() -> None:
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
    _complete_streams()
    for number in STOPS:
        if number in STOPS[:2] or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _interrupt)
    called = next((word for word in sys.argv[1:] if not word.startswith("-")), None)
    try:
        build_app(called)()
    except MummerError as error:
        _complain(str(error))
        sys.exit(error.exit_code)
    except _Interrupted:
        _complain("interrupted")
        sys.exit(INTERRUPTED)
    sys.exit(0)


def _complete_streams() -> None:
    """Give the process the three streams that it expects, and let it print any file name.

    Where one of them is closed, the next file to be opened would take its place.
    """
    while (spare := os.open(os.devnull, os.O_RDWR)) <= LAST_STREAM:
        pass
    os.close(spare)
    sys.stdout = sys.stdout or os.fdopen(1, "w", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(LAST_STREAM, "w", closefd=False)
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="surrogateescape")


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    """The first signal ends the job in good order; a second must not disturb the tidying up."""
    for each in STOPS:
        signal.signal(each, signal.SIG_IGN)
    raise _Interrupted


def _complain(words: str) -> None:
    print("mummer:", " ".join(words.split()), file=sys.stderr)
