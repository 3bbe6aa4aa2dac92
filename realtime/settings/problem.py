"""The text of a settings error, in one line."""

from collections.abc import Iterable

from pydantic import ValidationError

__all__ = ["first_problem"]


def first_problem(error: ValidationError, known: Iterable[str] = (), prefix: str = "") -> str:
    """The first of the problems: which setting, and what about it. ``known`` lists the names that there are.

    ``prefix`` stands before the setting's name, like the dashes of the command line.
    """
    first = error.errors(include_url=False, include_input=False)[0]
    name = prefix + ".".join(str(step) for step in first["loc"])
    if first["type"] == "extra_forbidden":
        there = ", ".join(known)
        return f"there is no setting {name!r}{there and f'; there are {there}'}"
    words = first["msg"].removeprefix("Value error, ")
    words = words[:1].lower() + words[1:]
    return f"{name}: {words}" if first["loc"] else words
