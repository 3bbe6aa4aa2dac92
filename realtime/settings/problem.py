"""The text of a settings error, in one line."""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

__all__ = ["first_problem"]


class Invalid(Protocol):
    """pydantic's ``ValidationError``, or FastAPI's of a request."""

    def errors(self) -> Sequence[Any]: ...


def first_problem(error: Invalid, known: Iterable[str] = (), prefix: str = "", skip: int = 0) -> str:
    """The first of the problems: which setting, and what about it. ``known`` lists the names that there are.

    ``prefix`` stands before the setting's name, like the dashes of the command line; ``skip`` leaves out the first
    steps of its place, like the word ``body`` of a request.
    """
    first = error.errors()[0]
    place = ".".join(str(step) for step in first["loc"][skip:])
    name = prefix + place
    if first["type"] == "extra_forbidden":
        there = ", ".join(known)
        return f"there is no setting {name!r}{there and f'; there are {there}'}"
    words = first["msg"].removeprefix("Value error, ")
    words = words[:1].lower() + words[1:]
    return f"{name}: {words}" if place else words
