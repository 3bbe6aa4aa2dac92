"""The three streams of the process: there, and able to print any file name."""

import codecs
import os
import sys
from io import TextIOWrapper
from typing import Final

__all__ = ["complete_streams"]

#: Standard error, after standard input and output.
LAST_STREAM: Final = 2
ANY_NAME: Final = "mummer-any-name"


def complete_streams() -> None:
    """Give the process the three streams that it expects, and let it print any file name.

    Where one of them is closed, the next file to be opened would take its place.
    """
    while (spare := os.open(os.devnull, os.O_RDWR)) <= LAST_STREAM:
        pass
    os.close(spare)
    sys.stdout = sys.stdout or os.fdopen(1, "w", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(LAST_STREAM, "w", closefd=False)
    codecs.register_error(ANY_NAME, _any_name)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors=ANY_NAME)


def _any_name(error: UnicodeError) -> tuple[str | bytes, int]:
    """Print bytes of a name that are no text as they are, and what the terminal's encoding lacks by its number."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    one = UnicodeEncodeError(error.encoding, error.object, error.start, error.start + 1, error.reason)
    raw = "\udc80" <= error.object[error.start] <= "\udcff"
    return (codecs.lookup_error("surrogateescape") if raw else codecs.backslashreplace_errors)(one)
