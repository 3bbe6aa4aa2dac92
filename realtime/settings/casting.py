"""Who gets a new face, and which: words for the faces of a picture, and models for them."""

import re
import shlex
from collections.abc import Mapping
from typing import Final

__all__ = ["PLACES", "cast_of", "entries_of", "which_faces"]

#: What ``faces`` may say beside a number, which counts from the left, from 1.
PLACES: Final = ("all", "largest", "left", "right")
_NUMBER: Final = re.compile(r"[1-9]\d{0,2}", re.ASCII)
#: What the entry of a map may be for.
_WHO: Final = re.compile(r"left|right|all|[1-9]\d{0,2}|track:\d{1,9}", re.ASCII)


def which_faces(text: str) -> str:
    """``text`` as one of ``PLACES``, or a number. Raises ``ValueError``."""
    text = text.strip().lower()
    if text not in PLACES and not _NUMBER.fullmatch(text):
        raise ValueError(f"{text!r}: say {', '.join(PLACES)}, or a number, counted from the left")
    return text


def entries_of(given: object) -> object:
    """The entries of a map, each like ``left=bob``, of what may be given as one: words, a list of such, a mapping.

    What is none of these comes back as it is.
    """
    if given is None:
        return ()
    if isinstance(given, Mapping):
        return tuple(f"{who}={model}" for who, model in given.items())
    if isinstance(given, str):
        given = [given]
    if isinstance(given, list | tuple) and all(isinstance(each, str) for each in given):
        return tuple(entry for each in given for entry in _words(each))
    return given


def cast_of(entries: tuple[str, ...]) -> dict[str, str]:
    """Models by whom they are for: ``left``, ``right``, a number from the left, ``track:3``, ``all`` others.

    Raises ``ValueError``.
    """
    cast: dict[str, str] = {}
    for entry in entries:
        who, is_, model = entry.partition("=")
        who = who.strip().lower()
        if not is_ or not model.strip() or not _WHO.fullmatch(who):
            raise ValueError(
                f"{entry!r}: write it like left=bob right=carol; beside left and right there are numbers from the left,"
                " track:3 and all"
            )
        if who in cast:
            raise ValueError(f"{who} comes twice; give each face one model")
        cast[who] = model.strip()
    return cast


def _words(text: str) -> list[str]:
    """The entries of a text; a model's name with a space in it stands in quotes."""
    try:
        return shlex.split(text)
    except ValueError as error:
        raise ValueError(f"{text!r}: {error}") from error
