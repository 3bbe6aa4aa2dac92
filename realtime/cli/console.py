"""What a command prints: its results, remarks beside them, and what went wrong. None of it moves the terminal.

Names of files and words of other programs may hold control characters; they are shown escaped, and never sent.
"""

import re
import sys
from typing import Final

from realtime.runtime.errors import OutputError, reason

__all__ = ["complain", "harmless", "note", "say"]


def say(line: str) -> None:
    """Print a line of the result. Raises ``OutputError`` where it cannot be written, as on a full disk."""
    try:
        print(harmless(line), flush=True)
    except BrokenPipeError:
        raise  # nobody reads on: the command line ends without a word
    except OSError as error:
        sys.stdout = sys.stderr  # what is still held back would fail again at the exit
        raise OutputError(f"the standard output cannot be written: {reason(error)}") from error


def note(line: str) -> None:
    """Print a line beside the result, on stderr."""
    print("mummer: note:", harmless(line), file=sys.stderr)


def complain(words: str) -> None:
    """Print what went wrong on stderr, in one line."""
    print("mummer:", harmless(" ".join(words.split())), file=sys.stderr)


def harmless(line: str) -> str:
    r"""``line`` with the characters that act instead of being shown written as ``\\u001b``, as JSON has them too."""
    return _ACTING.sub(lambda found: f"\\u{ord(found[0]):04x}", line)


#: Controls but the tab (C0, DEL and C1), other ends of lines, and what turns the direction of writing.
_ACTING: Final = re.compile("[\0-\x08\x0a-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
