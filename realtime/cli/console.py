"""Printing a command's results."""

import sys

from realtime.runtime.errors import OutputError, reason

__all__ = ["note", "say"]


def say(line: str) -> None:
    """Print a line of the result. Raises ``OutputError`` where it cannot be written, as on a full disk."""
    try:
        print(line, flush=True)
    except BrokenPipeError:
        raise  # nobody reads on: the command line ends without a word
    except OSError as error:
        sys.stdout = sys.stderr  # what is still held back would fail again at the exit
        raise OutputError(f"the standard output cannot be written: {reason(error)}") from error


def note(line: str) -> None:
    """Print a line beside the result, on stderr."""
    print("mummer: note:", line, file=sys.stderr)
